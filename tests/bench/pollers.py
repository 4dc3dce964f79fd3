"""What those cost who ask every two seconds what is new, as `wsk activation poll` does (openwhisk-api §11.1)."""

from __future__ import annotations

import asyncio
import base64
import time

import httpx
import psutil

from tests.bench.figures import Figures
from tests.support.hubs import Hub

CLIENTS = 50
EVERY = 2.0
RATE = 200
SECONDS = 10.0
CODE = "def main(args):\n    print('hello')\n    return args\n"


async def _busy(http: httpx.AsyncClient, until: float) -> int:
    """Runs at `RATE`; how many there were."""
    count = 0
    begun = time.perf_counter()
    while time.perf_counter() < until:
        await asyncio.gather(*(http.post("/api/v1/namespaces/_/actions/busy", json={}) for _ in range(RATE // 20)))
        count += RATE // 20
        await asyncio.sleep(max(begun + count / RATE - time.perf_counter(), 0))
    return count


async def _poll(http: httpx.AsyncClient, times: list[float], until: float, first: float) -> None:
    """One client of the command line: everything since the newest that it saw."""
    await asyncio.sleep(first)
    since = int(time.time() * 1000)
    while time.perf_counter() < until:
        begun = time.perf_counter()
        answer = await http.get(f"/api/v1/namespaces/_/activations?docs=true&limit=0&skip=0&since={since}")
        times.append((time.perf_counter() - begun) * 1000)
        since = max((row["start"] for row in answer.json()), default=since)
        await asyncio.sleep(EVERY)


async def _measure(hub: Hub, clients: int) -> tuple[float, list[float], int]:
    """Seconds of the hub's processor, how long (ms) each poll took, and how many runs there were meanwhile."""
    process = psutil.Process(hub.process.pid)
    times: list[float] = []
    headers = {"authorization": "Basic " + base64.b64encode(hub.auth.encode()).decode()}
    async with httpx.AsyncClient(base_url=hub.address, headers=headers, trust_env=False, timeout=60) as http:
        before = process.cpu_times()
        until = time.perf_counter() + SECONDS
        busy = asyncio.create_task(_busy(http, until))
        await asyncio.gather(*(_poll(http, times, until, EVERY * number / clients) for number in range(clients)))
        done = await busy
        after = process.cpu_times()
    return after.user + after.system - before.user - before.system, times, done


def measure_pollers(hub: Hub) -> Figures:
    """The hub's processor per poll, beside what the same runs take without pollers."""
    with hub.http as http:
        http.put("/api/v1/namespaces/_/actions/busy?overwrite=true", json={"exec": {"kind": "python:3", "code": CODE}}).raise_for_status()
        http.post("/api/v1/namespaces/_/actions/busy?blocking=true", json={}).raise_for_status()
    alone, _, runs = asyncio.run(_measure(hub, 0))
    cpu, times, done = asyncio.run(_measure(hub, CLIENTS))
    return {
        f"runs beside {CLIENTS} pollers, a second": done / SECONDS,
        "processor of a poll, ms": (cpu - alone * done / max(runs, 1)) / len(times) * 1000,
        f"{CLIENTS} pollers, part of a processor": (cpu - alone * done / max(runs, 1)) / SECONDS,
        "poll, p95, ms": sorted(times)[int(len(times) * 0.95)],
    }
