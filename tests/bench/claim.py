"""How long it takes to get a cell that stands ready, and how soon a run that ends badly is answered."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from pathlib import Path

import uvloop

from hub.runtime.cell_spawner import CellSpawner
from hub.runtime.kinds import Kinds
from hub.runtime.spawn import Wanted
from tests.bench.cold import _call as call
from tests.bench.cold import _put as put
from tests.support.cells import cell_spawner
from tests.support.hubs import Hub

CLAIMS = 40
UNREADY = 0.2
ENDS = {"time limit of 1 s": "def main(args):\n    while True: pass\n", "exit": "import os\ndef main(args):\n    os._exit(1)\n"}


def measure_claim() -> dict[str, float]:
    """Milliseconds from `spawn` to a Python cell, one that stands ready and one that is built; without a hub around it."""
    return uvloop.run(_claim())


async def _claim() -> dict[str, float]:
    kind = Kinds.discover().resolve("python:3")
    with tempfile.TemporaryDirectory() as folder:
        spawner = await cell_spawner(Path(folder))
        await spawner.open(kind)
        try:
            ready, built = [], []
            for _ in range(CLAIMS):
                await asyncio.sleep(UNREADY)
                ready.append(await _spawn(spawner, 0))
                built.append(await _spawn(spawner, 1))  # what is unpacked needs a larger folder than the ready ones have
        finally:
            await spawner.close()
    figures = {}
    for what, times in (("ready", ready), ("built", built)):
        figures[f"claim of a {what} cell, p50 ms"] = statistics.median(times)
        figures[f"claim of a {what} cell, worst ms"] = max(times)
    return figures


async def _spawn(spawner: CellSpawner, unpacked: int) -> float:
    kind = Kinds.discover().resolve("python:3")
    begun = time.perf_counter()
    cell = await spawner.spawn(Wanted(kind=kind, memory=256, unpacked=unpacked))
    took = (time.perf_counter() - begun) * 1000
    cell.kill()
    await cell.gone()
    return took


def measure_ends(hub: Hub) -> dict[str, float]:
    """Milliseconds until an action is answered that goes over its limit of 1 s, and one that exits."""
    figures = {}
    with hub.http as http:
        for what, code in ENDS.items():
            body = {"exec": {"kind": "python:3", "code": code}, "limits": {"timeout": 1000}}
            http.put("/api/v1/namespaces/_/actions/ends?overwrite=true", json=body).raise_for_status()
            times = []
            for _ in range(7):
                begun = time.perf_counter()
                http.post("/api/v1/namespaces/_/actions/ends?blocking=true", json={})
                times.append((time.perf_counter() - begun) * 1000)
            figures[f"{what}: answered after, p50 ms"] = statistics.median(times)
            figures[f"{what}: answered after, worst ms"] = max(times)
    return figures


def measure_many_actions(hub: Hub, count: int = 2000) -> dict[str, float]:
    """KB that the hub itself grows by for each further action that was used once."""
    figures = {}
    with hub.http as http:
        for _ in range(2):
            before = _resident(hub)
            for number in range(count):
                put(http, f"many-{number}", "python:3", "def main(args):\n    return args\n")
                call(http, f"many-{number}")
            figures[f"{count} actions used once each: KB of the hub an action"] = (_resident(hub) - before) / count
            for number in range(count):
                with contextlib.suppress(OSError):
                    http.delete(f"/api/v1/namespaces/_/actions/many-{number}")
    return figures


def _resident(hub: Hub) -> float:
    """KB of the hub's own process."""
    words = Path(f"/proc/{hub.process.pid}/statm").read_text().split()
    return int(words[1]) * 4.0
