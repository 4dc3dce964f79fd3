"""Triggers and rules: links, states, and what dangles (openwhisk-api §4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, FORBIDDEN, MISSING, invoke, parameters, put, put_action, put_rule, put_sequence, record, said, tenant
from tests.support import hubs
from tests.support.eventually import eventually

MALFORMED = "The request content was malformed:\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("rules") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """A client, and actions for rules."""
    with hub.http as found:
        put_action(found, "echo")
        put(found, "packages/box", {"parameters": parameters(p="package")})
        put_action(found, "box/echo", parameters=parameters(p="action", q="action"))
        yield found


def trigger(http: httpx.Client, name: str) -> Any:
    """GET it."""
    return http.get(f"{API}/triggers/{name}").json()


def status(http: httpx.Client, name: str) -> str:
    """A rule's status."""
    found: str = http.get(f"{API}/rules/{name}").json()["status"]
    return found


def switch(http: httpx.Client, name: str, state: Any) -> httpx.Response:
    """POST a state as wsk does."""
    return http.post(f"{API}/rules/{name}", json={"status": state, "trigger": None, "action": None})


def fire(http: httpx.Client, name: str, **payload: Any) -> list[dict[str, Any]]:
    """Fire; the rows of the trigger's record."""
    answer = http.post(f"{API}/triggers/{name}", json=payload)
    assert answer.status_code == 202, answer.text
    found = record(http, answer.json()["activationId"])
    return [json.loads(row) for row in found["logs"]]


def test_a_rule_is_made_active_and_linked(http: httpx.Client) -> None:
    """With the body that wsk sends; the trigger shows it and is not newer for it."""
    put(http, "triggers/linked")
    before = trigger(http, "linked")
    made = put(http, "rules/first", {"name": "first", "status": "", "trigger": "/_/linked", "action": "/_/box/echo"})
    after = trigger(http, "linked")

    assert "rules" not in before
    assert made == {
        "namespace": "guest",
        "name": "first",
        "version": "0.0.1",
        "publish": False,
        "annotations": [],
        "updated": made["updated"],
        "status": "active",
        "trigger": {"path": "guest", "name": "linked"},
        "action": {"path": "guest/box", "name": "echo"},
    }
    assert after["rules"] == {"guest/first": {"action": {"path": "guest/box", "name": "echo"}, "status": "active"}}
    assert (after["version"], after["updated"]) == (before["version"], before["updated"])
    assert "status" not in next(row for row in http.get(f"{API}/rules").json() if row["name"] == "first")
    gone = http.delete(f"{API}/rules/first").json()
    assert gone["status"] == "inactive"
    assert trigger(http, "linked")["rules"] == {}


def test_what_a_rule_needs(http: httpx.Client) -> None:
    """The trigger is missed first; both can be written as text or as path and name."""
    put(http, "triggers/needed")

    def body(**members: Any) -> tuple[int, str]:
        return said(http.put(f"{API}/rules/needy", json=members))

    assert body() == (400, "rule requires a valid trigger and a valid action")
    assert body(trigger="/_/needed") == (400, "rule requires a valid trigger and a valid action")
    assert body(trigger="/_/nope", action="/_/none") == (400, "trigger /guest/nope does not exist")
    assert body(trigger="/_/needed", action="/_/none") == (400, "action /guest/none does not exist")
    assert body(trigger="/_/needed", action="/_/box/none") == (400, "action /guest/box/none does not exist")
    assert body(trigger="/other/t", action="/_/echo") == (403, FORBIDDEN.format("other/t"))
    assert body(trigger="/_/needed", action="/other/a") == (403, FORBIDDEN.format("other/a"))
    assert body(trigger="needed", action="/_/echo")[0] == 400
    made = http.put(f"{API}/rules/objects", json={"trigger": {"path": "guest", "name": "needed"}, "action": {"path": "_", "name": "echo"}})
    assert (made.status_code, made.json().get("action")) == (200, {"path": "guest", "name": "echo"})


def test_an_update_carries_the_state_over(http: httpx.Client) -> None:
    """And moves the link when the trigger changes; nothing at all is an update, too."""
    put(http, "triggers/old")
    put(http, "triggers/new")
    put_rule(http, "moves", "old", "echo")
    switch(http, "moves", "inactive")
    moved = put(http, "rules/moves", {"trigger": "/_/new"})

    assert (moved["status"], moved["version"], moved["action"]) == ("inactive", "0.0.2", {"path": "guest", "name": "echo"})
    assert trigger(http, "old")["rules"] == {}
    assert trigger(http, "new")["rules"]["guest/moves"]["status"] == "inactive"
    switch(http, "moves", "active")
    assert put(http, "rules/moves", {})["status"] == "active"
    http.delete(f"{API}/triggers/new").raise_for_status()
    assert said(http.put(f"{API}/rules/moves?overwrite=true", json={})) == (400, "trigger /guest/new does not exist")
    assert put(http, "rules/moves", {"trigger": "/_/old"})["status"] == "inactive"


