"""Calling actions: waiting, results, arguments for the start, and nested calls (openwhisk-api §3.1, §3.2, §12.1, §12.2)."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.compat.steps import API, MISSING, invoke, marks_of, parameters, put, put_action, put_sequence, record, said

TIMEOUT = "The query parameter 'timeout' was malformed:\nTimeout must be number of milliseconds up to 60000."
SLOW = "function main(a) { return new Promise(done => setTimeout(() => done({ late: true }), a.ms)); }"


def call(http: httpx.Client, name: str, query: str = "", **payload: object) -> httpx.Response:
    """One call."""
    return http.post(f"{API}/actions/{name}{query}", json=payload)


@pytest.mark.parametrize("query", ["", "?result=true", "?blocking=false&result=true", "?timeout=500"])
def test_a_call_that_does_not_wait_gets_an_id(http: httpx.Client, query: str) -> None:
    """202 and nothing else, whatever is said of the result or the time."""
    put_action(http, "echo")
    answer = call(http, "echo", query, a=1)
    assert (answer.status_code, set(answer.json())) == (202, {"activationId"})
    assert answer.headers["x-openwhisk-activation-id"] == answer.json()["activationId"]
    assert record(http, answer.json()["activationId"])["response"]["result"] == {"a": 1}


@pytest.mark.parametrize("value", ["0", "-1", "60001", "x", "", "1.5"])
def test_a_wait_out_of_range_is_refused(http: httpx.Client, value: str) -> None:
    """1 to 60000 ms."""
    put_action(http, "echo")
    assert said(call(http, "echo", f"?blocking=true&timeout={value}")) == (400, TIMEOUT)


def test_a_wait_may_be_shorter(http: httpx.Client) -> None:
    """Then it is 202 with the id, in the body and the header, and the run goes on; long enough it is 200."""
    put_action(http, "slow", SLOW)
    call(http, "slow", "?blocking=true", ms=1)
    begun = time.monotonic()
    early = call(http, "slow", "?blocking=true&result=true&timeout=200", ms=2500)
    assert time.monotonic() - begun < 2.4
    assert (early.status_code, set(early.json())) == (202, {"activationId"})
    assert early.headers["x-openwhisk-activation-id"] == early.json()["activationId"]
    assert call(http, "slow", "?blocking=true&timeout=60000", ms=10).status_code == 200
    assert record(http, early.json()["activationId"])["response"]["result"] == {"late": True}


def test_a_sequence_goes_on_after_its_caller_left(http: httpx.Client) -> None:
    """To its end, with all its steps."""
    put_action(http, "slow", SLOW)
    put_action(http, "then", "function main(a) { return { then: a.late }; }")
    put_sequence(http, "long", "/_/slow", "/_/then")
    early = call(http, "long", "?blocking=true&timeout=100", ms=1500)
    ended = record(http, early.json()["activationId"])
    assert (early.status_code, ended["response"]["result"], len(ended["logs"])) == (202, {"then": True}, 2)


def test_only_the_result_is_answered_when_asked(http: httpx.Client) -> None:
    """An object, an empty one, an error; a list always comes bare."""
    put_action(http, "empty", "function main() { return {}; }")
    put_action(http, "nothing", "function main() { }")
    put_action(http, "list", "function main() { return [1, { a: 2 }]; }")
    put_action(http, "wrong", "function main() { return { error: { code: 7 }, more: 1 }; }")
    for name in ("empty", "nothing"):
        answer = call(http, name, "?blocking=true&result=true")
        assert (answer.status_code, answer.json()) == (200, {})
    for query in ("?blocking=true", "?blocking=true&result=true"):
        assert call(http, "list", query).json() == [1, {"a": 2}]
    wrong = call(http, "wrong", "?blocking=true&result=true")
    assert (wrong.status_code, wrong.json()) == (502, {"error": {"code": 7}})


@pytest.mark.parametrize(
    ("code", "status", "result"),
    [
        ("function main() { return Promise.resolve({ ok: 1 }); }", "success", {"ok": 1}),
        ("function main() { return new Promise((_, no) => no('rejected')); }", "application error", {"error": "rejected"}),
        (
            "function main() { return Promise.reject({ code: 7, deep: { a: 1 } }); }",
            "application error",
            {"error": {"code": 7, "deep": {"a": 1}}},
        ),
        ("async function main() { return { error: 'said' }; }", "application error", {"error": "said"}),
    ],
)
def test_a_promise_is_waited_for(http: httpx.Client, code: str, status: str, result: dict[str, object]) -> None:
    """What it is resolved with is the result, what it is rejected with the error."""
    put_action(http, "promise", code)
    ended = invoke(http, "promise")["response"]
    assert (ended["status"], ended["result"]) == (status, result)


def test_code_that_cannot_be_read_is_the_developer_s_error(http: httpx.Client) -> None:
    """It is accepted when it is put, and told when it is called, with the record."""
    put_action(http, "malformed", "x")
    put_action(http, "no-main", "function other() { return {}; }")
    put_action(http, "blank", "")
    for name in ("malformed", "no-main", "blank"):
        answer = call(http, name, "?blocking=true")
        assert (answer.status_code, answer.json()["response"]["status"]) == (502, "action developer error"), name
        assert answer.json()["response"]["success"] is False
        assert set(call(http, name, "?blocking=true&result=true").json()) == {"error"}


def test_arguments_for_the_start_are_in_the_environment_only(http: httpx.Client) -> None:
    """Parameters with `init`: as text, also when the call brings another value; never in the payload, and null as nothing."""
    code = "const seen = { ...process.env }; function main(a) { return { env: [seen.A, seen.B, seen.C, seen.D], args: Object.keys(a).sort() }; }"
    bound = [
        {"key": "A", "value": "text", "init": True},
        {"key": "B", "value": {"b": [1]}, "init": True},
        {"key": "C", "value": None, "init": True},
        {"key": "D", "value": 7, "init": True},
        {"key": "plain", "value": 1},
    ]
    made = put_action(http, "started", code, parameters=bound)
    assert made["parameters"] == bound
    assert call(http, "started", "?blocking=true&result=true", other=2).json() == {
        "env": ["text", '{"b":[1]}', "", "7"],
        "args": ["other", "plain"],
    }
    put_action(http, "started", code, parameters=bound)
    fresh = call(http, "started", "?blocking=true&result=true", A="given").json()
    assert (fresh["env"][0], fresh["args"]) == ("given", ["plain"])


def test_an_action_knows_its_context(http: httpx.Client) -> None:
    """Namespace, name, version, id and deadline; the API's address, and a key only if asked for."""
    code = "function main() { return Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith('__OW_'))); }"
    put(http, "packages/box")
    made = put_action(http, "box/context", code, limits={"timeout": 10_000})
    begun = time.time() * 1000
    ended = invoke(http, "box/context")
    seen = ended["response"]["result"]
    assert (seen["__OW_NAMESPACE"], seen["__OW_ACTION_NAME"], seen["__OW_ACTION_VERSION"]) == (
        "guest",
        "/guest/box/context",
        made["version"],
    )
    assert seen["__OW_ACTIVATION_ID"] == ended["activationId"]
    assert begun <= int(seen["__OW_DEADLINE"]) <= begun + 30_000
    assert "__OW_API_KEY" not in seen
    assert seen["__OW_API_HOST"].startswith("http")


