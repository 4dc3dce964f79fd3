"""The `openwhisk` npm client, unchanged: triggers, rules, packages, namespaces (openwhisk-api §4, §5, §8, §11.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import ECHO, FORBIDDEN, MISSING, marks_of, parameters, record, tenant_key
from tests.support import hubs, openwhisk_js
from tests.support.openwhisk_js import Client, Refused


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("client-js-entities") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def ow(hub: hubs.Hub) -> Iterator[Client]:
    """The client with the guest's key."""
    with openwhisk_js.client(hub) as found:
        found("actions.update", name="echo", action=ECHO)
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The same key, to look at what the client made."""
    with hub.http as found:
        yield found


def refusal_of(ow: Client, call: str, **options: Any) -> tuple[int | None, str]:
    """Status and text of a call that is refused."""
    with pytest.raises(Refused) as refusal:
        ow(call, options)
    return refusal.value.status, refusal.value.error["error"] if refusal.value.status else refusal.value.message


def test_a_trigger_is_created_read_updated_and_deleted(ow: Client) -> None:
    """The body is the caller's; annotations come beside it or in it."""
    made = ow("triggers.create", name="tick", trigger={"parameters": parameters(a=1)}, annotations={"description": "d"})
    changed = ow("triggers.update", name="tick", trigger={"parameters": parameters(b=2)})

    assert (made["version"], made["parameters"], marks_of(made)) == ("0.0.1", parameters(a=1), {"description": "d"})
    assert (changed["version"], changed["parameters"], marks_of(changed)) == ("0.0.2", parameters(b=2), {"description": "d"})
    assert ow("triggers.get", "tick") == changed
    assert ow("triggers.get", triggerName="/guest/tick") == changed
    assert refusal_of(ow, "triggers.create", name="tick") == (409, "resource already exists")
    assert ow("triggers.delete", name="tick")["name"] == "tick"
    assert refusal_of(ow, "triggers.get", name="tick") == (404, MISSING)


def test_a_fire_without_an_active_rule_answers_nothing(ow: Client) -> None:
    """204: the client resolves to an empty body."""
    ow("triggers.update", name="quiet")

    assert ow("triggers.invoke", name="quiet", params={"a": 1}) == ""
    assert ow("triggers.invoke", "quiet") == ""


def test_a_fire_runs_the_action_of_each_rule(ow: Client, http: httpx.Client) -> None:
    """Parameters of the trigger under those of the call; the trigger's record names what ran."""
    ow("triggers.update", name="loud", trigger={"parameters": parameters(a="trigger", b="trigger")})
    ow("rules.update", name="loud-rule", trigger="loud", action="echo")
    fired = ow("triggers.invoke", name="loud", params={"b": "call"})
    ran = record(http, fired["activationId"])
    (started,) = [json.loads(line) for line in ran["logs"]]
    result = record(http, started["activationId"])["response"]["result"]

    assert set(fired) == {"activationId"}
    assert (ran["name"], ran["response"]["result"]) == ("loud", {"b": "call"})
    assert (started["rule"], started["action"], started["success"]) == ("guest/loud-rule", "guest/echo", True)
    assert (result["a"], result["b"]) == ("trigger", "call")


def test_a_rule_is_made_from_names_of_every_form(ow: Client) -> None:
    """Bare names get the client's namespace, full ones stay."""
    ow("triggers.update", name="forms")
    ow("packages.update", name="formed")
    ow("actions.update", name="formed/act", action=ECHO)
    bare = ow("rules.create", name="bare", trigger="forms", action="echo", annotations={"description": "d"})
    full = ow("rules.create", ruleName="full", trigger="/guest/forms", action="/_/formed/act")
    packaged = ow("rules.update", name="full", trigger="forms", action="formed/act")

    assert (bare["trigger"], bare["action"], bare["status"]) == (
        {"path": "guest", "name": "forms"},
        {"path": "guest", "name": "echo"},
        "active",
    )
    assert marks_of(bare)["description"] == "d"
    assert full["action"] == packaged["action"] == {"path": "guest/formed", "name": "act"}
    assert packaged["version"] == "0.0.2"
    assert set(ow("triggers.get", name="forms")["rules"]) == {"guest/bare", "guest/full"}


def test_a_rule_is_switched_off_and_on(ow: Client) -> None:
    """The answer is the text OK; a rule that is off does not run, and says so in the trigger's record."""
    ow("triggers.update", name="switched")
    ow("rules.update", name="switch", trigger="switched", action="echo")

    assert ow("rules.disable", name="switch") == "OK"
    assert ow("rules.get", name="switch")["status"] == "inactive"
    assert ow("triggers.invoke", name="switched") == ""
    assert ow("rules.disable", name="switch") == "OK"
    assert ow("rules.enable", name="switch") == "OK"
    assert ow("rules.get", "switch")["status"] == "active"
    assert ow("triggers.invoke", name="switched")["activationId"]


def test_a_rule_outlives_its_trigger_and_can_be_deleted(ow: Client) -> None:
    """It dangles: inactive, not to be turned on, deletable."""
    ow("triggers.update", name="leaves")
    ow("rules.update", name="stays", trigger="leaves", action="echo")
    ow("triggers.delete", name="leaves")

    assert ow("rules.get", name="stays")["status"] == "inactive"
    assert refusal_of(ow, "rules.enable", name="stays")[0] == 404
    assert ow("rules.delete", name="stays")["status"] == "inactive"


