"""Accepted work survives kill -9: nothing is lost, and one activation id has exactly one record."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.steps import API, put_action, put_rule
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub

KILLS = 50
WITH_CELLS = 5
"""Each so many starts are with cells, as `tests/fault/test_kills_under_load.py` has all of them; the others take half the time."""
FIRES = 4


def fire(hub: Hub, number: int, accepted: list[str]) -> None:
    """Fire until the hub is gone; every id that was answered is kept."""
    with hub.http as http:
        for turn in range(1000):
            try:
                answer = http.post(f"{API}/triggers/doomed", json={"n": f"{number}-{turn}"})
            except httpx.HTTPError:
                return
            if answer.status_code == 202:
                accepted.append(answer.json()["activationId"])


@pytest.mark.timeout(400)
def test_a_kill_between_accept_and_run_loses_nothing(tmp_path: Path) -> None:
    """Fifty times: fires are accepted, the hub is killed at once, and after the next start each of them has run, with one record."""
    data = tmp_path / "data"
    accepted: list[str] = []
    hub = hubs.start(data)
    try:
        put_action(hub, "doomed-seen", "def main(args):\n    return {'n': args['n']}\n")
        put_rule(hub, "doomed", "doomed-seen")
        for number in range(KILLS):
            before = len(accepted)
            firing = threading.Thread(target=fire, args=(hub, number, accepted))
            firing.start()
            eventually(lambda before=before: len(accepted) >= before + FIRES)  # type: ignore[misc]
            hub.kill()
            firing.join(30)
            hub = hubs.start(data) if number % WITH_CELLS == 0 else hubs.start(data, RUNTIME__ACCEPT_LEVEL="0", **hubs.WITHOUT_CELLS)
        triggers = eventually(lambda: _complete(hub, accepted), seconds=60, what="a run for every accepted fire")
    finally:
        hub.process.kill()
        hub.process.wait()
    ids = Counter(row["activationId"] for row in triggers)

    assert set(accepted) <= set(ids)
    assert max(ids.values()) == 1


def _complete(hub: Hub, accepted: list[str]) -> list[dict[str, Any]]:
    """All records of the trigger, once every run that they name has a record of its own; nothing before."""
    fires, runs = _records(hub, "doomed"), _records(hub, "doomed-seen")
    known = {row["activationId"] for row in runs}
    named = {log["activationId"] for row in fires for log in map(json.loads, row["logs"])}
    retried = {item["value"] for row in runs for item in row["annotations"] if item["key"] == "retriedAs"}
    done = set(accepted) <= {row["activationId"] for row in fires} and named <= known and retried <= known
    return fires if done else []


def _records(hub: Hub, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with hub.http as http:
        while rows := http.get(f"{API}/activations?name={name}&docs=true&limit=200&skip={len(found)}").json():
            found += rows
    return found


@pytest.mark.timeout(120)
def test_a_run_that_was_lost_in_the_middle_is_told_and_runs_again(tmp_path: Path) -> None:
    """A rule's run ends as lost and names the new one; a non-blocking call runs again under its own id."""
    data = tmp_path / "data"
    slow = "import time, urllib.request\ndef main(args):\n    if urllib.request.urlopen(args['mark']).read() == b'1':\n        time.sleep(50)\n    return {}\n"
    with counting() as (address, seen):
        rows, called = _killed_in_the_middle(data, slow, address, seen)
    by_id = {row["activationId"]: row for row in rows}
    lost = [row for row in rows if not row["response"]["success"]]
    marks = {item["key"]: item["value"] for item in lost[0]["annotations"]}

    assert len(lost) == 1
    assert marks["retriedAs"] in by_id
    assert {item["key"]: item["value"] for item in by_id[called]["annotations"]}["attempts"] == 2


@contextlib.contextmanager
def counting() -> Iterator[tuple[str, Counter[str]]]:
    """A server that answers how often a path was asked for, and its counts: where runs leave a mark that outlives their cells."""
    seen: Counter[str] = Counter()

    class Counts(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen[self.path] += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(str(seen[self.path]).encode())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Counts) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def _killed_in_the_middle(data: Path, slow: str, address: str, seen: Counter[str]) -> tuple[list[dict[str, Any]], str]:
    """All records of the runs, and the id of the one that was called."""
    hub = hubs.start(data, OUTBOUND__ALLOW="127.0.0.1")
    try:
        put_action(hub, "slow", slow)
        put_rule(hub, "start", "slow")
        with hub.http as http:
            http.post(f"{API}/triggers/start", json={"mark": f"{address}/rule"})
            called = http.post(f"{API}/actions/slow", json={"mark": f"{address}/call"}).json()["activationId"]
        eventually(lambda: seen["/rule"] and seen["/call"])
        eventually(lambda: _started(hub) == 2, what="both starts on record")
        hub.kill()
        hub = hubs.start(data, OUTBOUND__ALLOW="127.0.0.1")
        rows = eventually(lambda: found if len(found := _records(hub, "slow")) >= 3 else [], seconds=30)
    finally:
        hub.process.kill()
        hub.process.wait()
    return rows, called


def _started(hub: Hub) -> int:
    with sqlite3.connect(f"file:{hub.data / 'hub.db'}?mode=ro", uri=True) as database:
        count: int = database.execute("SELECT COUNT(*) FROM dispatches WHERE started > 0").fetchone()[0]
        return count
