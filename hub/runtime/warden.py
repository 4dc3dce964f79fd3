"""The hub's side of the warden: asks it for cells, and hears when they end (`hub.runtime.cells.warden`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from hub.runtime.cells import ladder, packets
from hub.runtime.egress import Gate
from hub.runtime.memory import resident
from hub.runtime.starters import CHILDREN, Program, Starter, StartRefused, command
from hub.runtime.usage import Meter

START_SECONDS = 20.0
WATCH_GROUP_EVERY = 0.05
WATCH_MEMORY_EVERY = 0.01
ZYGOTE = "zygote"
"""The step that fails when a zygote ends while it makes a cell."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the warden and the probe are told.

    `interpreter` runs them and is what Python actions run on; `name` names the control groups; `scratch` is an empty folder to make the
    view at; in `temporary` a folder is made for cells without a view; `readable` is what cells may read beside the system's programs.
    `modules` are folders that every cell sees, by their places in a view; `layers` is the folder of what single cells are made with.
    """

    interpreter: str
    name: str
    scratch: str
    temporary: str
    readable: list[str]
    launchers: str
    modules: dict[str, str] = {}
    layers: str = ""

    def words(self, **more: object) -> dict[str, Any]:
        """As it is sent."""
        return {**msgspec.to_builtins(self), **more}

    def command(self, program: str, *words: str) -> list[str]:
        """How a program of the cells is started."""
        return command(self.interpreter, program, *words)


class WardenRefused(Exception):
    """The warden, or a cell, could not be made; the message is the step and the kernel's words."""


class WardenLost(WardenRefused):
    """The warden, or its zygote, ended while the cell was made; another one may be made."""


class Cell:
    """One cell. See `hub.runtime.spawn.Spawned`.

    `listeners` accept from inside: what they are for is decided by the order it was made with.
    """

    def __init__(self, warden: Warden, number: int, message: dict[str, Any], passed: list[int]) -> None:
        self._warden = warden
        self.number = number
        self.keeper: int = message["keeper"]
        self._first: int = message["first"]
        self.relents: bool = message["relents"]
        self._peak_file: str | None = message["peak_file"]
        self._grouped = warden.level >= ladder.CELL_WITH_GROUP
        self.watch_every = WATCH_GROUP_EVERY if self._grouped else WATCH_MEMORY_EVERY
        door, self._stdout, self._stderr, *listeners = passed
        self.door = socket.socket(fileno=door)
        self.door.setblocking(False)  # noqa: FBT003 - socket takes it so
        self.listeners = [socket.socket(fileno=listener) for listener in listeners]
        self.servers: list[asyncio.Server] = []
        self.gate = Gate()
        self.layers: list[str] = []
        self.modules = ""
        self._taken = False
        self._ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.done()

    def pipes(self) -> tuple[int, int]:
        """See `Spawned.pipes`."""
        self._taken = True
        return self._stdout, self._stderr

    def resident(self) -> int:
        """See `Spawned.resident`."""
        return 0 if self._grouped else resident(self.keeper)

    def claim(self, memory: int, *, data: int) -> None:
        """From now on it is of an action with limits of its own, in MB; `data` 0 leaves private memory to the group or the watch."""
        self._warden.tell({"do": "claim", "cell": self.number, "memory": memory, "data": data})

    def meter(self) -> Meter:
        """See `Spawned.meter`."""
        return Meter(self._first, self._warden.level, self._peak_file)

    def weigh(self, *, yields: bool) -> None:
        """See `Spawned.weigh`."""
        self._warden.tell({"do": "weigh", "cell": self.number, "yields": yields})

    def kill(self) -> None:
        """See `Spawned.kill`."""
        if self.alive:
            self._warden.tell({"do": "end", "cell": self.number})

    async def gone(self) -> bool:
        """See `Spawned.gone`."""
        out_of_memory = await asyncio.shield(self._ended)
        for server in self.servers:
            server.close()
        self.servers.clear()
        self.gate.close()
        for listener in self.listeners:
            listener.close()
        if not self._taken:
            self.door.close()
            for pipe in self.pipes():
                os.close(pipe)
        return out_of_memory

    def ended(self, *, out_of_memory: bool) -> None:
        """The warden says so."""
        if not self._ended.done():
            self._ended.set_result(out_of_memory)


