"""The shapes that clients read, as a real OpenWhisk answered them (openwhisk-api §2, §4, §5, §8)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import hubs
from tests.support.eventually import eventually

API = "/api/v1/namespaces/_"
LIMITS = {"concurrency": 1, "logs": 10, "memory": 256, "timeout": 60000}
CODE = "def main(args):\n    print('out')\n    return args\n"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client with the guest's key."""
    with hubs.running(tmp_path_factory.mktemp("shapes") / "data") as hub, hub.http as found:
        yield found


def put(http: httpx.Client, path: str, body: Any, *, overwrite: bool = True) -> Any:
    answer = http.put(f"{API}/{path}?overwrite={str(overwrite).lower()}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def given_action(http: httpx.Client, name: str, code: str = CODE, **more: Any) -> Any:
    return put(http, f"actions/{name}", {"exec": {"kind": "python:3", "code": code}, **more})


def record(http: httpx.Client, activation_id: str) -> Any:
    return eventually(lambda: found.json() if (found := http.get(f"{API}/activations/{activation_id}")).status_code == 200 else None)


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_an_action_is_created_updated_read_and_listed(http: httpx.Client) -> None:
    """Annotations merge, versions count, the list has no code."""
    made = given_action(http, "shape", annotations=[{"key": "web-export", "value": True}])
    changed = put(http, "actions/shape", {"parameters": [{"key": "n", "value": 1}], "annotations": [{"key": "description", "value": "d"}]})
    bare = http.get(f"{API}/actions/shape?code=false").json()
    (row,) = [row for row in http.get(f"{API}/actions").json() if row["name"] == "shape"]

    assert without(made, "updated") == {
        "annotations": [
            {"key": "web-export", "value": True},
            {"key": "provide-api-key", "value": False},
            {"key": "exec", "value": "python:3"},
        ],
        "exec": {"kind": "python:3", "code": CODE, "binary": False},
        "limits": LIMITS,
        "name": "shape",
        "namespace": "guest",
        "parameters": [],
        "publish": False,
        "version": "0.0.1",
    }
    assert changed["version"] == "0.0.2"
    assert [item["key"] for item in changed["annotations"]] == ["web-export", "provide-api-key", "exec", "description"]
    assert bare["exec"] == {"kind": "python:3", "binary": False}
    assert set(row) == {"name", "namespace", "version", "publish", "annotations", "updated", "exec", "limits"}
    assert row["exec"] == {"binary": False}
    assert http.get(f"{API}/actions?count=true").json()["actions"] >= 1


def test_creating_twice_is_a_conflict_and_deleting_answers_what_was_there(http: httpx.Client) -> None:
    """With the code."""
    given_action(http, "twice")
    again = http.put(f"{API}/actions/twice", json={"exec": {"kind": "python:3", "code": CODE}})
    gone = http.delete(f"{API}/actions/twice").json()

    assert (again.status_code, again.json()["error"]) == (409, "resource already exists")
    assert gone["exec"]["code"] == CODE
    assert http.get(f"{API}/actions/twice").status_code == 404


def test_code_of_any_size_is_kept(http: httpx.Client) -> None:
    """Above 64 KiB it lies outside the database; nobody sees a difference."""
    code = CODE + "# " + "x" * 300_000 + "\n"
    given_action(http, "large", code)

    assert http.get(f"{API}/actions/large").json()["exec"]["code"] == code
    assert http.post(f"{API}/actions/large?blocking=true&result=true", json={"a": 1}).json() == {"a": 1}
    assert http.delete(f"{API}/actions/large").json()["exec"]["code"] == code


def test_a_blocking_call_answers_the_record_without_logs(http: httpx.Client) -> None:
    """The record has them; the id is in a header."""
    given_action(http, "called")
    answer = http.post(f"{API}/actions/called?blocking=true", json={"a": 1})
    told = answer.json()
    kept = record(http, told["activationId"])
    marks = {item["key"]: item["value"] for item in told["annotations"]}

    assert answer.headers["x-openwhisk-activation-id"] == told["activationId"]
    assert told["response"] == {"result": {"a": 1}, "size": 9, "status": "success", "success": True}
    assert told["logs"] == []
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout: out", kept["logs"][0])
    assert without(kept, "logs") == without(told, "logs")
    assert told["end"] - told["start"] == told["duration"]
    assert set(marks) == {"path", "waitTime", "kind", "timeout", "limits", "initTime", "hub"}
    assert (marks["path"], marks["kind"], marks["timeout"], marks["limits"]) == ("guest/called", "python:3", False, LIMITS)
    assert http.get(f"{API}/activations/{told['activationId']}/result").json() == told["response"]
    assert http.get(f"{API}/activations/{told['activationId']}/logs").json() == {"logs": kept["logs"]}


@pytest.mark.parametrize(
    ("code", "status", "text", "result"),
    [
        ("def main(a): return {'error': 'no', 'more': 1}", 502, "application error", {"error": "no"}),
        ("def main(a): return 'text'", 502, "action developer error", {"error": "The action did not return a dictionary or array."}),
        (
            "import os\ndef main(a): os._exit(1)",
            502,
            "action developer error",
            {"error": "The action did not produce a valid response and exited unexpectedly."},
        ),
    ],
)
def test_failing_actions_are_answers(http: httpx.Client, code: str, status: int, text: str, result: Any) -> None:
    """502 with the record, or with the error alone; no `code` key."""
    given_action(http, "failing", code)
    whole = http.post(f"{API}/actions/failing?blocking=true", json={})
    alone = http.post(f"{API}/actions/failing?blocking=true&result=true", json={})

    assert (whole.status_code, alone.status_code) == (status, status)
    assert (whole.json()["response"]["status"], whole.json()["response"]["success"]) == (text, False)
    assert alone.json() == result


def test_a_call_that_takes_longer_than_it_may_wait_goes_on(http: httpx.Client) -> None:
    """202 with the id, and a record later."""
    given_action(http, "waiting", "import time\ndef main(a):\n    time.sleep(0.5)\n    return {'late': True}")
    answer = http.post(f"{API}/actions/waiting?blocking=true&timeout=100", json={})

    assert answer.status_code == 202
    assert set(answer.json()) == {"activationId"}
    assert record(http, answer.json()["activationId"])["response"]["result"] == {"late": True}


def test_packages_bindings_and_precedence(http: httpx.Client) -> None:
    """Package < binding < action < call; the record through a binding names the provider and the binding."""
    put(http, "packages/tools", {"parameters": [{"key": "a", "value": "package"}, {"key": "p", "value": "package"}]})
    given_action(http, "tools/show", parameters=[{"key": "a", "value": "action"}])
    bound = put(http, "packages/mine", {"binding": {"namespace": "_", "name": "tools"}, "parameters": [{"key": "p", "value": "binding"}]})
    read = http.get(f"{API}/packages/mine").json()
    rows = {row["name"]: row for row in http.get(f"{API}/packages").json()}
    called = http.post(f"{API}/actions/mine/show?blocking=true", json={"call": 1}).json()
    marks = {item["key"]: item["value"] for item in called["annotations"]}

    assert bound["binding"] == {"name": "tools", "namespace": "guest"}
    assert bound["annotations"] == [{"key": "binding", "value": {"name": "tools", "namespace": "guest"}}]
    assert {row["key"]: row["value"] for row in read["parameters"]} == {"a": "package", "p": "binding"}
    assert [row["name"] for row in read["actions"]] == ["show"]
    assert rows["tools"]["binding"] is False
    assert rows["mine"]["binding"] == {"name": "tools", "namespace": "guest"}
    assert called["response"]["result"] == {"a": "action", "p": "binding", "call": 1}
    assert (marks["path"], marks["binding"]) == ("guest/tools/show", "guest/mine")
    assert [row["name"] for row in http.get(f"{API}/activations?name=mine/show").json()] == ["show"]
    assert http.get(f"{API}/activations?name=show").json() == []
    assert [row["namespace"] for row in http.get(f"{API}/actions/mine/").json()] == ["guest/tools"]
    refused = http.delete(f"{API}/packages/tools")
    assert refused.json()["error"] == "Package not empty (contains 1 entity). Set force param or delete package contents."
    assert http.get(f"{API}/actions/tools").status_code == 409
    assert http.delete(f"{API}/packages/tools?force=true").status_code == 200
    assert http.get(f"{API}/packages/mine").status_code == 404


def test_a_sequence_has_its_own_record_and_its_parts_theirs(http: httpx.Client) -> None:
    """Causes, ids in order, the sum of durations."""
    given_action(http, "plus", "def main(a): return {'n': a.get('n', 0) + 1}")
    made = put(http, "actions/seq", {"exec": {"kind": "sequence", "components": ["/_/plus", "/_/plus"]}})
    told = http.post(f"{API}/actions/seq?blocking=true", json={"n": 1}).json()
    parts = [record(http, activation_id) for activation_id in told["logs"]]
    marks = {item["key"]: item["value"] for item in told["annotations"]}

    assert made["exec"] == {"components": ["/guest/plus", "/guest/plus"], "kind": "sequence"}
    assert made["parameters"] == [{"key": "_actions", "value": ["/guest/plus", "/guest/plus"]}]
    assert told["response"]["result"] == {"n": 3}
    assert [part["cause"] for part in parts] == [told["activationId"]] * 2
    assert told["duration"] == sum(part["duration"] for part in parts)
    assert (marks["topmost"], marks["kind"]) == (True, "sequence")
    assert "cause" not in told


def test_triggers_rules_and_fires(http: httpx.Client) -> None:
    """204 without an active rule; the trigger's record lists every rule; the action gets payload over parameters."""
    given_action(http, "ruled")
    put(http, "triggers/bell", {"parameters": [{"key": "place", "value": "here"}]})
    silent = http.post(f"{API}/triggers/bell", json={})
    rule = put(http, "rules/first", {"trigger": "/_/bell", "action": "/_/ruled"})
    put(http, "rules/second", {"trigger": "/_/bell", "action": "/_/ruled"})
    switched = http.post(f"{API}/rules/second", json={"status": "inactive"})
    fired = http.post(f"{API}/triggers/bell", json={"name": "x"})
    told = record(http, fired.json()["activationId"])
    logs = {json.loads(line)["rule"]: json.loads(line) for line in told["logs"]}
    run = record(http, logs["guest/first"]["activationId"])
    (row,) = http.get(f"{API}/activations?name=bell").json()

    assert (silent.status_code, silent.content) == (204, b"")
    assert without(rule, "updated") == {
        "action": {"name": "ruled", "path": "guest"},
        "annotations": [],
        "name": "first",
        "namespace": "guest",
        "publish": False,
        "status": "active",
        "trigger": {"name": "bell", "path": "guest"},
        "version": "0.0.1",
    }
    assert (switched.status_code, switched.text) == (200, "OK")
    assert fired.status_code == 202
    assert told["response"] == {"result": {"name": "x"}, "status": "success", "success": True}
    assert not {"end", "duration"} & set(told)
    assert logs["guest/first"]["success"] is True
    assert logs["guest/second"]["error"] == "Rule 'guest/second' is inactive, action 'guest/ruled' was not activated."
    assert run["response"]["result"]["place"] == "here"
    assert run["response"]["result"]["name"] == "x"
    assert run["response"]["result"]["__ow_headers"]["authorization"] == "[redacted]"
    assert "cause" not in run
    assert not {"end", "duration", "statusCode", "response", "logs"} & set(row)
    assert "status" not in http.get(f"{API}/rules").json()[0]
    trigger = http.delete(f"{API}/triggers/bell").json()
    assert trigger["rules"]["guest/first"] == {"action": {"name": "ruled", "path": "guest"}, "status": "active"}
    assert http.get(f"{API}/rules/first").json()["status"] == "inactive"
    assert (
        http.post(f"{API}/rules/first", json={"status": "active"}).json()["error"] == "Only rules with existing triggers can be activated"
    )
    assert http.delete(f"{API}/rules/first").json()["status"] == "inactive"


def test_lists_are_paged_and_filtered_by_time(http: httpx.Client) -> None:
    """`since` and `upto` in milliseconds, inclusive; `limit=0` means 200."""
    given_action(http, "timed")
    ids = [http.post(f"{API}/actions/timed?blocking=true", json={}).json() for _ in range(3)]
    middle = ids[1]["start"]
    since = http.get(f"{API}/activations?name=timed&since={middle}").json()
    upto = http.get(f"{API}/activations?name=timed&upto={middle}&docs=true").json()

    assert ids[1]["activationId"] in {row["activationId"] for row in since}
    assert ids[1]["activationId"] in {row["activationId"] for row in upto}
    assert all("response" in row for row in upto)
    assert len(http.get(f"{API}/activations?name=timed&limit=2").json()) == 2
    assert [row["activationId"] for row in http.get(f"{API}/activations?name=timed&limit=0").json()] == [
        row["activationId"] for row in reversed(ids)
    ]
    assert http.get(f"{API}/activations?name=timed&count=true&skip=1").json() == {"activations": 2}


def test_every_answer_has_cors_and_a_request_id(http: httpx.Client) -> None:
    """The caller's id comes back; OPTIONS is 200 everywhere under `/api/v1`."""
    own = http.get(f"{API}/actions/none", headers={"x-request-id": "abc-123"})
    options = http.request("OPTIONS", "/api/v1/nowhere")

    assert own.json()["code"] == own.headers["x-request-id"] == "abc-123"
    assert own.headers["access-control-allow-origin"] == "*"
    assert (options.status_code, options.text) == (200, "OK")
    assert http.get("/api/v1", auth=None).json()["api_version_path"] == "v1"
    assert http.get(f"{API}/limits").json()["maxActionMemory"] == 512
    assert http.get("/ping").text == "pong"


def test_dot_segments_are_resolved(http: httpx.Client) -> None:
    """As wskdeploy sends them."""
    request = http.build_request("GET", "/x")
    request.url = request.url.copy_with(raw_path=b"/api/v1/namespaces/_/actions/../../whisk.system/actions/utils/echo?code=false")
    answer = http.send(request)

    assert answer.status_code == 200
    assert answer.json()["namespace"] == "whisk.system/utils"
