"""Rules between triggers and actions, many to many, as they come and go (openwhisk-api §4.3, §4.4, §12.1, §12.2)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, MISSING, parameters, put, put_action, put_rule, put_sequence, record, said

INACTIVE = "Rule 'guest/{}' is inactive, action 'guest/{}' was not activated."


@pytest.fixture(scope="module")
def owner(http: httpx.Client) -> httpx.Client:
    """Somebody with two actions."""
    put_action(http, "one")
    put_action(http, "two")
    return http


def fire(http: httpx.Client, trigger: str, **payload: Any) -> list[dict[str, Any]]:
    """What the record of a fire says of each rule."""
    fired = http.post(f"{API}/triggers/{trigger}", json=payload)
    assert fired.status_code == 202, fired.text
    return [json.loads(row) for row in record(http, fired.json()["activationId"])["logs"]]


def switch(http: httpx.Client, rule: str, status: str) -> None:
    """Turn it on or off."""
    http.post(f"{API}/rules/{rule}", json={"status": status, "trigger": None, "action": None}).raise_for_status()


def status(http: httpx.Client, rule: str) -> str:
    """On or off."""
    found: str = http.get(f"{API}/rules/{rule}").json()["status"]
    return found


def test_one_trigger_runs_many_actions(owner: httpx.Client) -> None:
    """Each with the same payload and an id of its own."""
    put(owner, "triggers/hub")
    put_rule(owner, "hub-one", "hub", "one")
    put_rule(owner, "hub-two", "hub", "two")
    rows = fire(owner, "hub", n=1)
    assert [(row["rule"], row["action"], row["success"]) for row in rows] == [
        ("guest/hub-one", "guest/one", True),
        ("guest/hub-two", "guest/two", True),
    ]
    assert len({row["activationId"] for row in rows}) == 2
    assert {record(owner, row["activationId"])["response"]["result"]["n"] for row in rows} == {1}


def test_many_triggers_run_one_action(owner: httpx.Client) -> None:
    """Each its own rule."""
    for name in ("left", "right"):
        put(owner, f"triggers/{name}", {"parameters": parameters(side=name)})
        put_rule(owner, f"from-{name}", name, "one")
    for name in ("left", "right"):
        (row,) = fire(owner, name)
        assert record(owner, row["activationId"])["response"]["result"]["side"] == name


def test_one_action_by_two_rules_of_one_trigger(owner: httpx.Client) -> None:
    """It runs twice."""
    put(owner, "triggers/twice")
    put_rule(owner, "twice-a", "twice", "one")
    put_rule(owner, "twice-b", "twice", "one")
    rows = fire(owner, "twice")
    assert [row["action"] for row in rows] == ["guest/one"] * 2
    assert {record(owner, row["activationId"])["name"] for row in rows} == {"one"}


def test_a_rule_is_turned_off_and_on(owner: httpx.Client) -> None:
    """Off, its row says so while another is on; with none on there is no record at all."""
    put(owner, "triggers/switched")
    put_rule(owner, "switched-one", "switched", "one")
    put_rule(owner, "switched-two", "switched", "two")
    assert status(owner, "switched-one") == "active"
    switch(owner, "switched-one", "inactive")
    assert status(owner, "switched-one") == "inactive"
    rows = {row["rule"]: row for row in fire(owner, "switched")}
    assert rows["guest/switched-one"] == {
        "rule": "guest/switched-one",
        "action": "guest/one",
        "statusCode": 1,
        "success": False,
        "error": INACTIVE.format("switched-one", "one"),
    }
    assert set(rows["guest/switched-two"]) == {"rule", "action", "statusCode", "success", "activationId"}
    switch(owner, "switched-two", "inactive")
    silent = owner.post(f"{API}/triggers/switched", json={})
    assert (silent.status_code, silent.content) == (204, b"")
    switch(owner, "switched-one", "active")
    assert {row["rule"]: row["success"] for row in fire(owner, "switched")} == {"guest/switched-one": True, "guest/switched-two": False}


def test_a_rule_is_deleted_and_made_again(owner: httpx.Client) -> None:
    """While it is active; then nothing runs, and anew it does, from the first version."""
    put(owner, "triggers/again")
    put_rule(owner, "again-rule", "again", "one")
    put(owner, "rules/again-rule", {"annotations": parameters(a=1)})
    gone = owner.delete(f"{API}/rules/again-rule").json()
    assert (gone["status"], gone["version"]) == ("inactive", "0.0.2")
    assert said(owner.get(f"{API}/rules/again-rule")) == (404, MISSING)
    assert owner.post(f"{API}/triggers/again", json={}).status_code == 204
    made = put_rule(owner, "again-rule", "again", "two")
    assert (made["version"], made["annotations"], made["status"]) == ("0.0.1", [], "active")
    assert [row["action"] for row in fire(owner, "again")] == ["guest/two"]


def test_a_rule_takes_another_action(owner: httpx.Client) -> None:
    """Without being turned off."""
    put(owner, "triggers/redirected")
    put_rule(owner, "redirects", "redirected", "one")
    changed = put(owner, "rules/redirects", {"action": "/_/two"})
    assert (changed["status"], changed["version"], changed["trigger"]["name"]) == ("active", "0.0.2", "redirected")
    assert [row["action"] for row in fire(owner, "redirected")] == ["guest/two"]


def test_an_update_needs_both_ends(owner: httpx.Client) -> None:
    """Old ones as well as new; what was there stays."""
    put(owner, "triggers/ends")
    put_action(owner, "ends-action")
    put_rule(owner, "ends-rule", "ends", "ends-action")
    one = f"{API}/rules/ends-rule?overwrite=true"
    assert said(owner.put(one, json={"trigger": "/_/none"})) == (400, "trigger /guest/none does not exist")
    assert said(owner.put(one, json={"action": "/_/none"})) == (400, "action /guest/none does not exist")
    owner.delete(f"{API}/actions/ends-action").raise_for_status()
    assert said(owner.put(one, json={})) == (400, "action /guest/ends-action does not exist")
    assert owner.get(f"{API}/rules/ends-rule").json()["version"] == "0.0.1"
    assert put(owner, "rules/ends-rule", {"action": "/_/one"})["status"] == "active"


def test_ends_of_another_kind_are_a_conflict(owner: httpx.Client) -> None:
    """A trigger is no action, an action no trigger."""
    put(owner, "triggers/kind-bell")
    for body in ({"trigger": "/_/one", "action": "/_/one"}, {"trigger": "/_/kind-bell", "action": "/_/kind-bell"}):
        answer = owner.put(f"{API}/rules/kinds", json=body)
        assert answer.status_code in {400, 409}, answer.text
        assert owner.get(f"{API}/rules/kinds").status_code == 404


def test_a_trigger_made_anew_is_linked_when_its_rule_is_turned_on(owner: httpx.Client) -> None:
    """Or updated; until then the rule is inactive, deleting it is no error, and its trigger's record does not speak of it."""
    put(owner, "triggers/anew")
    put_rule(owner, "anew-a", "anew", "one")
    put_rule(owner, "anew-b", "anew", "two")
    owner.delete(f"{API}/triggers/anew").raise_for_status()
    assert [status(owner, name) for name in ("anew-a", "anew-b")] == ["inactive"] * 2
    put(owner, "triggers/anew")
    switch(owner, "anew-a", "active")
    assert [row["rule"] for row in fire(owner, "anew")] == ["guest/anew-a"]
    assert put(owner, "rules/anew-b", {})["status"] == "inactive"
    assert owner.delete(f"{API}/rules/anew-b").json()["status"] == "inactive"


