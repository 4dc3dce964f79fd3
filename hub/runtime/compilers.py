"""Sources that have to be compiled before they can run (openwhisk-api §10.7), each in a cell of its own, kept by content.

What is made of a source is code as a developer could have sent it: a program, or a zip of it. It is run as such.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from pathlib import Path

from hub.domain.action import CodeExec
from hub.runtime.bases import Bases, script_of
from hub.runtime.code import Code
from hub.runtime.compilation import Compilation, CompileFailed
from hub.runtime.installations import Build, Installation
from hub.runtime.kinds import Kind
from hub.runtime.spawn import Spawner
from hub.telemetry.log import get_logger

log = get_logger(__name__)

MEMORY = 768
ROOM, FILES = 192 << 20, 8192
SECONDS = 120.0
"""Limits of one compilation: MB, bytes and files of its folder, seconds."""
SMALL, MOST_AT_HAND = 1 << 18, 64
"""Bytes of programs that stay in memory, and how many of them."""
LARGE = 1 << 20
AT_A_TIME = 2
MOST_AHEAD = 16
"""So many are under way or wait before nothing more is compiled ahead of need."""
KEPT_SECONDS = 30 * 86_400
KEPT_BYTES = 1 << 30
"""What was not started for so long is compiled again; so is what was started longest ago when all of them take more than this."""


class Compilers:
    """Makes code that runs of code that does not.

    `kept` is the folder of what was made, `toolchains` that of what programs share; archives are unpacked with `python`.
    """

    def __init__(self, spawner: Spawner, kept: Path, toolchains: Path, python: str) -> None:
        self._spawner = spawner
        self._python = python
        self._kept = kept
        self._bases = Bases(spawner, toolchains, python)
        self._running: dict[str, asyncio.Task[Code]] = {}
        self._at_hand: dict[str, Code] = {}
        self._places = asyncio.Semaphore(AT_A_TIME)

    async def open(self) -> None:
        """Give back what nobody has started for long."""
        await asyncio.to_thread(_forget, self._kept)

    @property
    def busy(self) -> bool:
        """Whether so many wait that nothing should be compiled which nobody has called yet."""
        return len(self._running) >= MOST_AHEAD

    async def compiled(self, kind: Kind, exec_: CodeExec, code: Code) -> Code:
        """The code to run; `problem` is the compiler's words when it failed. Raises LaunchFailed when no cell could be built."""
        build = kind.runs.build
        if build is None or code.problem or not (code.source or code.archive) or code.starts:
            return code
        digest = await _digest(kind.runs, build, exec_)
        if digest in self._at_hand:
            return self._at_hand[digest]
        made = await asyncio.to_thread(_read, self._kept / digest)
        if made is not None:
            return self._handy(digest, Code.of_bytes(made) if made else code)
        if digest not in self._running:
            task = self._running[digest] = asyncio.create_task(self._compile(kind, build, exec_, code, digest))
            task.add_done_callback(lambda _: self._running.pop(digest, None))
        # Whoever gives up takes nothing along: others wait for the same, and it is kept.
        return await asyncio.shield(self._running[digest])

    def _handy(self, digest: str, code: Code) -> Code:
        """What is small stays in memory: the next start does not wait for a thread that reads it."""
        if len(code.archive) <= SMALL:
            while len(self._at_hand) >= MOST_AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
            self._at_hand[digest] = code
        return code

    async def _compile(self, kind: Kind, build: Build, exec_: CodeExec, code: Code, digest: str) -> Code:
        begun = time.monotonic()
        try:
            base = await self._bases.folder(kind)
            words = _words(kind.runs, build, exec_.main or "main", base)
            work = Compilation(kind=kind, code=code, words=words, memory=MEMORY, room=ROOM, files=FILES, seconds=SECONDS)
            async with self._places:
                made = await work.made(self._spawner, self._python)
        except CompileFailed as error:
            return Code(problem=str(error))
        await asyncio.to_thread(_write, self._kept / digest, made)
        log.info("Compiled", kind=kind.real, seconds=round(time.monotonic() - begun, 3), bytes=len(made))
        return self._handy(digest, Code.of_bytes(made) if made else code)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._bases.close()


def _words(runs: Installation, build: Build, main: str, base: str) -> dict[str, object]:
    return {"entries": runs.source, "script": build.script, "environment": {**runs.environment, "MAIN": main, "BASE": base}}


async def _digest(runs: Installation, build: Build, exec_: CodeExec) -> str:
    """The same source compiled in the same way is the same program. Of large ones a thread takes it."""
    how = "\0".join((runs.stamp, script_of(build.script), script_of(runs.launcher), exec_.main or "main", ""))
    if len(exec_.code) > LARGE:
        return await asyncio.to_thread(_sha256, how, exec_.code)
    return _sha256(how, exec_.code)


def _sha256(*texts: str) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def _read(path: Path) -> bytes | None:
    """What was made before; from now on it is in use."""
    try:
        made = path.read_bytes()
        os.utime(path)
    except FileNotFoundError:
        return None
    return made


def _write(path: Path, made: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    _forget(path.parent)


def _forget(folder: Path) -> None:
    """Give back what was not started for long, and the oldest of what is too much."""
    if not folder.is_dir():
        return
    found: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            file = path.stat()
            found.append((file.st_mtime, file.st_size, path))
    total = 0
    for started, size, path in sorted(found, reverse=True):
        total += size
        if total > KEPT_BYTES or time.time() - started > KEPT_SECONDS:
            path.unlink(missing_ok=True)
