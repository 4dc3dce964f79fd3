"""Cells in tests: which interpreter everybody may read, and the attacks run alone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from hub.runtime import isolation
from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.cells import ladder
from hub.runtime.kinds import Kinds
from hub.runtime.warden import Plan
from tests.support.peers import absent

ROOT = Path(__file__).parent.parent.parent


def for_all(path: Path) -> bool:
    """Whether every user can reach and read a file."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in path.parents) and bool(path.stat().st_mode & stat.S_IROTH)


@lru_cache(maxsize=1)
def shared_interpreter() -> str:
    """A Python that every user can run: where cells become users of their own without a view, and for tests as an ordinary user."""
    for name in (sys.base_prefix + "/bin/python3", "/usr/bin/python3", "/usr/local/bin/python3"):
        path = Path(name)
        if path.exists() and for_all(path.resolve()):
            return str(path.resolve())
    return absent("there is no Python 3 that every user can run")


@contextlib.contextmanager
def plan_for(who: str, *, everybody: bool) -> Iterator[Plan]:
    """A plan of a hub that `root` or a `user` runs, with folders of its own."""
    folder = Path(tempfile.mkdtemp(prefix="whiskhub-test-"))
    kinds = Kinds.discover()
    try:
        made = isolation.plan(folder, kinds)
        interpreter = shared_interpreter() if everybody or who == "user" else kinds.interpreter
        words = {**made.words(), "interpreter": interpreter}
        if who == "user" and ladder.is_root():
            words["temporary"] = str(folder / "cells")
            for place in (folder, *folder.rglob("*")):
                os.chown(place, 65_534, 65_534)
        yield Plan(**words)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def probe(who: str, plan: Plan, **words: Any) -> Any:
    """What the probe answers to that plan, alone and as that user."""
    command = [sys.executable, "-m", "tests.support.alone", who, *plan.command("probe")]
    call = json.dumps(plan.words(**words))
    done = subprocess.run(command, input=call, capture_output=True, text=True, cwd=ROOT, timeout=55, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


_found: list[int] = []


async def level() -> int:
    """The highest level of this machine, found once."""
    if not _found:
        folder = Path(tempfile.mkdtemp(prefix="whiskhub-test-"))
        choice = isolation.Choice(highest=None, accept=None, loopback=True)
        _found.append((await isolation.find(isolation.plan(folder, Kinds.discover()), choice, folder / "isolation")).level)
        shutil.rmtree(folder, ignore_errors=True)
    return _found[0]


async def cell_spawner(folder: Path) -> CellSpawner:
    """A spawner of cells at the highest level, not yet open."""
    doors = Doors()
    plan = isolation.plan(folder, Kinds.discover())
    return CellSpawner(plan, await level(), doors, api_host=lambda: "http://hub.example", port=3233, idle=600)


def users() -> list[str]:
    """Who the hub can be run by here: an ordinary user always, root only as root."""
    return ["user", "root"] if ladder.is_root() else ["user"]