class Warden:
    """One warden process. `on_lost` is called when it ends by itself, after all its cells were told to have ended."""

    def __init__(self, plan: Plan, level: int, on_lost: Callable[[], None], starter: Starter = CHILDREN) -> None:
        self._starter = starter
        self._process: Program | None = None
        self._plan = plan
        self.level = level
        self._on_lost = on_lost
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Cell]] = {}
        self._cells: dict[int, Cell] = {}
        self._unsent: deque[dict[str, Any]] = deque()
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._closing = False

    async def open(self) -> None:
        """Start it. Raises WardenRefused when the level cannot be had."""
        self._way, theirs = packets.pair()
        with theirs:
            try:
                self._process = await self._starter.start(self._plan.interpreter, "warden", theirs)
            except StartRefused as error:
                self._closing = True
                self._way.close()
                raise WardenRefused(str(error)) from error
        self._way.setblocking(False)  # noqa: FBT003 - socket takes it so
        self._loop.add_reader(self._way.fileno(), self._readable)
        self.tell(self._plan.words(level=self.level))
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._ready
        except TimeoutError as error:
            await self.close()
            raise WardenRefused(f"the warden was not ready after {START_SECONDS} s") from error
        except WardenRefused:
            await self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process; 0 before it is started."""
        return self._process.pid if self._process is not None else 0

    async def make(self, order: dict[str, Any], memory: int) -> Cell:
        """A cell of that order (`hub.runtime.cells.build.Order`), with memory in MB. Raises WardenRefused."""
        if self._closing:
            raise WardenLost("the warden has ended")
        self._number += 1
        number = self._number
        answer: asyncio.Future[Cell] = self._loop.create_future()
        self._waiting[number] = answer
        self.tell({"do": "make", "cell": number, "memory": memory, "order": order})
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            # Whoever gave up takes nothing along: it is ended as soon as it is there.
            answer.add_done_callback(_unwanted)
            raise

    # To and from the process

    def tell(self, message: dict[str, Any]) -> None:
        """Say something; what it does not take at once follows in order."""
        if self._way.fileno() < 0:
            return
        self._unsent.append(message)
        if len(self._unsent) == 1:
            self._writable()

    def _writable(self) -> None:
        self._loop.remove_writer(self._way.fileno())
        while self._unsent:
            try:
                packets.send(self._way, self._unsent[0])
            except BlockingIOError:
                self._loop.add_writer(self._way.fileno(), self._writable)
                return
            except OSError:
                # It has ended; reading says so.
                self._unsent.clear()
                return
            self._unsent.popleft()

    def _readable(self) -> None:
        try:
            while True:
                message, passed = packets.receive(self._way)
                self._hear(message, passed)
        except BlockingIOError:
            return
        except EOFError:
            self._lost()

    def _hear(self, message: dict[str, Any], passed: list[int]) -> None:
        number = message.get("cell")
        if number is None:
            if not self._ready.done():
                if "refused" in message:
                    self._ready.set_exception(WardenRefused(f"{message['refused']}: {message['reason']}"))
                else:
                    self._ready.set_result(None)
        elif "made" in message:
            cell = self._cells[number] = Cell(self, number, message, passed)
            self._waiting.pop(number).set_result(cell)
        elif "failed" in message:
            sort = WardenLost if message["failed"] == ZYGOTE else WardenRefused
            self._waiting.pop(number).set_exception(sort(f"{message['failed']}: {message['reason']}"))
        elif number in self._cells:
            self._cells.pop(number).ended(out_of_memory=message["out_of_memory"])

    def _lost(self) -> None:
        """It ended, and every cell with it."""
        self._loop.remove_reader(self._way.fileno())
        self._loop.remove_writer(self._way.fileno())
        self._way.close()
        if not self._ready.done():
            self._ready.set_exception(WardenRefused("the warden ended while it was started"))
        for answer in self._waiting.values():
            answer.set_exception(WardenLost("the warden ended"))
        self._waiting.clear()
        for cell in self._cells.values():
            cell.ended(out_of_memory=False)
        self._cells.clear()
        if not self._closing:
            self._closing = True
            self._on_lost()

    async def close(self) -> None:
        """End it with all its cells; one that has ended already is given back."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._way.shutdown(socket.SHUT_WR)
        if self._process is not None:
            await self._process.gone()
        if self._way.fileno() >= 0:
            self._lost()


def _unwanted(answer: asyncio.Future[Cell]) -> None:
    if not answer.cancelled() and answer.exception() is None:
        cell = answer.result()
        cell.kill()
        task = asyncio.get_running_loop().create_task(cell.gone())
        _ENDING.add(task)
        task.add_done_callback(_ENDING.discard)


_ENDING: set[asyncio.Task[bool]] = set()
