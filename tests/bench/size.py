"""How long a start takes, and what an idle hub weighs."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import psutil

from tests.bench.figures import Figures
from tests.support.hubs import start

STARTS = 5
SETTLED = 2.0
"""Seconds until ready cells and their zygote stand."""


def pss(pid: int) -> float:
    """MB of memory of a process tree, shared pages counted once."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return float(sum(process.memory_full_info().pss for process in tree)) / 1e6


def measured(data: Path) -> Figures:
    """A first start, then starts with what is there."""
    begun = time.perf_counter()
    start(data).stop()
    figures = {"first start and stop, s": time.perf_counter() - begun}
    times, sizes = [], []
    for _ in range(STARTS):
        begun = time.perf_counter()
        hub = start(data)
        times.append(time.perf_counter() - begun)
        time.sleep(SETTLED)
        sizes.append(pss(hub.process.pid))
        hub.stop()
    return {**figures, "start to ready, s": median(times), "idle memory of the tree, MB": median(sizes)}
