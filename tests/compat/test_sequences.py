"""Sequences: what a PUT checks, how they run, and their records (openwhisk-api §2.4, §3.5)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.compat.steps import API, FORBIDDEN, invoke, marks_of, parameters, put, put_action, put_sequence, record, said, tenant
from tests.support import hubs

INCREMENT = "function main(a) { return { n: (a.n || 0) + 1, bound: a.bound, seen: a._actions }; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("sequences") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """A client, and components to put together."""
    with hub.http as found:
        put_action(found, "add", INCREMENT)
        put_action(found, "fail", "function main(a) { return { error: 'stopped', n: a.n }; }")
        put_action(found, "throw", "function main() { throw new Error('bad'); }")
        put_action(found, "big", INCREMENT, limits={"memory": 512})
        yield found


def components(http: httpx.Client, name: str, *names: str) -> httpx.Response:
    """PUT a sequence; whatever is answered."""
    return http.put(f"{API}/actions/{name}?overwrite=true", json={"exec": {"kind": "sequence", "components": list(names)}})


def test_the_result_of_each_is_the_payload_of_the_next(http: httpx.Client) -> None:
    """The records hang together: cause, causedBy, logs, duration, memory."""
    made = put_sequence(http, "three", "/_/add", "/guest/big", "/_/add")
    ended = invoke(http, "three", {"n": 1})
    steps = [record(http, step) for step in ended["logs"]]
    marks = marks_of(ended)

    assert made["exec"] == {"kind": "sequence", "components": ["/guest/add", "/guest/big", "/guest/add"]}
    assert made["parameters"] == [{"key": "_actions", "value": ["/guest/add", "/guest/big", "/guest/add"]}]
    assert ended["response"] == {"status": "success", "success": True, "size": steps[-1]["response"]["size"], "result": {"n": 4}}
    assert [step["name"] for step in steps] == ["add", "big", "add"]
    assert {step["cause"] for step in steps} == {ended["activationId"]}
    assert {marks_of(step)["causedBy"] for step in steps} == {"sequence"}
    assert (marks["topmost"], marks["kind"], marks["path"], marks["limits"]["memory"]) == (True, "sequence", "guest/three", 512)
    assert ended["duration"] == sum(step["duration"] for step in steps)
    assert "cause" not in ended
    assert record(http, ended["activationId"]) == ended


def test_a_nested_sequence_has_a_record_of_its_own(http: httpx.Client) -> None:
    """Its components are in its record, not in the outer one's."""
    put_sequence(http, "pair", "/_/add", "/_/add")
    put_sequence(http, "outer", "/_/add", "/_/pair")
    ended = invoke(http, "outer")
    inner = record(http, ended["logs"][1])

    assert ended["response"]["result"] == {"n": 3}
    assert (inner["name"], inner["cause"], marks_of(inner)["topmost"], marks_of(inner)["causedBy"]) == (
        "pair",
        ended["activationId"],
        False,
        "sequence",
    )
    assert [record(http, step)["cause"] for step in inner["logs"]] == [inner["activationId"]] * 2


@pytest.mark.parametrize(
    ("component", "status", "error"),
    [("fail", "application error", "stopped"), ("throw", "action developer error", "An error has occurred: Error: bad")],
)
def test_a_failing_step_ends_it(http: httpx.Client, component: str, status: str, error: str) -> None:
    """With that step's response, and 502."""
    put_sequence(http, "failing", "/_/add", f"/_/{component}", "/_/add")
    answer = http.post(f"{API}/actions/failing?blocking=true", json={})
    ended = answer.json()

    assert answer.status_code == 502
    assert len(ended["logs"]) == 2
    assert ended["response"]["status"] == status
    assert ended["response"]["result"] == {"error": error}


def test_an_error_in_the_first_payload_is_only_a_value(http: httpx.Client) -> None:
    """It is the caller's, not a step's."""
    put_sequence(http, "single", "/_/add")
    assert invoke(http, "single", {"error": "x", "n": 1})["response"]["result"] == {"n": 2}


def test_lists_go_from_step_to_step(http: httpx.Client) -> None:
    """Whole: nothing is merged into them; the answer is the bare list."""
    put_action(http, "listed", "function main(a) { return [1, 2, a.n]; }")
    put_action(http, "reversed", "function main(a) { return a.reverse(); }", parameters=parameters(bound=1))
    put_sequence(http, "lists", "/_/listed", "/_/reversed")
    assert invoke(http, "lists", {"n": 3}) == [3, 2, 1]


