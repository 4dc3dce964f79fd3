"""One compilation: a cell of its own, the code over its socket, what was made of it back (`launchers/compile.py`)."""

from __future__ import annotations

import asyncio
import os
import time

import msgspec

from hub.runtime.code import Code
from hub.runtime.door import Door, Unanswered
from hub.runtime.kinds import Kind
from hub.runtime.spawn import Spawned, Spawner, Wanted

LAUNCHER = "compile.py"
INIT, ARCHIVE, FINE = 0, 2, 0
PART = 1 << 20
MB = 1 << 20
ENDED = "The compiler ended without a word: it took too long, or too much memory."


class CompileFailed(Exception):
    """Nothing was made; the message is what the compiler said."""


class Compilation(msgspec.Struct, frozen=True, kw_only=True):
    """What is compiled, and within which limits: `memory` in MB, `room` in bytes of its folder, `files` there, `seconds`."""

    kind: Kind
    code: Code
    words: dict[str, object]
    memory: int
    room: int
    files: int
    seconds: float

    async def made(self, spawner: Spawner, python: str) -> bytes:
        """What was made. Raises CompileFailed, or LaunchFailed when no cell could be built."""
        code = self.code
        compiler = Kind(name=self.kind.name, runs=self.kind.runs.copied_as(LAUNCHER))
        wanted = Wanted(kind=compiler, memory=self.memory, unpacked=code.size + self.room, files=code.files + self.files)
        spawned = await spawner.spawn(wanted)
        door = Door(spawned.kill)
        watch = asyncio.create_task(self._watch(spawned))
        for pipe in spawned.pipes():
            os.close(pipe)
        try:
            await door.open(spawned.door)
            for first in range(0, len(code.archive), PART):
                door.tell(ARCHIVE, code.archive[first : first + PART])
            until = asyncio.get_running_loop().time() + self.seconds
            what, said = await door.ask(INIT, {**code.words(python), **self.words}, until)
        except Unanswered as error:
            raise CompileFailed(ENDED) from error
        finally:
            watch.cancel()
            spawned.kill()
            door.close()
            await spawned.gone()
        if what != FINE:
            raise CompileFailed(msgspec.json.decode(said)["error"])
        return said

    async def _watch(self, spawned: Spawned) -> None:
        """End what takes too long, or too much where the kernel does not keep the limit itself."""
        until = time.monotonic() + self.seconds
        while time.monotonic() < until and spawned.resident() <= self.memory * MB:  # noqa: ASYNC110 - memory rings no bell
            await asyncio.sleep(spawned.watch_every)
        spawned.kill()
