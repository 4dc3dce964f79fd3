"""Fires: durable answers in a burst, executing and recording them, the time until an action starts, and what a fire costs beside many others."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench.figures import Figures
from tests.bench.load import at_share, authorization, measure, request
from tests.bench.many import fill
from tests.support.hubs import Hub, running, start

BURST = 30_000
STEADY = 500
SECONDS = 10
ROUNDS = 5
BODY = b'{"name":"bench","n":1}'
CODE = "def main(args):\n    return {}\n"


def _prepare(hub: Hub) -> bytes:
    with hub.http as http:
        http.put("/api/v1/namespaces/_/actions/fired?overwrite=true", json={"exec": {"kind": "python:3", "code": CODE}}).raise_for_status()
        http.put("/api/v1/namespaces/_/triggers/t?overwrite=true", json={})
        http.put("/api/v1/namespaces/_/rules/r?overwrite=true", json={"trigger": "/_/t", "action": "/_/fired"}).raise_for_status()
    return request(hub.address, "/api/v1/namespaces/_/triggers/t", BODY, authorization(hub.auth))


def _done(hub: Hub) -> Callable[[], int]:
    http = hub.http
    return lambda: int(http.get("/api/v1/namespaces/_/activations?count=true&name=fired").json()["activations"])


def burst(hub: Hub) -> Figures:
    """30,000 fires from 64 clients, until the last of them is executed and recorded."""
    payload, done = _prepare(hub), _done(hub)
    measure(hub.address, payload, clients=16, count=500)
    before = _settled(done)
    begun = time.perf_counter()
    result = measure(hub.address, payload, clients=64, count=BURST, seconds=60)
    accepted = result.count - result.refused
    recorded = 0
    while recorded < accepted and time.perf_counter() - begun < 120:
        recorded = done() - before
    return {
        "fires answered 202, a second": result.rate,
        "fires answered 202, p99, ms": result.p99,
        "fires executed and recorded, a second": recorded / (time.perf_counter() - begun),
        "fires lost": accepted - recorded,
    }


def _settled(done: Callable[[], int]) -> int:
    """How many are recorded once no more come."""
    last = -1
    while (now := done()) != last:
        last = now
        time.sleep(0.3)
    return now


def lateness(hub: Hub) -> Figures:
    """The time between an accepted event and the start of its action, at a steady rate: the records say it (`waitTime`)."""
    payload = _prepare(hub)
    since = int(time.time() * 1000)
    measure(hub.address, payload, clients=16, count=STEADY * SECONDS, seconds=SECONDS + 5, rate=STEADY)
    _settled(_done(hub))
    waits: list[float] = []
    with hub.http as http:
        for skip in range(0, STEADY * SECONDS, 200):
            rows = http.get(f"/api/v1/namespaces/_/activations?docs=true&name=fired&limit=200&since={since}&skip={skip}").json()
            waits += [mark["value"] for row in rows for mark in row["annotations"] if mark["key"] == "waitTime"]
    ordered = sorted(waits)
    return {
        "accepted to started at 500/s, p50, ms": at_share(ordered, 0.5),
        "accepted to started at 500/s, p99, ms": at_share(ordered, 0.99),
    }


def growth(folder: Path) -> Figures:
    """The same fires on a hub with ten triggers and rules, and on one with 100,000: alternating, medians."""
    few, many = folder / "few", folder / "many"
    for data, count in ((few, 10), (many, 100_000)):
        start(data).stop()
        fill(data, count)
    with running(few) as small, running(many) as large:
        ratios = []
        payloads = {hub.address: _prepare(hub) for hub in (small, large)}
        for _ in range(ROUNDS):
            rates = []
            for hub in (small, large):
                done = _done(hub)
                before = _settled(done)
                begun = time.perf_counter()
                count = measure(hub.address, payloads[hub.address], clients=16, count=2000).count
                while done() - before < count and time.perf_counter() - begun < 60:
                    pass
                rates.append(count / (time.perf_counter() - begun))
            ratios.append(rates[0] / rates[1])
    return {"cost of a fire with 100,000 triggers and rules over 10": median(ratios)}
