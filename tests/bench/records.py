"""A hub with a million records: how long lists, counts, single records and their logs take, and what pollers cost."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from hub.domain.activation import Activation, Response, Status
from hub.domain.names import activation_ids_before
from hub.domain.parameters import Parameters
from hub.storage.mapping import activation_to_row
from hub.storage.sql.counts import COUNT_ALL
from tests.bench.figures import Figures
from tests.bench.pollers import measure_pollers
from tests.support.hubs import Hub, start

COUNT = 1_000_000
WEEK = 6 * 24 * 3600 * 1000
"""The records lie in the last six days, which retention keeps."""
ACTIONS = 40
ASKED = 100
LIMITS = {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1}
NOTHING = "nothing"
ALL = "/api/v1/namespaces/_/activations"


def records(count: int, now: int) -> Iterator[Activation]:
    """Records of one namespace, oldest first, up to `now` (ms)."""
    marks = {"path": "guest/action0", "waitTime": 3, "kind": "python:3", "timeout": False, "limits": LIMITS}
    pattern = Activation(
        activation_id="",
        namespace="guest",
        name="",
        path="",
        version="0.0.1",
        subject="guest",
        start=0,
        end=0,
        duration=4,
        response=Response(status=Status.SUCCESS, result={"payload": "hello", "items": [1, 2, 3]}, size=40),
        logs=("2026-08-05T10:00:00.512345678Z stdout: hello",),
        annotations=Parameters.of(marks),
    )
    for number in range(count):
        begun = now - WEEK + WEEK * number // count
        name = f"action{number * 7919 % ACTIONS}"
        activation_id = f"{activation_ids_before(begun)[:12]}{number % 65536:04x}{number:016x}"
        yield msgspec.structs.replace(pattern, activation_id=activation_id, name=name, path=name, start=begun, end=begun + 4)


def fill(data: Path, count: int) -> list[str]:
    """Write them into the tables of a hub that is not running, and count them as a migration does; some of their ids."""
    some: list[str] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for number, record in enumerate(records(count, time.time_ns() // 1_000_000)):
            if number % (count // ASKED) == 0:
                some.append(record.activation_id)
            yield tuple(activation_to_row(record).values())

    names = list(activation_to_row(next(records(1, 0))))
    columns, values = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    with contextlib.closing(sqlite3.connect(data / "hub.db", isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("BEGIN")
        database.executemany(f"INSERT INTO activations ({columns}) VALUES ({values})", rows())  # noqa: S608 - our own columns
        for statement in COUNT_ALL:
            database.execute(statement)
        database.execute("COMMIT")
    return some


def questions(some: list[str]) -> dict[str, list[str]]:
    """What is asked, many times each."""
    now = time.time_ns() // 1_000_000
    chance = random.Random(1)  # noqa: S311 - nothing is secret
    moments = [now - chance.randrange(WEEK) for _ in range(ASKED)]
    return {
        NOTHING: ["/live"] * ASKED,
        "list": [ALL] * ASKED,
        "list by name": [f"{ALL}?name=action{chance.randrange(ACTIONS)}" for _ in range(ASKED)],
        "list of an hour": [f"{ALL}?since={moment}&upto={moment + 3_600_000}" for moment in moments],
        "list by name of an hour": [f"{ALL}?name=action3&since={moment}&upto={moment + 3_600_000}" for moment in moments],
        "list, skip 900": [f"{ALL}?skip=900&limit=30"] * ASKED,
        "list, skip to the middle": [f"{ALL}?skip={chance.randrange(COUNT)}&limit=30" for _ in range(ASKED)],
        "count": [f"{ALL}?count=true"] * ASKED,
        "count by name": [f"{ALL}?count=true&name=action{chance.randrange(ACTIONS)}" for _ in range(ASKED)],
        "count since": [f"{ALL}?count=true&since={moment}" for moment in moments],
        "get": [f"{ALL}/{name}" for name in some],
        "logs": [f"{ALL}/{name}/logs" for name in some],
    }


def percentile(times: list[float], part: float) -> float:
    """In the unit of the times."""
    return sorted(times)[min(int(len(times) * part), len(times) - 1)]


def ask(http: httpx.Client, paths: list[str]) -> list[float]:
    """How long (ms) each takes, one after the other."""
    times = []
    for path in paths:
        begun = time.perf_counter()
        answer = http.get(path)
        times.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
    return times


def measure_records(count: int = COUNT) -> Figures:
    """See the module. Of lists and of single records the slowest question counts."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        start(data).stop()
        some = fill(data, count)
        hub = start(data)
        try:
            found = _questions(hub, some)
            figures |= measure_pollers(hub)
        finally:
            hub.stop()
    millions = f"{count:,} records"
    figures["a request that asks for nothing, p95, ms"] = found.pop(NOTHING)
    figures |= {f"activation {name} with {millions}, p95, ms": value for name, value in found.items()}
    single = {"get", "logs"}
    figures[f"activation list with {millions}, p95, ms"] = max(value for name, value in found.items() if name not in single)
    figures[f"activation get with {millions}, p95, ms"] = max(value for name, value in found.items() if name in single)
    return figures


def _questions(hub: Hub, some: list[str]) -> Figures:
    with hub.http as http:
        for paths in questions(some).values():
            ask(http, paths[:3])
        return {name: percentile(ask(http, paths), 0.95) for name, paths in questions(some).items()}


if __name__ == "__main__":
    for name, value in measure_records().items():
        print(f"{name:74}{value:10.2f}")
