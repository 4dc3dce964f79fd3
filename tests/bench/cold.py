"""Cold starts: what a first call costs over a warm one, with a ready cell and without."""

from __future__ import annotations

import statistics
import time

import httpx

from tests.support.hubs import Hub

CODE = {"python:3": "def main(args):\n    return args\n", "nodejs:default": "function main(args) { return args; }"}
ROUNDS = 15
GAP = 0.4
"""Long enough (s) for a cell to be made ready again, also a Node.js one beside whatever else runs."""


def measure_cold(hub: Hub) -> dict[str, float]:
    """Milliseconds over the warm call, p50: calls of new actions one after the other, with a gap and in bursts that use up what is ready."""
    figures: dict[str, float] = {}
    with hub.http as http:
        for kind, code in CODE.items():
            name = kind.partition(":")[0]
            _put(http, f"warm-{name}", kind, code)
            _call(http, f"warm-{name}")
            warm = statistics.median(_call(http, f"warm-{name}") for _ in range(ROUNDS))
            figures[f"cold {name} over warm with a ready cell, p50 ms"] = statistics.median(_colds(http, kind, code, GAP)) - warm
            figures[f"cold {name} over warm without one, p50 ms"] = statistics.median(_colds(http, kind, code, 0)[4:]) - warm
    return figures


def _colds(http: httpx.Client, kind: str, code: str, gap: float) -> list[float]:
    """First calls of actions that were just made. Without a gap the ready cells are soon used up."""
    family = kind.partition(":")[0]
    names = [f"cold-{family}-{'gap' if gap else 'row'}-{number}" for number in range(ROUNDS)]
    for name in names:
        _put(http, name, kind, code)
    times = []
    for name in names:
        time.sleep(gap)
        times.append(_call(http, name))
    for name in names:
        http.delete(f"/api/v1/namespaces/_/actions/{name}").raise_for_status()
    return times


def _put(http: httpx.Client, name: str, kind: str, code: str) -> None:
    http.put(f"/api/v1/namespaces/_/actions/{name}?overwrite=true", json={"exec": {"kind": kind, "code": code}}).raise_for_status()


def _call(http: httpx.Client, name: str) -> float:
    """Milliseconds of one blocking call."""
    begun = time.perf_counter()
    http.post(f"/api/v1/namespaces/_/actions/{name}?blocking=true", json={}).raise_for_status()
    return (time.perf_counter() - begun) * 1000