def test_states_and_what_is_no_state(http: httpx.Client) -> None:
    """200 with the text OK, also for what is so already; a wrong state is refused before the rule is looked up."""
    put(http, "triggers/stated")
    put_rule(http, "stated-rule", "stated", "echo")
    for state in ("inactive", "inactive", "active", "active"):
        answer = switch(http, "stated-rule", state)
        assert (answer.status_code, answer.text, answer.headers["content-type"].partition(";")[0]) == (200, "OK", "text/plain")
        assert status(http, "stated-rule") == state
    assert said(switch(http, "nowhere", "bogus")) == (400, f"{MALFORMED}requirement failed: bogus is not a recognized rule state")
    assert said(switch(http, "nowhere", "active")) == (404, MISSING)
    assert http.post(f"{API}/rules/stated-rule").status_code == 400
    assert http.post(f"{API}/rules/stated-rule", json={}).status_code == 400


def test_a_trigger_that_goes_leaves_its_rules_behind(http: httpx.Client) -> None:
    """Inactive; a new trigger of that name is not linked until the rule is turned on."""
    put(http, "triggers/fleeting")
    put_rule(http, "left", "fleeting", "echo")
    http.delete(f"{API}/triggers/fleeting").raise_for_status()

    assert status(http, "left") == "inactive"
    assert switch(http, "left", "inactive").status_code == 200
    assert said(switch(http, "left", "active")) == (404, "Only rules with existing triggers can be activated")
    put(http, "triggers/fleeting")
    assert status(http, "left") == "inactive"
    assert http.post(f"{API}/triggers/fleeting", json={}).status_code == 204
    assert switch(http, "left", "active").status_code == 200
    assert fire(http, "fleeting")[0]["success"]
    http.delete(f"{API}/triggers/fleeting").raise_for_status()
    assert http.delete(f"{API}/rules/left").json()["status"] == "inactive"


def test_an_action_that_goes_is_told_in_the_trigger_s_log(http: httpx.Client) -> None:
    """The rule stays active, and is whole again when the action comes back."""
    put(http, "triggers/calls")
    put_action(http, "comes-and-goes")
    put_rule(http, "calls-it", "calls", "comes-and-goes")
    http.delete(f"{API}/actions/comes-and-goes").raise_for_status()

    row = {"rule": "guest/calls-it", "action": "guest/comes-and-goes", "statusCode": 1, "success": False}
    assert fire(http, "calls") == [{**row, "error": MISSING}]
    assert status(http, "calls-it") == "active"
    put_action(http, "comes-and-goes")
    assert fire(http, "calls")[0]["statusCode"] == 0


def test_a_fire_without_an_active_rule_leaves_nothing(http: httpx.Client) -> None:
    """204 without a body; a trigger that is not there is 404."""
    put(http, "triggers/quiet")
    put_rule(http, "quiet-rule", "quiet", "echo")
    switch(http, "quiet-rule", "inactive")
    answer = http.post(f"{API}/triggers/quiet", json={"a": 1})

    assert (answer.status_code, answer.content) == (204, b"")
    assert http.get(f"{API}/activations?name=quiet").json() == []
    assert said(http.post(f"{API}/triggers/none", json={})) == (404, MISSING)
    assert said(http.post("/api/v1/namespaces/other/triggers/quiet", json={})) == (403, FORBIDDEN.format("other/quiet"))


def test_the_record_of_a_fire_has_a_row_for_each_rule(http: httpx.Client) -> None:
    """In the order they were linked; the result is what was posted, and nothing else."""
    put(http, "triggers/many", {"parameters": parameters(t="trigger", q="trigger", both="trigger")})
    put_rule(http, "one", "many", "box/echo")
    put_rule(http, "two", "many", "echo")
    switch(http, "two", "inactive")
    answer = http.post(f"{API}/triggers/many", json={"both": "fire"}, headers={"X-Custom": "Yes"})
    found = record(http, answer.json()["activationId"])
    rows = [json.loads(row) for row in found["logs"]]
    ran = record(http, rows[0]["activationId"])
    payload = ran["response"]["result"]

    assert answer.headers["x-openwhisk-activation-id"] == found["activationId"]
    assert found["response"] == {"status": "success", "success": True, "result": {"both": "fire"}}
    assert (found["annotations"], "end" in found, "duration" in found) == ([], False, False)
    assert rows[1] == {
        "rule": "guest/two",
        "action": "guest/echo",
        "statusCode": 1,
        "success": False,
        "error": "Rule 'guest/two' is inactive, action 'guest/echo' was not activated.",
    }
    assert "cause" not in ran
    assert {name: payload[name] for name in ("p", "q", "t", "both")} == {"p": "action", "q": "trigger", "t": "trigger", "both": "fire"}
    assert payload["__ow_headers"]["x-custom"] == "Yes"
    assert payload["__ow_headers"]["authorization"] == "[redacted]"
    bare = http.post(f"{API}/triggers/many")
    assert record(http, bare.json()["activationId"])["response"]["result"] == {}


