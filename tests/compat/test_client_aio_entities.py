"""Adobe's aio plugin, unchanged: triggers, rules, packages, namespaces, properties (openwhisk-api §4, §5, §6, §8, §11.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.compat.steps import ECHO, marks_of
from tests.support import aio_cli, hubs
from tests.support.aio_cli import Aio

INTERVAL = "/whisk.system/alarms/interval"
SOURCE = "function main({ refuse, lifecycleEvent }) { console.log(lifecycleEvent); return refuse && lifecycleEvent === 'CREATE' ? { error: 'not today' } : {}; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("aio-entities") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def aio(hub: hubs.Hub) -> Iterator[Aio]:
    """The plugin, in a folder with some code."""
    with aio_cli.aio(hub, hub.data.parent / "work") as found:
        found.write("echo.js", ECHO)
        found.write("source.js", SOURCE)
        found.write("params.json", json.dumps({"a": 1}))
        found.shows("runtime action create echo echo.js")
        yield found


def names(rows: list[str]) -> list[str]:
    """The last column of a table."""
    return [row.split()[-1] for row in rows]


def test_a_trigger_is_created_changed_fired_and_deleted(aio: Aio) -> None:
    """Without a rule its fire shows an empty answer; with one, the id."""
    aio.shows("runtime trigger create tick -p a 1 -a description d")
    made = aio.answers("runtime trigger get tick")
    aio.shows("runtime trigger update tick --param-file params.json")
    changed = aio.answers("runtime trigger get /guest/tick")

    assert (made["parameters"], marks_of(made)) == ([{"key": "a", "value": "1"}], {"description": "d"})
    assert (changed["version"], changed["parameters"], marks_of(changed)) == ("0.0.2", [{"key": "a", "value": 1}], {"description": "d"})
    assert aio.answers("runtime trigger fire tick") == {"type": "Buffer", "data": []}
    aio.shows("runtime rule create tick-rule tick echo")
    assert set(aio.answers("runtime trigger fire tick -p b 2")) == {"activationId"}
    assert aio.refuses("runtime trigger create tick") == "Error: failed to create the trigger: resource already exists (409 Conflict)"
    assert aio.shows("runtime trigger delete tick") == ""
    assert aio.refuses("runtime trigger get tick").endswith("the requested resource does not exist. (404 Not Found)")


def test_a_trigger_is_created_with_its_feed(aio: Aio) -> None:
    """The feed is created with the parameters, and deleted with the trigger."""
    aio.shows(f"runtime trigger create fed --feed {INTERVAL} -p minutes 5")
    read = f"runtime action invoke {INTERVAL} --result -p lifecycleEvent READ -p triggerName /_/fed"

    assert marks_of(aio.answers("runtime trigger get fed"))["feed"] == INTERVAL
    assert aio.answers(read)["config"]["minutes"] == 5
    aio.shows("runtime trigger delete fed")
    assert aio.answers(read) == {"error": "could not find trigger /guest/fed in the database"}


def test_a_trigger_whose_feed_refuses_is_taken_back(aio: Aio) -> None:
    """A native feed and a user's: the command fails, by status only, and leaves nothing."""
    aio.shows("runtime action create source source.js -a feed true")

    for feed in (f"{INTERVAL} -p minutes none", "/guest/source -p refuse yes"):
        assert aio.refuses(f"runtime trigger create unfed --feed {feed}") == "Error: failed to create the trigger: 502 Bad Gateway"
        assert "(404 Not Found)" in aio.refuses("runtime trigger get unfed")


def test_triggers_are_listed(aio: Aio) -> None:
    """With how many of their rules are active; counted, paged, sorted, as JSON."""
    for name in ("list-b", "list-a"):
        aio.shows(f"runtime trigger create {name}")
    aio.shows("runtime rule create list-rule list-b echo")
    rows = aio.table("runtime trigger list")
    total = len(rows)

    assert next(row for row in rows if row.endswith("list-b")).split()[2:4] == ["1", "active"]
    assert next(row for row in rows if row.endswith("list-a")).split()[2] == "inactive"
    assert names(aio.table("runtime trigger list --limit 2 --name")) == ["list-a", "list-b"]
    assert [row["name"] for row in aio.answers("runtime trigger list --limit 1 --skip 1 --json")] == ["list-b"]
    assert aio.shows("runtime trigger list --count") == f"You have {total} triggers in this namespace.\n"
    assert aio.answers("runtime trigger list --count --json") == {"triggers": total}


def test_a_rule_is_created_switched_and_deleted(aio: Aio) -> None:
    """What each command shows."""
    aio.shows("runtime trigger create ruled")
    made = aio.answers("runtime rule create rule ruled echo --json")

    assert (made["trigger"], made["action"], made["status"]) == (
        {"path": "guest", "name": "ruled"},
        {"path": "guest", "name": "echo"},
        "active",
    )
    assert aio.shows("runtime rule status rule") == "active\n"
    assert aio.shows("runtime rule disable rule") == 'Rules Disabled! "OK"\n'
    assert aio.shows("runtime rule status rule") == "inactive\n"
    assert aio.shows("runtime rule enable rule") == 'Rule Enabled "OK"\n'
    assert aio.answers("runtime rule get rule")["status"] == "active"
    assert aio.answers("runtime rule update rule ruled echo --json")["version"] == "0.0.2"
    assert aio.answers("runtime rule delete rule --json")["name"] == "rule"
    assert aio.refuses("runtime rule get rule").endswith("the requested resource does not exist. (404 Not Found)")
    assert aio.refuses("runtime rule create rule none echo").endswith("(400 Bad Request)")


