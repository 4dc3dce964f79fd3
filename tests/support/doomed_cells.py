"""A hub's cells, one of them at work without end; says "ready" and waits to be killed. Started as `python -m tests.support.doomed_cells LEVEL`."""

from __future__ import annotations

import asyncio
import json
import sys

from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.cells.probe import HEAD, INIT
from hub.runtime.kinds import Kinds
from hub.runtime.spawn import Wanted
from tests.support.cells import plan_for, users

CODE = "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nif not os.fork():\n    os.setsid()\nwhile True:\n    pass\n"


async def main(level: int) -> None:
    """One cell that spins in its init, with a daemon beside it."""
    kinds = Kinds.discover()
    with plan_for(users()[-1], everybody=False) as plan:
        spawner = CellSpawner(plan, level, Doors(), api_host=lambda: "http://hub.example", port=3233, idle=600)
        kind = kinds.resolve("python:3")
        await spawner.open(kind)
        cell = await spawner.spawn(Wanted(kind=kind, memory=128))
        body = json.dumps({"code": CODE, "main": "main", "env": {}}).encode()
        await asyncio.get_running_loop().sock_sendall(cell.door, HEAD.pack(len(body), 1, INIT) + body)
        while cell.resident() == 0 and level < 4:  # noqa: ASYNC110 - nothing tells that it spins
            await asyncio.sleep(0.01)
        print("ready", flush=True)
        await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1])))
