"""A hub's runtime that runs one action which never ends; prints the process id of the action and of its child, and waits to be killed.

Started as `python -m tests.support.doomed FOLDER KIND`, with the code on standard input.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from hub.domain.action import CodeExec, Limits
from hub.runtime.base import ProcessSpec, Run, Start
from hub.runtime.kinds import Kinds
from hub.runtime.plain_spawner import PlainSpawner
from hub.runtime.process import ProcessRuntime


async def main(folder: str, kind: str, code: str) -> None:
    """One run that tells its process ids, then one that never ends."""
    runtime = ProcessRuntime(Kinds.discover(), PlainSpawner(Path(folder), lambda: "http://hub.example"))
    await runtime.open()
    spec = ProcessSpec(key=("ns", "doomed", 1, "ns"), exec=CodeExec(kind=kind, code=code), limits=Limits())
    process = await runtime.launch(spec)
    await process.init(Start(env={}))
    deadline = time.time_ns() // 1_000_000 + 60_000
    told = await process.run(Run(value={"spin": False}, context={}, deadline=deadline))
    spinning = asyncio.create_task(process.run(Run(value={"spin": True}, context={}, deadline=deadline)))
    await asyncio.sleep(0)
    found = told.response.result
    print(*(found.values() if isinstance(found, dict) else ()), flush=True)
    await spinning


asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.read()))