def test_an_action_calls_another_with_its_key(http: httpx.Client) -> None:
    """Nested, blocking, as the caller."""
    code = """
    async function main(a) {
      const url = `${process.env.__OW_API_HOST}/api/v1/namespaces/_/actions/inner?blocking=true`;
      const key = 'Basic ' + Buffer.from(process.env.__OW_API_KEY).toString('base64');
      const body = JSON.stringify({ n: a.n });
      const answer = await fetch(url, { method: 'POST', body, headers: { Authorization: key, 'Content-Type': 'application/json' } });
      return { status: answer.status, inner: (await answer.json()).response.result };
    }"""
    put_action(http, "inner", "function main(a) { return { twice: a.n * 2 }; }")
    put_action(http, "outer", code, annotations=[{"key": "provide-api-key", "value": True}])
    assert invoke(http, "outer", {"n": 4})["response"]["result"] == {"status": 200, "inner": {"twice": 8}}


def test_a_run_that_is_too_long_is_ended_and_the_next_one_is_well(http: httpx.Client) -> None:
    """Its limit is told and marked; the process is not used again."""
    put_action(http, "sleepy", SLOW, limits={"timeout": 500})
    ended = invoke(http, "sleepy", {"ms": 5000})
    assert ended["response"]["status"] == "action developer error"
    assert ended["response"]["result"] == {"error": "The action exceeded its time limits of 500 milliseconds."}
    assert (marks_of(ended)["timeout"], ended["duration"] >= 500) == (True, True)
    again = invoke(http, "sleepy", {"ms": 1})
    assert again["response"]["result"] == {"late": True}
    assert "initTime" in marks_of(again)


def test_an_update_is_what_runs_next(http: httpx.Client) -> None:
    """Code, parameters and version; what runs already ends as it began."""
    put_action(http, "changing", SLOW)
    invoke(http, "changing", {"ms": 1})
    running = call(http, "changing", ms=1000).json()["activationId"]
    put_action(http, "changing", "function main(a) { return { new: true, ...a }; }", parameters=parameters(p=1))
    ended = invoke(http, "changing")
    assert (ended["response"]["result"], ended["version"]) == ({"new": True, "p": 1}, "0.0.2")
    assert record(http, running)["version"] in {"0.0.1", "0.0.2"}


def test_what_was_deleted_cannot_be_called(http: httpx.Client) -> None:
    """At once, and also through a package that is gone."""
    put(http, "packages/fleeting")
    put_action(http, "fleeting/act")
    assert invoke(http, "fleeting/act", {"a": 1})["response"]["result"] == {"a": 1}
    http.delete(f"{API}/packages/fleeting?force=true").raise_for_status()
    assert said(call(http, "fleeting/act", "?blocking=true")) == (404, MISSING)


def test_large_code_is_run(http: httpx.Client) -> None:
    """More than a megabyte of it."""
    code = f"const padding = '{'x' * 1_600_000}'; function main() {{ return {{ n: padding.length }}; }}"
    put_action(http, "large", code)
    assert invoke(http, "large")["response"]["result"] == {"n": 1_600_000}


def test_logs_are_lines_of_both_streams(http: httpx.Client) -> None:
    """In the order written, each with its time; none with a limit of 0."""
    code = "function main() { console.log('one\\ntwo'); console.error('three'); console.log('four'); return {}; }"
    put_action(http, "chatty", code)
    logs = record(http, invoke(http, "chatty")["activationId"])["logs"]
    assert sorted(line.split("Z ", 1)[1] for line in logs) == ["stderr: three", "stdout: four", "stdout: one", "stdout: two"]
    put_action(http, "chatty", code, limits={"logs": 0})
    assert record(http, invoke(http, "chatty")["activationId"])["logs"] == []
