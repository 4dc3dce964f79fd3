"""Starts the programs of the cells: as children of the hub, or by the supervisor that stayed root (design §9 "Cells")."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Protocol

from hub.runtime.cells import packets
from hub.telemetry.log import get_logger

log = get_logger(__name__)

PROGRAM = Path(__file__).with_name("cells") / "__main__.py"
ANSWER_SECONDS = 10.0
SUPERVISOR_LOST = (
    "the supervisor, which alone can start a warden since the hub gave up being root, has ended: restart the hub to have it again"
)


class StartRefused(Exception):
    """A program could not be started; the message says why."""


class Program(Protocol):
    """One that was started."""

    @property
    def pid(self) -> int:
        """Its process."""

    async def kill(self) -> None:
        """End it, if it has not ended."""

    async def gone(self) -> None:
        """Wait for its end."""


class Starter(Protocol):
    """Starts programs with an empty environment, in sessions of their own."""

    async def start(self, interpreter: str, name: str, way: socket.socket) -> Program:
        """Start `warden` or `probe`, which gets `way`. Raises StartRefused."""


def command(interpreter: str, *words: str) -> list[str]:
    """How a program of the cells is started: it sees neither the hub nor what it depends on."""
    return [interpreter, "-I", "-S", str(PROGRAM), *words]


def _started(interpreter: str, way: socket.socket, name: str, *words: str) -> subprocess.Popen[bytes]:
    """Raises StartRefused."""
    try:
        return subprocess.Popen(  # noqa: S603 - the program is ours
            command(interpreter, name, str(way.fileno()), *words),
            stdin=subprocess.DEVNULL,
            env={},
            cwd="/",
            pass_fds=[way.fileno()],
            start_new_session=True,
        )
    except OSError as error:
        raise StartRefused(f"{interpreter} could not be started: {error.strerror}") from error


class Child:
    """A program that is a child of the hub."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """See `Program.pid`."""
        return self._process.pid

    async def kill(self) -> None:
        """See `Program.kill`."""
        self._process.kill()

    async def gone(self) -> None:
        """See `Program.gone`."""
        await asyncio.to_thread(self._process.wait)


class Children:
    """See `Starter`. What they may do is what the hub's user may do."""

    async def start(self, interpreter: str, name: str, way: socket.socket) -> Child:
        """See `Starter.start`; it takes a millisecond."""
        return Child(_started(interpreter, way, name))


class Supervised:
    """A program that the supervisor started; `ends` tells when it has ended."""

    def __init__(self, supervisor: Supervisor, pid: int, ends: int) -> None:
        self._supervisor = supervisor
        self._pid = pid
        self._ends = ends

    @property
    def pid(self) -> int:
        """See `Program.pid`."""
        return self._pid

    async def kill(self) -> None:
        """See `Program.kill`."""
        await asyncio.to_thread(self._supervisor.end, self._pid)

    async def gone(self) -> None:
        """See `Program.gone`."""
        if self._ends >= 0:
            # Not `select`, which knows the first thousand descriptors only.
            ended = select.poll()
            ended.register(self._ends, select.POLLIN)
            await asyncio.to_thread(ended.poll, ANSWER_SECONDS * 1000)
            os.close(self._ends)
            self._ends = -1


class Supervisor:
    """See `Starter`: the hub's side of `hub.runtime.cells.supervisor`, started by whoever is still root.

    `settled` is what no plan can say otherwise from now on. Raises StartRefused.
    """

    def __init__(self, interpreter: str, settled: dict[str, Any]) -> None:
        self._way, theirs = packets.pair()
        self._way.settimeout(ANSWER_SECONDS)
        self._one_at_a_time = threading.Lock()
        with theirs:
            self._process = _started(interpreter, theirs, "supervisor", json.dumps(settled))
        self._ends = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def watch(self) -> None:
        """Say in the log when it ends before the hub; what runs goes on without it."""
        asyncio.get_running_loop().add_reader(self._ends, self._lost)

    def _lost(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ends)
        log.error("The supervisor ended; should the warden end as well, actions fail until the hub is restarted")

    async def start(self, interpreter: str, name: str, way: socket.socket) -> Supervised:
        """See `Starter.start`; it runs on the supervisor's own interpreter."""
        del interpreter
        return await asyncio.to_thread(self._start, name, way)

    def _start(self, name: str, way: socket.socket) -> Supervised:
        try:
            with self._one_at_a_time:
                packets.send(self._way, {"start": name}, [way.fileno()])
                message, passed = packets.receive(self._way)
        except (OSError, EOFError) as error:
            # One that answers late would answer the next question.
            self._way.close()
            raise StartRefused(SUPERVISOR_LOST) from error
        if "refused" in message:
            raise StartRefused(f"the supervisor could not start it: {message['refused']}")
        return Supervised(self, message["pid"], passed[0])

    def end(self, pid: int) -> None:
        """Have one of its programs ended."""
        with contextlib.suppress(OSError), self._one_at_a_time:
            packets.send(self._way, {"end": pid})

    def close(self) -> None:
        """Let it end, and wait for that."""
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._ends)
        self._way.close()
        self._process.wait()
        os.close(self._ends)


CHILDREN = Children()
