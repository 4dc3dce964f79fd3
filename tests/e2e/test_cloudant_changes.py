"""Journey 3: changes of a database, followed over a kill -9."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.steps import count, create_feed, invoke, lifecycle, put_action, put_rule, record_of
from tests.support import hubs, pouchdb
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.tls import TLS

FEED = "/whisk.system/cloudant/changes"
SEEN = "def main(args):\n    return {'id': args['id'], 'rev': args['changes'][0]['rev'], 'deleted': args.get('deleted', False)}\n"
CHANGES = 2_000


@pytest.fixture(scope="module")
def couch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real pouchdb-server."""
    with pouchdb.running(tmp_path_factory.mktemp("couch")) as address:
        yield address


def given_database(couch: str, name: str) -> httpx.Client:
    assert httpx.put(f"{couch}/{name}", trust_env=False, verify=TLS).status_code in {201, 412}
    return httpx.Client(base_url=f"{couch}/{name}", trust_env=False, verify=TLS, timeout=30)


def given_feed(hub: Hub, couch: str, name: str, **more: object) -> None:
    told = create_feed(hub, name, FEED, url=couch, dbname=name, auth="none", **more)
    assert told.get("status") == "success", told
    put_action(hub, f"{name}-seen", SEEN)
    put_rule(hub, name, f"{name}-seen")


def test_a_change_fires_with_its_row(hub: Hub, couch: str) -> None:
    """The event is the row of `_changes` with the name of the database."""
    with given_database(couch, "cats") as database:
        given_feed(hub, couch, "cats")
        rev = database.put("/tom", json={"colour": "grey"}).json()["rev"]
        seen = record_of(hub, "cats-seen")["response"]["result"]
        database.delete("/tom", params={"rev": rev})
        eventually(lambda: count(hub, "cats-seen") == 2)

    assert seen == {"id": "tom", "rev": rev, "deleted": False}
    assert record_of(hub, "cats-seen")["response"]["result"]["deleted"] is True
    assert record_of(hub, "cats")["response"]["result"]["dbname"] == "cats"


def test_only_what_happens_from_now_on_fires_unless_asked_otherwise(hub: Hub, couch: str) -> None:
    """`since` 0 begins with the first change."""
    with given_database(couch, "old") as database:
        database.put("/before", json={})
        given_feed(hub, couch, "old")
        database.put("/after", json={})
        record_of(hub, "old-seen")
        assert count(hub, "old-seen") == 1
        lifecycle(hub, "CREATE", "old", FEED, url=couch, dbname="old", auth="none", since="0")
        eventually(lambda: count(hub, "old-seen") == 3, what="both changes, from the beginning")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "missing dbname parameter"),
        ({"dbname": "x"}, "missing host parameter"),
        ({"dbname": "x", "host": "h"}, "Must specify parameter/s of iamApiKey or username/password"),
        ({"dbname": "x", "url": "http://127.0.0.1:9", "auth": "none"}, "error connecting to database x"),
        (
            {"dbname": "x", "host": "h", "username": "u", "password": "p", "query_params": {"a": 1}},
            "only allowed if the filter parameter is defined",
        ),
        ({"dbname": "x", "host": "h", "username": "u", "password": "p", "filter": "a/b", "query_params": "{"}, "not a valid JSON Object"),
    ],
)
def test_bad_settings_are_refused_in_upstreams_words(hub: Hub, settings: dict[str, object], words: str) -> None:
    """And leave nothing behind."""
    told = create_feed(hub, "refused-changes", FEED, **settings)

    assert words in told["error"]
    assert "could not find" in lifecycle(hub, "READ", "refused-changes", FEED)["error"]


def test_a_database_that_is_not_there_is_refused(hub: Hub, couch: str) -> None:
    """At once, with its name."""
    told = create_feed(hub, "nowhere", FEED, url=couch, dbname="nowhere", auth="none")

    assert "error connecting to database nowhere" in told["error"]


def test_documents_are_read_and_written_by_the_packages_actions(hub: Hub, couch: str) -> None:
    """read, create, update, delete, list, with the database's own answers."""
    given_database(couch, "docs").close()
    place = {"url": couch, "dbname": "docs"}
    package = "/whisk.system/cloudant"
    made = invoke(hub, f"{package}/create-document", **place, doc={"_id": "a", "n": 1})
    changed = invoke(hub, f"{package}/update-document", **place, doc={"_id": "a", "_rev": made["rev"], "n": 2})
    read = invoke(hub, f"{package}/read-document", **place, docid="a")
    listed = invoke(hub, f"{package}/list-documents", **place, params={"include_docs": True})
    gone = invoke(hub, f"{package}/delete-document", **place, docid="a", docrev=changed["rev"])

    assert made["ok"]
    assert (read["n"], read["_rev"]) == (2, changed["rev"])
    assert [row["id"] for row in listed["rows"]] == ["a"]
    assert gone["ok"]
    assert invoke(hub, f"{package}/read", **place, id="a")["error"]["statusCode"] == 404
    assert invoke(hub, f"{package}/read", url=couch, dbname="docs")["error"] == "docid is required."


@pytest.mark.timeout(180)
def test_a_kill_in_the_middle_loses_no_change_and_repeats_none(tmp_path: Path, couch: str) -> None:
    """2,000 changes, kill -9 of the hub in the middle: each (id, rev) fires once."""
    data = tmp_path / "data"
    hub = hubs.start(data, OUTBOUND__ALLOW="127.0.0.1")
    try:
        with given_database(couch, "many") as database:
            given_feed(hub, couch, "many")
            _write(database, 0, CHANGES // 2)
            eventually(lambda: count(hub, "many-seen") >= CHANGES // 5, seconds=30)
            hub.kill()
            _write(database, CHANGES // 2, CHANGES)
            hub = hubs.start(data, OUTBOUND__ALLOW="127.0.0.1")
            eventually(lambda: len(set(_all(hub, "many-seen"))) >= CHANGES, seconds=60)
        fired = _all(hub, "many-seen")
    finally:
        hub.process.kill()
        hub.process.wait()

    assert len(fired) == CHANGES
    assert max(Counter(fired).values()) == 1


def _write(database: httpx.Client, first: int, end: int) -> None:
    for start in range(first, end, 250):
        docs = [{"_id": f"doc-{number}"} for number in range(start, min(start + 250, end))]
        assert database.post("/_bulk_docs", json={"docs": docs}).status_code == 201


def _all(hub: Hub, name: str) -> list[tuple[str, str]]:
    """(id, rev) of every successful run; a run that the kill cut off is on record as lost, and ran again under another id."""
    found: dict[str, tuple[str, str]] = {}
    skip = 0
    with hub.http as http:
        while rows := http.get(f"/api/v1/namespaces/_/activations?name={name}&docs=true&limit=200&skip={skip}").json():
            skip += len(rows)
            for row in rows:
                if row["response"]["success"]:
                    found[row["activationId"]] = (row["response"]["result"]["id"], row["response"]["result"]["rev"])
    return list(found.values())
