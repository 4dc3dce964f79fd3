"""Compositions: a conductor says which action comes next (openwhisk-api §3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import hubs
from tests.support.eventually import eventually

API = "/api/v1/namespaces/_"
CONDUCTOR = [{"key": "conductor", "value": True}]
ADD_ONE = "function main(a) { return { n: a.n + 1 }; }"
ECHO = "function main(a) { return a; }"
# It says whatever its argument `say` holds, and finishes with what a component answered.
PUPPET = "function main(a) { return a.say && !a.done ? { ...a.say, state: { done: true, ...a.say.state } } : { params: a }; }"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A hub with some actions to conduct."""
    with hubs.running(tmp_path_factory.mktemp("conductors") / "data") as hub, hub.http as found:
        put(found, "add", ADD_ONE)
        put(found, "echo", ECHO)
        put(found, "puppet", PUPPET, conductor=True)
        put(found, "fails", "function main() { return { error: 'sorry' }; }")
        found.put(f"{API}/packages/tools", json={}).raise_for_status()
        put(found, "tools/add", ADD_ONE)
        found.put(
            f"{API}/actions/twice", json={"exec": {"kind": "sequence", "components": ["/_/add", "/_/add"]}, "annotations": CONDUCTOR}
        ).raise_for_status()
        yield found


def put(http: httpx.Client, name: str, code: str, *, conductor: bool = False) -> None:
    """Make an action."""
    body = {"exec": {"kind": "nodejs:default", "code": code}, "annotations": CONDUCTOR if conductor else []}
    http.put(f"{API}/actions/{name}?overwrite=true", json=body).raise_for_status()


def invoke(http: httpx.Client, name: str, **payload: Any) -> dict[str, Any]:
    """A blocking call; the record."""
    found: dict[str, Any] = http.post(f"{API}/actions/{name}?blocking=true", json=payload).json()
    return found


def record(http: httpx.Client, activation_id: str) -> Any:
    """The record, once there is one."""
    return eventually(lambda: found.json() if (found := http.get(f"{API}/activations/{activation_id}")).status_code == 200 else None)


def marks_of(row: dict[str, Any]) -> dict[str, Any]:
    """Annotations by key."""
    return {item["key"]: item["value"] for item in row["annotations"]}


def test_a_loop_runs_until_no_action_is_named(http: httpx.Client) -> None:
    """The record lists conductor and component runs in turn, each caused by the composition; its duration is theirs together."""
    put(
        http,
        "loop",
        "function main(a) { return a.n > 2 ? { params: { done: a.n } } : { action: 'add', params: { n: a.n } }; }",
        conductor=True,
    )
    ended = invoke(http, "loop", n=0)
    steps = [record(http, step) for step in ended["logs"]]
    marks = marks_of(ended)

    assert ended["response"] == {"status": "success", "success": True, "result": {"done": 3}}
    assert [step["name"] for step in steps] == ["loop", "add", "loop", "add", "loop", "add", "loop"]
    assert {step["cause"] for step in steps} == {ended["activationId"]}
    assert {marks_of(step)["causedBy"] for step in steps} == {"sequence"}
    assert (marks["topmost"], marks["conductor"], marks["kind"], marks["path"]) == (True, True, "sequence", "guest/loop")
    assert ended["duration"] == sum(step["duration"] for step in steps)
    assert "cause" not in ended
    assert record(http, ended["activationId"]) == ended


def test_state_is_kept_from_the_component_and_wins_over_its_result(http: httpx.Client) -> None:
    """The component never sees it."""
    ended = invoke(http, "puppet", say={"action": "echo", "params": {"n": 1, "kept": "hidden"}, "state": {"kept": "state"}})
    component = record(http, ended["logs"][1])

    assert component["response"]["result"] == {"n": 1, "kept": "hidden"}
    assert ended["response"]["result"] == {"n": 1, "kept": "state", "done": True}


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ({"action": "add", "params": {"n": 1}}, {"n": 2}),
        ({"action": "tools/add", "params": {"n": 1}}, {"n": 2}),
        ({"action": "/_/add", "params": {"n": 1}}, {"n": 2}),
        ({"action": "/guest/tools/add", "params": {"n": 1}}, {"n": 2}),
        ({"action": "guest/tools/add", "params": {"n": 1}}, {"n": 2}),
        ({"action": "twice", "params": {"n": 1}}, {"n": 3}),
        ({"action": "echo", "params": 7}, {"value": 7}),
        ({"action": "echo"}, {}),
        ({"action": "fails"}, {"error": "sorry"}),
        ({"action": "/add"}, {"error": 'Failed to parse action name from json value "/add" during composition.'}),
        ({"action": 7}, {"error": "Failed to parse action name from json value 7 during composition."}),
        ({"action": ""}, {"error": 'Failed to parse action name from json value "" during composition.'}),
        ({"action": "missing"}, {"error": "Failed to resolve action with name 'guest/missing' during composition."}),
        ({"action": "/other/add"}, {"error": "Failed entitlement check for action with name 'other/add' during composition."}),
        ({"action": "/whisk.system/utils/echo", "params": {"a": 1}}, {"a": 1}),
    ],
    ids=lambda value: str(value.get("action", "")) if "action" in value else None,
)
def test_what_a_conductor_asks_for(http: httpx.Client, said: dict[str, Any], result: dict[str, Any]) -> None:
    """Names of every form; what cannot be run is told to the conductor, which goes on."""
    assert invoke(http, "puppet", say=said)["response"]["result"] == {**result, "done": True}


