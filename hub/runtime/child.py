"""A child of the hub as the system sees it: started in a group of its own, ended as a group, and never outliving the hub."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from hub.runtime import memory
from hub.runtime.cells import ladder, scheduling
from hub.runtime.egress import Gate
from hub.runtime.usage import Meter

WATCH_EVERY = 0.05


class Child:
    """See `hub.runtime.spawn.Spawned`.

    The leader of a process group, the socket to it, and the pipes of what it prints. Starting takes about a millisecond.

    Raises OSError when the program cannot be started.
    """

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.watch_every = WATCH_EVERY
        self.layers: list[str] = []
        self.modules = ""
        self.gate = Gate()  # which it does not need: nothing cuts it off
        self.relents = os.geteuid() == 0
        self._folder = folder
        self._reaped = False
        self.door, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - the program is our launcher
                    [*command, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env=environment,
                    pass_fds=(theirs.fileno(), lifeline),
                    start_new_session=True,
                )
            self.pid = self._process.pid
            _end_with_us(lifeline, self.pid)
        except BaseException:
            self.door.close()
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        scheduling.usual(self.pid)
        self.door.setblocking(False)  # noqa: FBT003 - socket takes it so

    def pipes(self) -> tuple[int, int]:
        """File descriptors of stdout and stderr, which are the caller's from now on."""
        ours = []
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is None:
                raise OSError("the process has no pipes")
            ours.append(os.dup(pipe.fileno()))
            pipe.close()
        return ours[0], ours[1]

    def kill(self) -> None:
        """End the whole group. Only before it was reaped, so that the number cannot be somebody else's."""
        if self._reaped:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def gone(self) -> bool:
        """See `Spawned.gone`; nothing but the watch ends one for its memory."""
        await asyncio.to_thread(self._reap)
        return False

    def _reap(self) -> None:
        self._process.wait()
        self._reaped = True
        os.close(self._lifeline)
        shutil.rmtree(self._folder, ignore_errors=True)

    def meter(self) -> Meter:
        """See `Spawned.meter`."""
        return Meter(self.pid, ladder.NONE)

    def weigh(self, *, yields: bool) -> None:
        """See `Spawned.weigh`."""
        if not self._reaped:
            (scheduling.lower if yields else scheduling.usual)(self.pid)

    def resident(self) -> int:
        """Bytes of memory of the child and its children."""
        return memory.resident(self.pid)


def _end_with_us(lifeline: int, group: int) -> None:
    """Have the system kill the group when the other end of a pipe is closed, as it is when the hub dies, whatever the action is doing then.

    Nothing is ever written to it, so its closing is all that can raise the signal.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -group)
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
