"""Kills of the processes that hold actions: nothing outlives them, and the hub goes on (reliability P19)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from hub.runtime.base import LaunchFailed
from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.cells import ladder
from hub.runtime.kinds import Kinds
from hub.runtime.spawn import Wanted
from hub.runtime.warden import Cell
from tests.support.cells import plan_for, probe, users
from tests.support.eventually import eventually

MEMORY = 128


@pytest.fixture
def level() -> int:
    """The highest that the machine has."""
    with plan_for(users()[-1], everybody=False) as plan:
        found: int = probe(users()[-1], plan, highest=ladder.HIGHEST)["level"]
    return found


@pytest.fixture
async def spawner(level: int) -> AsyncIterator[CellSpawner]:
    """A spawner with two ready cells."""
    kinds = Kinds.discover()
    with plan_for(users()[-1], everybody=False) as plan:
        doors = Doors()
        found = CellSpawner(plan, level, doors, api_host=lambda: "http://hub.example", port=3233, idle=600)
        await found.open(kinds.resolve("python:3"))
        yield found
        await found.close()


def family(pid: int) -> list[psutil.Process]:
    """A process with all its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them is left; zombies of this very process wait for nobody."""
    return not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


async def spawned(spawner: CellSpawner) -> Cell:
    """A cell of Python."""
    return await spawner.spawn(Wanted(kind=Kinds.discover().resolve("python:3"), memory=MEMORY))


async def end(cell: Cell) -> None:
    """Give everything back."""
    cell.kill()
    await cell.gone()


async def test_nothing_outlives_a_warden(spawner: CellSpawner) -> None:
    """Its cells end within a second; another warden is started at the same level."""
    cell = await spawned(spawner)
    before = family(spawner.warden.pid)
    os.kill(spawner.warden.pid, signal.SIGKILL)
    async with asyncio.timeout(1):
        assert not await cell.gone()
    eventually(lambda: gone(before), seconds=1, what="the end of all cells")
    await end(cell)

    fresh = await spawned(spawner)
    assert fresh.alive
    assert not set(before) & set(family(spawner.warden.pid))
    await end(fresh)


async def test_a_zygote_that_dies_takes_its_cells_along_and_is_replaced(spawner: CellSpawner) -> None:
    """The warden lives on."""
    cell = await spawned(spawner)
    warden = psutil.Process(spawner.warden.pid)
    zygote = warden.children()[0]
    before = family(zygote.pid)
    zygote.kill()
    async with asyncio.timeout(1):
        await cell.gone()
    eventually(lambda: gone(before), seconds=1, what="the end of all cells")
    await end(cell)

    fresh = await spawned(spawner)
    assert warden.is_running()
    assert fresh.alive
    await end(fresh)


async def test_a_cell_that_dies_is_told_and_leaves_nothing(spawner: CellSpawner) -> None:
    """Neither its first process nor its keeper; other cells go on."""
    one, other = await spawned(spawner), await spawned(spawner)
    before = family(one.keeper)
    before[-1].kill()
    async with asyncio.timeout(1):
        assert not await one.gone()

    assert gone(before)
    assert other.alive
    await end(one)
    await end(other)


async def test_a_killed_keeper_takes_its_cell_along(spawner: CellSpawner) -> None:
    """Though it is outside."""
    cell = await spawned(spawner)
    before = family(cell.keeper)
    os.kill(cell.keeper, signal.SIGKILL)
    async with asyncio.timeout(1):
        await cell.gone()

    eventually(lambda: gone(before), seconds=1, what="the end of the cell")
    await end(cell)


async def test_what_cannot_be_built_is_refused_and_nothing_else_is_tried(spawner: CellSpawner, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the step and the kernel's words; there is no fallback (reliability §5.1)."""
    monkeypatch.setattr("hub.runtime.cell_spawner.WORK", -(1 << 40))
    with pytest.raises(LaunchFailed, match="mounts: mounting tmpfs at /view/home/action"):
        await spawner.spawn(Wanted(kind=Kinds.discover().resolve("python:3"), memory=MEMORY, unpacked=1))


def test_nothing_outlives_a_killed_hub(level: int, tmp_path: Path) -> None:
    """All processes are gone one second after kill -9, whatever the level (reliability P19)."""
    command = [sys.executable, "-m", "tests.support.doomed_cells", str(level)]
    # It cannot clear away its own folder.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent.parent, env=environment) as hub:
        try:
            assert hub.stdout is not None
            assert hub.stdout.readline().strip() == b"ready"
            before = [process for process in family(hub.pid) if process.pid != hub.pid]
            assert len(before) >= 4
        finally:
            hub.kill()
    eventually(lambda: gone(before), seconds=1, what="the end of everything")