def test_the_last_words_are_the_params_or_everything(http: httpx.Client) -> None:
    """An error of the conductor itself ends the composition as its error."""
    put(http, "all", "function main() { return { some: 1 }; }", conductor=True)
    put(http, "boxed", "function main() { return { params: [1] }; }", conductor=True)
    put(http, "wrong", "function main() { return { error: 'no' }; }", conductor=True)
    put(http, "thrown", "function main() { throw new Error('bad'); }", conductor=True)

    assert invoke(http, "all")["response"]["result"] == {"some": 1}
    assert invoke(http, "boxed")["response"]["result"] == {"value": [1]}
    assert invoke(http, "wrong")["response"] == {"status": "application error", "success": False, "result": {"error": "no"}}
    assert invoke(http, "thrown")["response"]["status"] == "action developer error"


def test_a_nested_composition_has_a_record_of_its_own(http: httpx.Client) -> None:
    """With a cause, and not topmost."""
    put(http, "inner", "function main(a) { return a.n > 1 ? { params: a } : { action: 'add', params: { n: a.n } }; }", conductor=True)
    ended = invoke(http, "puppet", say={"action": "inner", "params": {"n": 1}})
    inner = record(http, ended["logs"][1])

    assert (inner["name"], inner["cause"], marks_of(inner)["topmost"]) == ("inner", ended["activationId"], False)
    assert len(inner["logs"]) == 3
    assert ended["response"]["result"]["n"] == 2


def test_a_composition_without_end_is_ended(http: httpx.Client) -> None:
    """Fifty components at the most; then the conductor is told so, and may not ask without end either."""
    put(
        http,
        "endless",
        "function main(a) { return a.error ? { params: { told: a.error } } : { action: 'add', params: { n: 1 } }; }",
        conductor=True,
    )
    put(http, "deaf", "function main() { return { action: 'missing' }; }", conductor=True)
    ended = invoke(http, "endless")
    deaf = invoke(http, "deaf")

    assert ended["response"]["result"] == {"told": "Too many actions in the composition."}
    assert len(ended["logs"]) == 50 + 52
    assert deaf["response"]["status"] == "application error"
    assert deaf["response"]["result"] == {"error": "Too many actions in the composition."}
    assert len(deaf["logs"]) == 101


def test_a_sequence_is_no_conductor_and_may_have_one_as_component(http: httpx.Client) -> None:
    """The annotation means nothing on a sequence."""
    http.put(f"{API}/actions/led?overwrite=true", json={"exec": {"kind": "sequence", "components": ["/_/inner2", "/_/add"]}})
    put(http, "inner2", "function main(a) { return a.n > 1 ? { params: a } : { action: 'add', params: { n: a.n } }; }", conductor=True)
    http.put(
        f"{API}/actions/led?overwrite=true", json={"exec": {"kind": "sequence", "components": ["/_/inner2", "/_/add"]}}
    ).raise_for_status()

    assert invoke(http, "twice", n=1)["response"]["result"] == {"n": 3}
    assert "conductor" not in marks_of(invoke(http, "twice", n=1))
    assert invoke(http, "led", n=1)["response"]["result"] == {"n": 3}


def test_a_rule_starts_a_composition(http: httpx.Client) -> None:
    """As any action."""
    http.put(f"{API}/triggers/start", json={}).raise_for_status()
    http.put(f"{API}/rules/starts", json={"trigger": "/_/start", "action": "/_/loop"}).raise_for_status()
    http.post(f"{API}/triggers/start", json={"n": 2})
    found = eventually(lambda: http.get(f"{API}/activations?name=loop&docs=true&limit=50").json())
    topmost = [row for row in found if marks_of(row).get("conductor") and row["response"].get("result") == {"done": 3}]

    assert topmost


def test_a_composition_in_a_package_and_through_a_binding(http: httpx.Client) -> None:
    """The record says through which one it was called, and components are reached through bindings as well."""
    http.put(f"{API}/packages/lib", json={"parameters": [{"key": "kept", "value": "package"}]}).raise_for_status()
    put(
        http,
        "lib/leads",
        "function main(a) { return a.done ? { params: a } : { action: 'tied/seen', params: { done: true } }; }",
        conductor=True,
    )
    put(http, "lib/seen", ECHO)
    http.put(f"{API}/packages/tied", json={"binding": {"namespace": "_", "name": "lib"}}).raise_for_status()
    ended = invoke(http, "tied/leads")
    component = record(http, ended["logs"][1])

    assert ended["response"]["result"] == {"kept": "package", "done": True}
    assert (marks_of(ended)["binding"], marks_of(ended)["path"]) == ("guest/tied", "guest/lib/leads")
    assert (marks_of(component)["binding"], marks_of(component)["path"]) == ("guest/tied", "guest/lib/seen")


def test_a_component_that_fails_is_only_seen_by_the_conductor(http: httpx.Client) -> None:
    """It may go on, and end well."""
    put(
        http,
        "rescues",
        "function main(a) { return a.error ? { params: { rescued: a.error } } : { action: a.from }; }",
        conductor=True,
    )
    put(http, "throws", "function main() { throw new Error('bad'); }")

    assert invoke(http, "rescues", **{"from": "fails"})["response"]["result"] == {"rescued": "sorry"}
    ended = invoke(http, "rescues", **{"from": "throws"})
    assert (ended["response"]["status"], "bad" in str(ended["response"]["result"]["rescued"])) == ("success", True)
    assert record(http, ended["logs"][1])["response"]["status"] == "action developer error"


def test_a_composition_that_does_not_wait_has_the_same_record(http: httpx.Client) -> None:
    """202, then all of it."""
    started = http.post(f"{API}/actions/puppet", json={"say": {"action": "add", "params": {"n": 1}}})
    ended = record(http, started.json()["activationId"])

    assert (started.status_code, ended["response"]["result"], len(ended["logs"])) == (202, {"n": 2, "done": True}, 3)
