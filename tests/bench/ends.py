"""How soon a caller hears of a run that takes too long, or that ends its process; and how soon ready cells are claimed."""

from __future__ import annotations

import re
import time
from statistics import median

import httpx

from tests.bench.figures import Figures
from tests.support.hubs import Hub

ROUNDS = 10
SLEEPS = "import time\ndef main(args):\n    time.sleep(20)\n"
EXITS = "import os\ndef main(args):\n    os._exit(1)\n"
_CLAIMS = re.compile(r'^hub_cell_claim_seconds_bucket\{(?=[^}]*le="([^"]+)")(?=[^}]*source="ready")[^}]*\} (\S+)$', re.MULTILINE)


def measured(hub: Hub) -> Figures:
    """Seconds, medians of ten; and the share of claims that took no longer than a millisecond."""
    with hub.http as http:
        found = {
            "an action over its 1 s limit, answered after, s": _answered(http, SLEEPS),
            "an action that exits, answered after, s": _answered(http, EXITS),
        }
        claims = {float(bound): float(count) for bound, count in _CLAIMS.findall(http.get("/metrics").text)}
    if claims.get(float("inf")):
        found["claims of ready cells within 1 ms, share"] = claims[0.001] / claims[float("inf")]
    return found


def _answered(http: httpx.Client, code: str) -> float:
    body = {"exec": {"kind": "python:3", "code": code}, "limits": {"timeout": 1000}}
    http.put("/api/v1/namespaces/_/actions/ends?overwrite=true", json=body).raise_for_status()
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        http.post("/api/v1/namespaces/_/actions/ends?blocking=true", json={})
        times.append(time.perf_counter() - begun)
        time.sleep(0.3)
    return median(times)