def test_a_rule_on_a_binding_keeps_its_path(http: httpx.Client) -> None:
    """The run is found under the binding's name."""
    put(http, "triggers/bound")
    put(http, "packages/tied", {"binding": {"namespace": "_", "name": "box"}, "parameters": parameters(p="binding")})
    made = put_rule(http, "through", "bound", "tied/echo")
    (row,) = fire(http, "bound")
    ran = record(http, row["activationId"])

    assert made["action"] == {"path": "guest/tied", "name": "echo"}
    assert row["action"] == "guest/tied/echo"
    assert {item["key"]: item["value"] for item in ran["annotations"]}["binding"] == "guest/tied"
    assert [found["activationId"] for found in http.get(f"{API}/activations?name=tied/echo").json()] == [row["activationId"]]


def test_a_rule_runs_a_sequence(http: httpx.Client) -> None:
    """The trigger's log names the sequence's id."""
    put(http, "triggers/chain")
    put_sequence(http, "chained", "/_/echo", "/_/echo")
    put_rule(http, "chains", "chain", "chained")
    (row,) = fire(http, "chain", n=1)
    ended = record(http, row["activationId"])

    assert ended["response"]["result"]["n"] == 1
    assert len(ended["logs"]) == 2


def test_a_feed_annotation_is_looked_at_when_a_trigger_is_made(http: httpx.Client) -> None:
    """And kept by an update that does not speak of it, which upstream loses."""
    for wrong in ("", "a,b", 7, "/"):
        answer = http.put(f"{API}/triggers/fed", json={"annotations": [{"key": "feed", "value": wrong}]})
        assert said(answer) == (400, "Feed name is not valid")
    put(http, "triggers/fed", {"annotations": [{"key": "feed", "value": "/guest/box/echo"}]})
    changed = put(http, "triggers/fed", {"annotations": [{"key": "description", "value": "d"}]})
    assert {item["key"] for item in changed["annotations"]} == {"description", "feed"}
    assert http.put(f"{API}/triggers/fed?overwrite=true", json={"annotations": [{"key": "feed", "value": ""}]}).status_code == 200


def test_a_user_written_feed_sees_the_life_of_its_trigger(http: httpx.Client) -> None:
    """As `wsk trigger create --feed` drives it: PUT, CREATE, and after a failure everything is taken back."""
    put_action(http, "box/feed", "function main(a) { return a.fail ? { error: a.lifecycleEvent } : a; }", annotations=parameters(feed=True))
    body = {"lifecycleEvent": "CREATE", "triggerName": "/_/own-fed", "authKey": "u:k", "detail": {"a": 1}}
    put(http, "triggers/own-fed", {"annotations": parameters(feed="/guest/box/feed")})
    made = invoke(http, "box/feed", body)["response"]["result"]
    failed = http.post(f"{API}/actions/box/feed?blocking=true", json={**body, "fail": True})

    assert (made["lifecycleEvent"], made["triggerName"], made["detail"]) == ("CREATE", "/_/own-fed", {"a": 1})
    assert failed.status_code == 502
    assert failed.json()["response"]["result"] == {"error": "CREATE"}
    assert [feed["name"] for feed in http.get(f"{API}/packages/box").json()["feeds"]] == ["feed"]


def test_the_rule_of_a_tenant_uses_a_public_package(hub: hubs.Hub, http: httpx.Client) -> None:
    """A private one is refused, and one that became private is told in the log."""
    with tenant(hub, "rule-tenant") as other:
        put(http, "packages/shared", {"publish": True})
        put_action(http, "shared/act")
        put(other, "triggers/t")
        made = other.put(f"{API}/rules/r", json={"trigger": "/_/t", "action": "/guest/shared/act"})
        assert made.status_code == 200
        assert fire(other, "t")[0]["success"]
        assert said(other.put(f"{API}/rules/s", json={"trigger": "/_/t", "action": "/guest/box/echo"})) == (
            403,
            FORBIDDEN.format("guest/box"),
        )
        put(http, "packages/shared", {"publish": False})
        (row,) = fire(other, "t")
        assert (row["statusCode"], row["error"]) == (1, FORBIDDEN.format("guest/shared"))


def test_many_fires_each_run_their_rules_once(http: httpx.Client) -> None:
    """No more, no fewer."""
    put(http, "triggers/often")
    put_action(http, "counted")
    put_rule(http, "often-rule", "often", "counted")
    for number in range(20):
        http.post(f"{API}/triggers/often", json={"n": number})
    found = eventually(lambda: rows if len(rows := http.get(f"{API}/activations?name=counted&docs=true&limit=100").json()) >= 20 else None)
    assert sorted(row["response"]["result"]["n"] for row in found or []) == list(range(20))
