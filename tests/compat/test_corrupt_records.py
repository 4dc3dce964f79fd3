"""Records that cannot be read: told as such, and nothing else suffers (openwhisk-api §12.1, §15)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, FORBIDDEN, put, put_action, put_rule, record, said
from tests.support import hubs

CORRUPTED = (500, "Resource is corrupted and cannot be read.")
BODIES: dict[str, dict[str, Any]] = {
    "actions": {"exec": {"kind": "nodejs:default", "code": ""}},
    "packages": {},
    "triggers": {},
    "rules": {"trigger": "/_/sound", "action": "/_/sound-action"},
}


def spoil(hub: hubs.Hub, namespace: str, path: str, document: str) -> None:
    """Write something else over a record, as a fault of the disk or a program of tomorrow would."""
    connection = sqlite3.connect(hub.data / "hub.db", timeout=10)
    try:
        with connection:
            connection.execute("UPDATE entities SET document = ? WHERE namespace = ? AND path = ?", (document, namespace, path))
    finally:
        connection.close()


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A hub that was started after some of its records were spoiled."""
    data = tmp_path_factory.mktemp("corrupt") / "data"
    first = hubs.start(data)
    with first.http as http:
        put(http, "triggers/sound")
        put_action(http, "sound-action")
        put(http, "packages/public-spoiled", {"publish": True})
        put_action(http, "public-spoiled/inside")
        put(http, "packages/tied", {"binding": {"namespace": "_", "name": "public-spoiled"}})
        for collection, body in BODIES.items():
            put(http, f"{collection}/{collection}-spoiled", body)
        put(http, "triggers/rings")
        put_rule(http, "rings-rule", "rings", "actions-spoiled")
    first.stop()
    for collection, document in zip(BODIES, ("{}", '{"name": 7}', "no json", "[]"), strict=True):
        spoil(first, "guest", f"{collection}-spoiled", document)
    spoil(first, "guest", "public-spoiled", "{}")
    with hubs.running(data) as hub, hub.http as http:
        yield http


@pytest.mark.parametrize("collection", list(BODIES))
def test_a_spoiled_record_is_told_as_such(spoiled: httpx.Client, collection: str) -> None:
    """On GET, PUT and DELETE; nothing is written over it."""
    one = f"{API}/{collection}/{collection}-spoiled"
    assert said(spoiled.get(one)) == CORRUPTED
    assert said(spoiled.put(f"{one}?overwrite=true", json=BODIES[collection])) == CORRUPTED
    assert said(spoiled.put(one, json=BODIES[collection])) == CORRUPTED
    assert said(spoiled.delete(one)) == CORRUPTED
    assert said(spoiled.get(one)) == CORRUPTED


def test_what_is_called_and_spoiled_is_told_as_such(spoiled: httpx.Client) -> None:
    """Invoked, fired, or switched."""
    assert said(spoiled.post(f"{API}/actions/actions-spoiled?blocking=true", json={})) == CORRUPTED
    assert said(spoiled.post(f"{API}/triggers/triggers-spoiled", json={})) == CORRUPTED
    assert said(spoiled.post(f"{API}/rules/rules-spoiled", json={"status": "inactive"})) == CORRUPTED


def test_a_spoiled_package_spoils_what_goes_through_it(spoiled: httpx.Client) -> None:
    """Its actions, also through a binding, as upstream has it."""
    for path in ("actions/public-spoiled/inside", "actions/tied/inside", "actions/tied/", "packages/tied"):
        assert said(spoiled.get(f"{API}/{path}")) == CORRUPTED


def test_lists_show_what_can_be_read(spoiled: httpx.Client) -> None:
    """The others are not hidden by it."""
    assert {row["name"] for row in spoiled.get(f"{API}/triggers").json()} == {"sound", "rings"}
    assert "sound-action" in {row["name"] for row in spoiled.get(f"{API}/actions").json()}


def test_a_rule_on_a_spoiled_action_says_so_in_the_trigger_s_log(spoiled: httpx.Client) -> None:
    """As trouble of the hub; everything else goes on."""
    fired = spoiled.post(f"{API}/triggers/rings", json={})
    (row,) = map(json.loads, record(spoiled, fired.json()["activationId"])["logs"])
    assert (row["statusCode"], row["success"], row["error"]) == (3, False, CORRUPTED[1])
    assert spoiled.post(f"{API}/actions/sound-action?blocking=true&result=true", json={"a": 1}).json() == {"a": 1}


def test_a_stranger_does_not_learn_of_it(spoiled: httpx.Client) -> None:
    """Whose namespace it is comes first."""
    assert said(spoiled.get("/api/v1/namespaces/other/actions/x")) == (403, FORBIDDEN.format("other/x"))