def test_each_component_gets_its_own_parameters_and_none_of_the_sequence_s(http: httpx.Client) -> None:
    """Package under binding under action; of the sequence and its package nothing, not even `_actions`."""
    put(http, "packages/lib", {"parameters": parameters(bound="package")})
    put_action(http, "lib/add", INCREMENT)
    put(http, "packages/tied", {"binding": {"namespace": "_", "name": "lib"}, "parameters": parameters(bound="binding")})
    put(http, "packages/home", {"parameters": parameters(bound="home")})
    put_sequence(http, "home/seq", "/_/add", "/_/tied/add")
    first, second = (record(http, step) for step in invoke(http, "home/seq")["logs"])

    assert first["response"]["result"] == {"n": 1}
    assert second["response"]["result"] == {"n": 2, "bound": "binding"}
    assert (marks_of(second)["binding"], marks_of(second)["path"]) == ("guest/tied", "guest/lib/add")
    shown = http.get(f"{API}/actions/home/seq").json()["parameters"]
    assert [item["key"] for item in shown] == ["_actions", "bound"]


def test_what_a_put_refuses(http: httpx.Client) -> None:
    """Each with its text; what was there stays."""
    put_sequence(http, "kept", "/_/add")
    put_sequence(http, "via", "/_/kept")
    put(http, "packages/box")
    put_sequence(http, "box/inside", "/_/add")
    put(http, "packages/tie", {"binding": {"namespace": "_", "name": "box"}})
    before = http.get(f"{API}/actions/kept").json()

    assert said(components(http, "kept")) == (400, "No component specified for the sequence.")
    assert said(components(http, "kept", "/_/nowhere")) == (400, "Sequence component does not exist.")
    assert said(components(http, "kept", "/_/none/nowhere")) == (400, "Sequence component does not exist.")
    assert said(components(http, "kept", "/_/kept")) == (400, "Sequence may not refer to itself.")
    assert said(components(http, "kept", "/_/add", "/_/via")) == (400, "Sequence may not refer to itself.")
    assert said(components(http, "box/inside", "/_/tie/inside")) == (400, "Sequence may not refer to itself.")
    assert said(components(http, "kept", *["/_/add"] * 51)) == (400, "Too many actions in the sequence.")
    assert said(components(http, "kept", "/other/add")) == (403, FORBIDDEN.format("other/add"))
    assert said(components(http, "kept", "/other/p/add", "/other/add")) == (403, FORBIDDEN.format("other/add, other/p"))
    bare = components(http, "kept", "add")
    assert bare.status_code == 400
    assert "must contain at least the namespace and the name of the entity." in bare.json()["error"]
    for exec_, text in (
        ({"kind": "sequence"}, "'components' must be defined for sequence kind"),
        ({"kind": "sequence", "components": "/_/add"}, "'components' must be an array"),
    ):
        answer = http.put(f"{API}/actions/kept?overwrite=true", json={"exec": exec_})
        assert said(answer) == (400, f"The request content was malformed:\n{text}")
    assert http.get(f"{API}/actions/kept").json() == before


def test_fifty_actions_are_the_most_nested_ones_counted(http: httpx.Client) -> None:
    """Also at run time, when a component grew after the check."""
    put_sequence(http, "half", *["/_/add"] * 25)
    put_sequence(http, "fifty", "/_/half", "/_/half")
    assert invoke(http, "fifty")["response"]["result"]["n"] == 50
    assert said(components(http, "more", "/_/half", "/_/half", "/_/add")) == (400, "Too many actions in the sequence.")
    put_sequence(http, "half", *["/_/add"] * 26)
    ended = invoke(http, "fifty")
    assert ended["response"]["status"] == "application error"
    assert ended["response"]["result"] == {"error": "Too many actions in the sequence."}


def test_a_component_that_went_away_ends_it(http: httpx.Client) -> None:
    """What ran before has its record."""
    put_action(http, "fleeting")
    put_sequence(http, "loses", "/_/add", "/_/fleeting")
    http.delete(f"{API}/actions/fleeting").raise_for_status()
    ended = invoke(http, "loses")

    assert ended["response"]["status"] == "application error"
    assert ended["response"]["result"] == {"error": "Sequence component does not exist."}
    assert len(ended["logs"]) == 1