def test_rules_are_listed_with_their_status(aio: Aio) -> None:
    """Each is read by itself; counted, paged, sorted, as JSON."""
    aio.shows("runtime trigger create listed")
    for name in ("rule-b", "rule-a"):
        aio.shows(f"runtime rule create {name} listed echo")
    aio.shows("runtime rule disable rule-a")
    rows = aio.table("runtime rule list --name-sort")

    assert [row.split()[2] for row in rows if row.endswith(("rule-a", "rule-b"))] == ["inactive", "active"]
    assert [row["status"] for row in aio.answers("runtime rule list --limit 2 --json")] == ["inactive", "active"]
    assert aio.shows("runtime rule list --count") == f"You have {len(rows)} rules in this namespace.\n"


def test_a_package_is_created_changed_and_deleted(aio: Aio) -> None:
    """Shared or not; its actions are shown; only an empty one can be deleted."""
    made = aio.answers("runtime package create box -p a 1 -a description d --shared yes --json")
    changed = aio.answers("runtime package update box --param-file params.json --shared no --json")
    aio.shows("runtime action create box/act echo.js")

    assert (made["publish"], made["parameters"], marks_of(made)["description"]) == (True, [{"key": "a", "value": "1"}], "d")
    assert (changed["version"], changed["publish"], changed["parameters"]) == ("0.0.2", False, [{"key": "a", "value": 1}])
    assert [row["name"] for row in aio.answers("runtime package get box")["actions"]] == ["act"]
    assert aio.refuses("runtime package delete box").endswith("(409 Conflict)")
    aio.shows("runtime action delete box/act")
    assert aio.answers("runtime package delete box --json")["name"] == "box"


def test_a_package_is_deleted_with_all_that_is_in_it(aio: Aio) -> None:
    """Actions, their rules and the triggers of those."""
    aio.shows("runtime package create whole")
    for name in ("one", "two"):
        aio.shows(f"runtime action create whole/{name} echo.js")
    aio.shows("runtime trigger create whole-tick")
    aio.shows("runtime rule create whole-rule whole-tick whole/one")
    aio.shows("runtime package delete whole --recursive")

    for what in ("package get whole", "action get whole/one", "trigger get whole-tick", "rule get whole-rule"):
        assert "(404 Not Found)" in aio.refuses(f"runtime {what}")


def test_a_package_is_bound(aio: Aio) -> None:
    """Of another namespace; called through the binding."""
    made = aio.answers("runtime package bind /whisk.system/utils tools -p separator - --json")

    assert made["binding"] == {"namespace": "whisk.system", "name": "utils"}
    assert aio.answers("runtime action invoke tools/split --result -p payload a-b")["lines"] == ["a", "b"]
    assert aio.refuses("runtime package bind /guest/none broken").endswith("(400 Bad Request)")


def test_packages_are_listed(aio: Aio) -> None:
    """Public or private, package or binding; of another namespace the public ones."""
    aio.shows("runtime package create open --shared true")
    aio.shows("runtime package bind /whisk.system/samples bound")
    rows = {row.split()[-1]: row.split()[2:4] for row in aio.table("runtime package list")}
    total = len(rows)

    assert rows["open"] == ["public", "package"]
    assert rows["bound"] == ["private", "binding"]
    assert {"alarms", "utils"} <= set(names(aio.table("runtime package list whisk.system --name-sort")))
    assert [row["name"] for row in aio.answers("runtime package list --limit 2 --json")] == ["bound", "open"]
    assert aio.shows("runtime package list --count") == f"You have {total} packages in this namespace.\n"


def test_a_namespace_is_shown_with_all_that_is_in_it(aio: Aio) -> None:
    """Four tables, or JSON; rules with their status."""
    aio.shows("runtime trigger update shown")
    aio.shows("runtime rule update shown-rule shown echo")
    shown = aio.shows("runtime namespace get")
    rows = [" ".join(line.split()) for line in shown.splitlines()]

    assert aio.answers("runtime namespace list --json") == ["guest"]
    assert aio.table("runtime namespace list") == ["guest"]
    assert rows[0] == "Entities in namespace:"
    assert [row for row in rows if row in {"packages", "actions", "triggers", "rules"}] == ["packages", "actions", "triggers", "rules"]
    assert "/guest/echo private nodejs:20" in rows
    assert "/guest/shown-rule private active" in rows
    assert set(aio.answers("runtime namespace get --json")) == {"packages", "actions", "triggers", "rules"}


def test_properties_are_shown(hub: hubs.Hub, aio: Aio) -> None:
    """Host and key from the file that `wsk` reads as well; the build as the hub tells it without credentials."""
    with hub.http as http:
        build = http.get("/api/v1").json()["build"]
    shown = {name: value for name, _, value in (row.rpartition(" ") for row in aio.table("runtime property get"))}

    assert (shown["whisk API host"], shown["whisk auth"], shown["whisk namespace"]) == (hub.address, hub.auth, "guest")
    assert shown["whisk API build version"] == shown["whisk API build number"] == build
    assert aio.table("runtime property get --apihost") == [f"whisk API host {hub.address}"]