def test_rules_are_deleted_after_both_their_ends(owner: httpx.Client) -> None:
    """As `aio` undeploys: actions, triggers, then rules."""
    put(owner, "triggers/undeployed")
    put_action(owner, "undeployed-action")
    put_rule(owner, "undeployed-rule", "undeployed", "undeployed-action")
    for path in ("actions/undeployed-action", "triggers/undeployed"):
        owner.delete(f"{API}/{path}").raise_for_status()
    assert status(owner, "undeployed-rule") == "inactive"
    assert owner.delete(f"{API}/rules/undeployed-rule").json()["status"] == "inactive"


def test_a_packaged_action_and_a_binding_of_it(owner: httpx.Client) -> None:
    """Each with its parameters; when the package goes it is told, when it comes back all is well."""
    put(owner, "packages/kit", {"parameters": parameters(p="package")})
    put_action(owner, "kit/act")
    put(owner, "packages/kit-tie", {"binding": {"namespace": "_", "name": "kit"}, "parameters": parameters(p="binding")})
    put(owner, "triggers/kit-bell")
    put_rule(owner, "kit-direct", "kit-bell", "kit/act")
    put_rule(owner, "kit-bound", "kit-bell", "kit-tie/act")
    rows = fire(owner, "kit-bell")
    assert [record(owner, row["activationId"])["response"]["result"]["p"] for row in rows] == ["package", "binding"]
    owner.delete(f"{API}/packages/kit?force=true").raise_for_status()
    assert [(row["statusCode"], row["success"]) for row in fire(owner, "kit-bell")] == [(1, False)] * 2
    put(owner, "packages/kit")
    put_action(owner, "kit/act")
    assert [row["success"] for row in fire(owner, "kit-bell")] == [True, True]