def test_rights_are_looked_at_before_anything_runs(hub: hubs.Hub, http: httpx.Client) -> None:
    """A package that became private: 403, and nothing ran."""
    with tenant(hub, "sequence-friend") as friend:
        put(friend, "packages/open", {"publish": True})
        put_action(friend, "open/act", INCREMENT)
        put_sequence(http, "borrows", "/_/add", "/sequence-friend/open/act")
        assert invoke(http, "borrows")["response"]["result"] == {"n": 2}
        put(friend, "packages/open", {"publish": False})
    assert said(http.post(f"{API}/actions/borrows?blocking=true", json={})) == (403, FORBIDDEN.format("sequence-friend/open"))


def test_a_sequence_becomes_code_and_code_a_sequence(http: httpx.Client) -> None:
    """Parameters are reset one way, forced the other; without `exec` a sequence keeps its own."""
    put_action(http, "changing", INCREMENT, parameters=parameters(bound=1))
    into = put_sequence(http, "changing", "/_/add")
    kept = put(http, "actions/changing", {"parameters": parameters(other=2)})
    back = put_action(http, "changing", INCREMENT)

    assert into["parameters"] == parameters(_actions=["/guest/add"])
    assert kept["parameters"] == parameters(_actions=["/guest/add"])
    assert back["parameters"] == []


def test_a_step_uses_the_version_there_is_when_it_starts(http: httpx.Client) -> None:
    """An update between two steps is seen by the second."""
    put_action(http, "updates", "function main(a) { return { n: 1 }; }")
    put_sequence(http, "versions", "/_/updates", "/_/updates")
    put_action(http, "updates", "function main(a) { return { n: (a.n || 0) + 10 }; }")
    assert invoke(http, "versions")["response"]["result"] == {"n": 20}


def test_a_sequence_in_a_package_and_through_a_binding(http: httpx.Client) -> None:
    """Its record says through which one it was called; components are reached as they were named, a result is above their parameters."""
    put(http, "packages/kit", {"parameters": parameters(bound="package")})
    put_action(http, "kit/add", INCREMENT)
    put(http, "packages/kit-tie", {"binding": {"namespace": "_", "name": "kit"}, "parameters": parameters(bound="binding")})
    put_sequence(http, "kit/pair", "/_/kit/add", "/_/kit-tie/add")
    direct, bound = invoke(http, "kit/pair"), invoke(http, "kit-tie/pair")

    assert ("binding" in marks_of(direct), marks_of(bound)["binding"]) == (False, "guest/kit-tie")
    assert marks_of(direct)["path"] == marks_of(bound)["path"] == "guest/kit/pair"
    steps = [record(http, step) for step in bound["logs"]]
    assert [step["response"]["result"]["bound"] for step in steps] == ["package", "package"]
    assert [marks_of(step).get("binding") for step in steps] == [None, "guest/kit-tie"]
    assert [row["activationId"] for row in http.get(f"{API}/activations?name=kit-tie/pair").json()] == [bound["activationId"]]


def test_a_nested_sequence_may_not_lead_back(http: httpx.Client) -> None:
    """Over any number of steps, nor through a binding; what is there stays."""
    put_sequence(http, "deep-a", "/_/add")
    put_sequence(http, "deep-b", "/_/deep-a")
    put_sequence(http, "deep-c", "/_/add", "/_/deep-b")
    for name in ("deep-a", "deep-b"):
        assert said(components(http, name, "/_/deep-c")) == (400, "Sequence may not refer to itself.")
    assert invoke(http, "deep-c")["response"]["result"] == {"n": 2}


def test_a_step_that_was_replaced_by_a_sequence_is_run_as_one(http: httpx.Client) -> None:
    """With a record of its own in the middle."""
    put_action(http, "turned", INCREMENT)
    put_sequence(http, "uses-turned", "/_/turned", "/_/add")
    put_sequence(http, "turned", "/_/add", "/_/add")
    ended = invoke(http, "uses-turned")
    middle = record(http, ended["logs"][0])

    assert ended["response"]["result"] == {"n": 3}
    assert (middle["name"], len(middle["logs"]), marks_of(middle)["topmost"]) == ("turned", 2, False)


def test_a_sequence_that_does_not_wait_has_the_same_record(http: httpx.Client) -> None:
    """202, then all of it."""
    put_sequence(http, "later", "/_/add", "/_/add")
    started = http.post(f"{API}/actions/later", json={"n": 5})
    ended = record(http, started.json()["activationId"])

    assert started.status_code == 202
    assert (ended["response"]["result"], len(ended["logs"]), marks_of(ended)["topmost"]) == ({"n": 7}, 2, True)
