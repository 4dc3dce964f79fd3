"""How a run ends: success, application error, developer error, and what is kept of its log (openwhisk-api §3.1, §3.3, §3.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.compat.steps import API, invoke, marks_of, put_action, record
from tests.support import hubs

NODE, PYTHON = "nodejs:default", "python:default"
FINE, OWN, FAULT = "success", "application error", "action developer error"
MISSING = "stderr: The action did not initialize or run as expected. Log data might be missing."
LINE = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr): ", re.ASCII)


class Case(NamedTuple):
    """A program, and what becomes of a run of it."""

    name: str
    kind: str
    code: str
    status: str
    result: Any
    limits: dict[str, int] = {}  # noqa: RUF012 - never changed


def refused(name: str, kind: str, code: str, error: Any, status: str = FAULT, **limits: int) -> Case:
    return Case(name, kind, code, status, {"error": error}, limits)


CASES = [
    Case("nothing", NODE, "function main() {}", FINE, {}),
    Case("object", PYTHON, "def main(args):\n    return {'a': None}", FINE, {"a": None}),
    Case("promise", NODE, "function main() { return new Promise((done) => setImmediate(done, {late: 1})); }", FINE, {"late": 1}),
    Case("coroutine", PYTHON, "async def main(args):\n    return {'late': 1}", FINE, {"late": 1}),
    refused("error_only", NODE, "function main() { return {error: 'no', more: 1}; }", "no", OWN),
    refused("error_only_py", PYTHON, "def main(args):\n    return {'error': {'statusCode': 418}, 'more': 1}", {"statusCode": 418}, OWN),
    refused("error_null", NODE, "function main() { return {error: null}; }", None, OWN),
    refused("rejects", NODE, "function main() { return Promise.reject({code: 7}); }", {"code": 7}, OWN),
    refused("rejects_bare", NODE, "function main() { return Promise.reject(); }", {}, OWN),
    refused("raises", PYTHON, "def main(args):\n    raise ValueError('boom')", "boom", OWN),
    refused("throws", NODE, "function main() { throw new Error('boom'); }", "An error has occurred: Error: boom"),
    refused("text", NODE, "function main() { return 'text'; }", "The action did not return a dictionary."),
    refused("text_py", PYTHON, "def main(args):\n    return 'text'", "The action did not return a dictionary or array."),
    refused("none_py", PYTHON, "def main(args):\n    return None", "The action did not return a dictionary or array."),
    refused("exits", NODE, "function main() { process.exit(3); }", "The action did not produce a valid response and exited unexpectedly."),
    refused("exits_py", PYTHON, "import os\ndef main(args):\n    os._exit(0)", "The action did not produce a valid response and exited unexpectedly."),
    refused("dies_early", NODE, "process.exit(0);", "The action did not initialize and exited unexpectedly."),
    refused("dies_early_py", PYTHON, "import os\nos._exit(3)", "The action did not initialize and exited unexpectedly."),
    refused("syntax", NODE, "function main() { return {; }", "Initialization has failed due to: SyntaxError: Unexpected token ';'"),
    refused("syntax_py", PYTHON, "def main(args)", "Initialization has failed due to: SyntaxError: expected ':'"),
    refused("nomain", NODE, "function other() {}", "Initialization has failed due to: Action entrypoint 'main' is not a function."),
    refused("empty", NODE, "", "Missing main/no code to execute."),
    refused("empty_py", PYTHON, "", "Missing main/no code to execute."),
    refused("slow", NODE, "function main() { return new Promise(() => {}); }", "The action exceeded its time limits of 300 milliseconds.", timeout=300),
    refused("slow_py", PYTHON, "import time\ndef main(args):\n    time.sleep(20)", "The action exceeded its time limits of 300 milliseconds.", timeout=300),
    refused("slow_start", NODE, "while (true);", "The action exceeded its time limits of 300 milliseconds during initialization.", timeout=300),
    refused("memory", PYTHON, "def main(args):\n    x = 'a' * 300000000\n    while x:\n        pass", "The action exhausted its memory and was aborted.", memory=128),
]  # fmt: skip


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the guest of a hub of this module."""
    with hubs.running(tmp_path_factory.mktemp("hub") / "data") as hub, hub.http as client:
        yield client


def said(row: dict[str, Any]) -> list[str]:
    """Log lines without their times; each has one."""
    assert all(LINE.match(line) for line in row["logs"]), row["logs"]
    return [line[31:] for line in row["logs"]]