def test_a_rule_on_a_sequence_has_a_chain_of_causes(owner: httpx.Client) -> None:
    """The steps name the sequence, the sequence nobody, the trigger's record the sequence."""
    put_sequence(owner, "walk", "/_/one", "/_/two")
    put(owner, "triggers/walk-bell")
    put_rule(owner, "walk-rule", "walk-bell", "walk")
    (row,) = fire(owner, "walk-bell", n=1)
    walked = record(owner, row["activationId"])
    assert "cause" not in walked
    assert {record(owner, step)["cause"] for step in walked["logs"]} == {walked["activationId"]}


def test_a_trigger_counts_its_versions_and_keeps_its_rules(owner: httpx.Client) -> None:
    """Through updates of it, and updates of its rules do not count."""
    put(owner, "triggers/steady", {"parameters": parameters(a=1)})
    put_rule(owner, "steady-rule", "steady", "one")
    switch(owner, "steady-rule", "inactive")
    updated = put(owner, "triggers/steady", {"annotations": parameters(b=2)})
    assert (updated["version"], updated["parameters"], updated["limits"]) == ("0.0.2", parameters(a=1), {})
    assert updated["rules"] == {"guest/steady-rule": {"action": {"path": "guest", "name": "one"}, "status": "inactive"}}
    ignored = put(owner, "triggers/steady", {"rules": {}, "feed": "x", "limits": {"a": 1}})
    assert ignored["rules"] == updated["rules"]
    switch(owner, "steady-rule", "active")
    fired = owner.post(f"{API}/triggers/steady", json={}).json()["activationId"]
    assert record(owner, fired)["version"] == "0.0.3"


def test_headers_of_the_fire_reach_the_action(owner: httpx.Client) -> None:
    """In lower case, under what was posted, which may name them itself."""
    put(owner, "triggers/headed")
    put_rule(owner, "headed-rule", "headed", "one")
    headers = {"X-Own": "A", "User-Agent": "teller", "Content-Type": "application/json"}
    fired = owner.post(f"{API}/triggers/headed", content=b"{}", headers=headers).json()["activationId"]
    ran = record(owner, json.loads(record(owner, fired)["logs"][0])["activationId"])
    seen = ran["response"]["result"]["__ow_headers"]
    assert (seen["x-own"], seen["user-agent"], seen["content-type"]) == ("A", "teller", "application/json")
    (row,) = fire(owner, "headed", __ow_headers="mine")
    assert record(owner, row["activationId"])["response"]["result"]["__ow_headers"] == "mine"


def test_an_action_that_fails_is_no_failure_of_the_fire(owner: httpx.Client) -> None:
    """It was accepted; how it ended is in its own record."""
    put_action(owner, "failing", "function main() { return { error: 'no' }; }")
    put(owner, "triggers/unlucky")
    put_rule(owner, "unlucky-rule", "unlucky", "failing")
    (row,) = fire(owner, "unlucky")
    assert (row["statusCode"], row["success"]) == (0, True)
    assert record(owner, row["activationId"])["response"]["status"] == "application error"
