"""Containers without an engine: a real local process for each, that speaks the protocol of images, and prints to pipes.

The engines of the tests stand on these, be they called directly or over the API of a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from hub.runtime.kinds import Kinds

PROXY = Path(__file__).with_name("action_proxy.py")
LAUNCHERS = Path(__file__).parents[2] / "hub" / "runtime" / "launchers"
MB = 1_048_576
KNOWN = ("action-python-", "action-nodejs-", "dockerskeleton")
"""What the names of images have in them that can be had; any other is in no registry."""


def can_be_had(image: str) -> bool:
    return any(name in image for name in KNOWN)


def command_for(image: str, memory: int) -> list[str]:
    """What runs in an image: a kind of proxy and what it starts."""
    if "dockerskeleton" in image:
        return ["skeleton", "stub"]
    kind = Kinds.discover().resolve("python:3" if "action-python-" in image else "nodejs:default")
    return ["launcher", kind.program, *kind.flags(memory), str(LAUNCHERS / kind.launcher)]


class LocalContainer:
    """One, from its start to its end. `history` is all that it printed, `memory` its limit in MB; `oom` says that it was ended for it."""

    def __init__(self, image: str, host: str, port: int, memory: int, env: dict[str, str]) -> None:
        self.image, self.host, self.port, self.memory, self.env = image, host, port, memory, env
        self.history: list[tuple[str, bytes]] = []
        self.printed = asyncio.Condition()
        self.ended = asyncio.Event()
        self.oom = False
        self.exit_code: int | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="whiskhub-container-"))
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        words = [sys.executable, "-I", "-S", str(PROXY), self.host, str(self.port), *command_for(self.image, self.memory)]
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LIFELINE": "yes", **self.env}
        self._process = await asyncio.create_subprocess_exec(
            *words,
            cwd=self.folder,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._watching = asyncio.get_running_loop().create_task(self._watch(self._process))

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """What it prints, what it takes, and its end."""
        reading = [
            asyncio.ensure_future(self._read(name, pipe)) for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)) if pipe
        ]
        limiting = asyncio.ensure_future(self._limit(process.pid))
        self.exit_code = await process.wait()
        limiting.cancel()
        self._kill()
        await asyncio.wait(reading, timeout=1)
        for task in reading:
            task.cancel()
        self.ended.set()
        async with self.printed:
            self.printed.notify_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _read(self, name: str, pipe: asyncio.StreamReader) -> None:
        while data := await pipe.read(65_536):
            async with self.printed:
                self.history.append((name, data))
                self.printed.notify_all()

    async def _limit(self, pid: int) -> None:
        """As a control group would."""
        while True:
            await asyncio.sleep(0.05)
            with contextlib.suppress(psutil.Error):
                top = psutil.Process(pid)
                if sum(each.memory_info().rss for each in (top, *top.children(recursive=True))) > self.memory * MB:
                    self.oom = True
                    self._kill()

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """All that was printed, and what follows, until it ends."""
        position = 0
        while True:
            async with self.printed:
                while position == len(self.history) and not self.ended.is_set():
                    await self.printed.wait()
            if position == len(self.history):
                return
            yield self.history[position]
            position += 1

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        self._kill()
        if self._watching is not None:
            await asyncio.shield(self._watching)