def test_a_rule_needs_what_it_links(ow: Client) -> None:
    """The client asks for both names, the hub for both entities."""
    ow("triggers.update", name="linked")

    assert refusal_of(ow, "rules.create", name="r", trigger="linked") == (None, "Missing mandatory action parameter from options.")
    assert refusal_of(ow, "rules.create", name="r", action="echo") == (None, "Missing mandatory trigger parameter from options.")
    assert refusal_of(ow, "rules.create", name="r", trigger="none", action="echo")[0] == 400
    assert refusal_of(ow, "rules.create", name="r", trigger="linked", action="none")[0] == 400
    assert refusal_of(ow, "rules.invoke", name="r") == (None, "Operation (invoke) not supported for rule resource.")


def test_a_package_is_created_read_updated_and_deleted(ow: Client) -> None:
    """The body is the caller's; GET shows the actions; only an empty one can be deleted."""
    body = {"publish": True, "parameters": parameters(a=1), "annotations": parameters(description="d")}
    made = ow("packages.create", name="box", package=body)
    ow("actions.update", name="box/act", action=ECHO)
    shown = ow("packages.get", packageName="box")

    assert (made["publish"], made["parameters"], marks_of(made)["description"]) == (True, parameters(a=1), "d")
    assert [row["name"] for row in shown["actions"]] == ["act"]
    assert refusal_of(ow, "packages.create", name="box") == (409, "resource already exists")
    assert refusal_of(ow, "packages.delete", name="box")[0] == 409
    assert ow("packages.update", name="box", package={"publish": False})["version"] == "0.0.2"
    ow("actions.delete", name="box/act")
    assert ow("packages.delete", "box")["name"] == "box"
    assert refusal_of(ow, "packages.invoke", name="box") == (None, "Operation (invoke) not supported for rule resource.")


def test_a_package_is_bound_and_called_through_the_binding(ow: Client) -> None:
    """Of another namespace, with parameters of one's own."""
    binding = {"namespace": "whisk.system", "name": "utils"}
    made = ow("packages.create", name="tools", package={"binding": binding, "parameters": parameters(separator="-")})
    row = next(row for row in ow("packages.list") if row["name"] == "tools")

    assert made["binding"] == row["binding"] == binding
    assert "echo" in {action["name"] for action in ow("packages.get", name="tools")["actions"]}
    assert ow("actions.invoke", name="tools/split", blocking=True, result=True, params={"payload": "a-b"})["lines"] == ["a", "b"]
    assert refusal_of(ow, "packages.create", name="bad", package={"binding": {"namespace": "_", "name": "none"}})[0] == 400


def test_packages_of_another_namespace_are_listed_if_public(ow: Client) -> None:
    """`namespace` of a call; `public` has no effect."""
    rows = ow("packages.list", namespace="whisk.system")

    assert {"alarms", "utils", "samples"} <= {row["name"] for row in rows}
    assert {row["publish"] for row in rows} == {True}
    assert len(ow("packages.list", namespace="whisk.system", public=True, limit=2)) == 2
    assert ow("packages.list", namespace="whisk.system", count=True)["packages"] == len(rows)
    assert ow("packages.get", name="/whisk.system/utils")["name"] == "utils"


@pytest.mark.parametrize("call", ["actions", "triggers", "rules", "activations"])
def test_nothing_else_of_another_namespace_is_listed(ow: Client, call: str) -> None:
    """403 with the namespace in the text."""
    assert refusal_of(ow, f"{call}.list", namespace="whisk.system") == (403, FORBIDDEN.format("whisk.system"))


def test_lists_page_and_count(hub: hubs.Hub, ow: Client) -> None:
    """Triggers, rules and packages: newest first, `limit`, `skip`, `count`."""
    own = ow.with_options(api_key=tenant_key(hub, "lists-entities"))
    own("actions.create", name="act", action=ECHO)
    for name in ("one", "two", "three"):
        own("triggers.create", name=f"triggers-{name}")
        own("packages.create", name=f"packages-{name}")
        own("rules.create", name=f"rules-{name}", trigger=f"triggers-{name}", action="act")

    for resource in ("triggers", "rules", "packages"):
        assert [row["name"] for row in own(f"{resource}.list")] == [f"{resource}-{name}" for name in ("three", "two", "one")]
        assert [row["name"] for row in own(f"{resource}.list", limit=1, skip=1)] == [f"{resource}-two"]
        assert own(f"{resource}.list", count=True) == {resource: 3}
        assert refusal_of(own, f"{resource}.list", limit=201)[0] == 400
    assert all(row["annotations"] == [] for row in own("triggers.list"))
    assert all("status" not in row and row["action"]["name"] == "act" for row in own("rules.list"))


def test_a_namespace_shows_what_is_in_it(hub: hubs.Hub, ow: Client) -> None:
    """`list` names exactly the key's own; `get` is four lists."""
    own = ow.with_options(api_key=tenant_key(hub, "shows-all"))
    own("actions.create", name="act", action=ECHO)
    own("triggers.create", name="trig")
    own("rules.create", name="rule", trigger="trig", action="act")
    own("packages.create", name="pack")

    assert own("namespaces.list") == ["shows-all"]
    shown = own("namespaces.get")
    assert {kind: [row["name"] for row in rows] for kind, rows in shown.items()} == {
        "actions": ["act"],
        "packages": ["pack"],
        "triggers": ["trig"],
        "rules": ["rule"],
    }