def log_of(http: httpx.Client, name: str, payload: Any = None) -> list[str]:
    return said(record(http, invoke(http, name, payload)["activationId"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_end_of_a_run_has_its_status_and_its_words(http: httpx.Client, case: Case) -> None:
    """200, 502; the answer is the record but for its log, and `result=true` answers the result only."""
    put_action(http, case.name, case.code, case.kind, limits=case.limits)
    path = f"{API}/actions/{case.name}?blocking=true"
    answer = http.post(path, json={})
    found = answer.json()

    assert answer.status_code == (200 if case.status == FINE else 502)
    assert found["response"]["status"] == case.status
    assert found["response"]["success"] is (case.status == FINE)
    assert found["response"]["result"] == case.result
    assert answer.headers["x-openwhisk-activation-id"] == found["activationId"]
    kept = record(http, found["activationId"])
    assert {**kept, "logs": []} == found
    assert (MISSING in said(kept)) is (case.status == FAULT)
    assert marks_of(kept)["timeout"] is ("timeout" in case.limits)
    assert http.post(path + "&result=true", json={}).json() == case.result


def test_an_array_is_answered_bare(http: httpx.Client) -> None:
    """Even when the whole record was asked for; the record has it as any other."""
    put_action(http, "array", "function main() { return [1, {a: 2}]; }")
    answer = http.post(f"{API}/actions/array?blocking=true", json={})

    assert (answer.status_code, answer.json()) == (200, [1, {"a": 2}])
    assert record(http, answer.headers["x-openwhisk-activation-id"])["response"]["result"] == [1, {"a": 2}]


def test_the_size_is_that_of_the_serialised_result(http: httpx.Client) -> None:
    """In characters; a run without an answer has none."""
    put_action(http, "sized", "function main() { return {word: 'žába'}; }")
    put_action(http, "sizeless", "function main() { process.exit(1); }")

    assert invoke(http, "sized")["response"]["size"] == len('{"word":"žába"}')
    assert "size" not in invoke(http, "sizeless")["response"]


def test_what_cannot_be_json_is_the_developers_error(http: httpx.Client) -> None:
    """With the reason in the log."""
    put_action(http, "bigint", "function main() { return {x: 10n}; }")
    put_action(http, "opaque", "def main(args):\n    return {'x': float('nan')}", PYTHON)
    for name in ("bigint", "opaque"):
        found = invoke(http, name)
        assert found["response"]["status"] == FAULT
        assert found["response"]["result"]["error"].startswith("The action did not return a dictionary")
        assert "JSON" in "".join(log_of(http, name))


@pytest.mark.parametrize(("kind", "code"), [(NODE, "function main(a) { return {t: 'é'.repeat(a.n)}; }"), (PYTHON, "def main(a):\n    return {'t': 'é' * a['n']}")])  # fmt: skip
def test_a_result_over_a_megabyte_is_cut_off(http: httpx.Client, kind: str, code: str) -> None:
    """An application error, 502, with what came before the limit; its size is the real one, and it is on record."""
    put_action(http, "huge", code, kind)
    answer = http.post(f"{API}/actions/huge?blocking=true", json={"n": 600_000})
    found = answer.json()
    error = found["response"]["result"]["error"]

    assert (answer.status_code, found["response"]["status"]) == (502, OWN)
    head, _, prefix = error.partition(" The truncated response was: ")
    begun, more = ('{"t":"', 0) if kind == NODE else ('{"t": "', 2)  # as each language writes JSON
    assert head == f"The action produced a response that exceeded the allowed length: {1_200_008 + more} > 1048576 bytes."
    assert prefix == begun + "é" * ((1_048_576 - len(begun)) // 2)
    assert found["response"]["size"] == 600_008 + more
    assert record(http, found["activationId"])["response"] == found["response"]
    assert len(invoke(http, "huge", {"n": 500_000})["response"]["result"]["t"]) == 500_000


def test_what_failed_is_not_used_again(http: httpx.Client) -> None:
    """After a developer's error the next run begins cold; after an application error it does not."""
    put_action(http, "fails", "let n = 0; function main(a) { n += 1; if (a.how === 'throw') throw 'x'; return a.how ? {error: n} : {n}; }")
    assert invoke(http, "fails")["response"]["result"] == {"n": 1}
    assert invoke(http, "fails", {"how": "error"})["response"]["result"] == {"error": 2}
    warm = invoke(http, "fails", {"how": "throw"})
    cold = invoke(http, "fails")

    assert "initTime" not in marks_of(warm)
    assert warm["response"]["result"] == {"error": "An error has occurred: x"}
    assert cold["response"]["result"] == {"n": 1}
    assert marks_of(cold)["initTime"] > 0


def test_a_run_after_one_that_took_too_long_begins_cold(http: httpx.Client) -> None:
    """And is none the worse for it."""
    put_action(
        http,
        "stuck",
        "const me = Math.random(); function main(a) { return a.wait ? new Promise(() => {}) : { me }; }",
        limits={"timeout": 400},
    )
    first = invoke(http, "stuck")["response"]["result"]["me"]
    late = invoke(http, "stuck", {"wait": True})
    after = invoke(http, "stuck")

    assert 400 <= late["duration"] < 5000
    assert after["response"]["result"]["me"] != first
    assert "initTime" in marks_of(after)


# Logs


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (NODE, "function main(a) { console.log('one\\ntwo ☃'); console.error('three'); process.stdout.write('four'); return {}; }"),
        (PYTHON, "import sys\ndef main(a):\n    print('one\\ntwo ☃')\n    print('three', file=sys.stderr)\n    print('four', end='')\n    return {}"),
    ],
)  # fmt: skip
def test_each_line_is_an_element(http: httpx.Client, kind: str, code: str) -> None:
    """Of its stream, in its order, the last one also without an end; the answer has none yet."""
    put_action(http, "prints", code, kind)
    found = invoke(http, "prints")
    lines = said(record(http, found["activationId"]))

    assert found["logs"] == []
    assert [line for line in lines if line.startswith("stdout")] == ["stdout: one", "stdout: two ☃", "stdout: four"]
    assert [line for line in lines if line.startswith("stderr")] == ["stderr: three"]
    assert http.get(f"{API}/activations/{found['activationId']}/logs").json()["logs"] == record(http, found["activationId"])["logs"]


def test_lines_of_both_streams_stand_in_the_order_in_which_they_were_printed(http: httpx.Client) -> None:
    """As far as the pipes can tell: what is printed with a pause between."""
    code = "const nap = () => new Promise((done) => setTimeout(done, 60));\nasync function main() { console.error(1); await nap(); console.log(2); await nap(); console.error(3); }"
    put_action(http, "ordered", code)

    assert log_of(http, "ordered") == ["stderr: 1", "stdout: 2", "stderr: 3"]


def test_a_long_line_stays_one_line(http: httpx.Client) -> None:
    """Far longer than what a pipe holds."""
    put_action(http, "long", "function main() { console.log('é'.repeat(400000)); console.log('end'); }")

    assert log_of(http, "long") == ["stdout: " + "é" * 400_000, "stdout: end"]


def test_a_log_ends_at_its_limit_with_a_line_that_says_so(http: httpx.Client) -> None:
    """The run itself is fine."""
    put_action(
        http,
        "chatty",
        "def main(args):\n    for _ in range(30000):\n        print('x' * 100)\n    return {'done': 1}",
        PYTHON,
        limits={"logs": 1},
    )
    found = invoke(http, "chatty")
    lines = record(http, found["activationId"])["logs"]

    assert found["response"]["result"] == {"done": 1}
    assert lines[-1].endswith("stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.")
    assert 1_000_000 < sum(len(line) for line in lines[:-1]) <= 1_048_576


def test_no_log_is_kept_where_none_is_wanted(http: httpx.Client) -> None:
    """A limit of 0 MB: not even of a failure."""
    put_action(http, "silent", "function main() { console.log('x'); throw 'y'; }", limits={"logs": 0})

    assert log_of(http, "silent") == []


def test_what_a_failing_run_printed_is_on_record(http: httpx.Client) -> None:
    """Also when it ended its own process, and when it took too long."""
    put_action(
        http,
        "last_words",
        "function main(a) { console.log('so far'); if (a.die) process.exit(1); return new Promise(() => {}); }",
        limits={"timeout": 1000},
    )

    assert log_of(http, "last_words", {"die": True}) == ["stdout: so far", MISSING]
    assert log_of(http, "last_words") == ["stdout: so far", MISSING]


def test_an_exception_leaves_its_trace_in_the_log(http: httpx.Client) -> None:
    """As far as it is the action's own."""
    put_action(http, "traced", "def deep():\n    raise KeyError('k')\ndef main(args):\n    deep()", PYTHON)
    lines = log_of(http, "traced")

    assert lines[0] == "stderr: Traceback (most recent call last):"
    assert lines[-1] == "stderr: KeyError: 'k'"
    assert any("in deep" in line for line in lines)
    assert not any("launchers" in line for line in lines)
