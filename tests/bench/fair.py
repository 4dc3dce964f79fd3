"""A quiet namespace beside one that burns every processor, and what that does to the hub itself."""

from __future__ import annotations

import time

import httpx

from tests.support.hubs import Hub

HOGS = 8
BURN = "import time\n\ndef main(args):\n    until = time.time() + args['seconds']\n    while time.time() < until:\n        pass\n    return {}\n"
ECHO = "def main(args):\n    return args\n"
CALLS = 400
HUB_CALLS = 200


def measure_fair(hub: Hub) -> dict[str, float]:
    """Milliseconds p50 and p99 of warm calls and of `GET /api/v1`, alone and beside 8 hogs, and the ratios."""
    key = hub.command("admin", "user", "create", "noisy").stdout.strip()
    uuid, _, secret = key.partition(":")
    figures: dict[str, float] = {}
    with hub.http as quiet, httpx.Client(base_url=hub.address, auth=(uuid, secret), timeout=70, trust_env=False) as noisy:
        _put(quiet, "echo", ECHO)
        _put(noisy, "burn", BURN)
        _calls(quiet, 20)
        alone, alone_hub = _calls(quiet, CALLS), _reads(quiet)
        for _ in range(HOGS):
            noisy.post("/api/v1/namespaces/_/actions/burn", json={"seconds": 15}).raise_for_status()
        time.sleep(1.5)  # they all start, and the hub sees what they take
        beside, beside_hub = _calls(quiet, CALLS), _reads(quiet)
    for what, first, second in (("quiet call", alone, beside), ("GET /api/v1", alone_hub, beside_hub)):
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            figures[f"{what} alone, {name} ms"] = _at(first, share)
            figures[f"{what} beside {HOGS} hogs, {name} ms"] = _at(second, share)
        figures[f"{what} beside {HOGS} hogs, p99 of alone"] = _at(second, 0.99) / _at(first, 0.99)
    return figures


def _put(http: httpx.Client, name: str, code: str) -> None:
    body = {"exec": {"kind": "python:3", "code": code}, "limits": {"memory": 128, "timeout": 60_000}}
    http.put(f"/api/v1/namespaces/_/actions/{name}?overwrite=true", json=body).raise_for_status()


def _calls(http: httpx.Client, count: int) -> list[float]:
    return sorted(_timed(http, "POST", "/api/v1/namespaces/_/actions/echo?blocking=true", {}) for _ in range(count))


def _reads(http: httpx.Client) -> list[float]:
    return sorted(_timed(http, "GET", "/api/v1", None) for _ in range(HUB_CALLS))


def _timed(http: httpx.Client, method: str, path: str, body: object) -> float:
    """Milliseconds of one request, with a breath in between as somebody who is quiet takes it."""
    time.sleep(0.005)
    begun = time.perf_counter()
    http.request(method, path, json=body).raise_for_status()
    return (time.perf_counter() - begun) * 1000


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
