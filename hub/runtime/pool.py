"""Keeps action processes warm within a budget of memory.

A process serves one key (namespace, action, revision) for its whole life. Who asks gets a warm one at once; otherwise a fresh one while
there is room; otherwise idle ones of others make room, the longest unused first; otherwise it waits its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.runtime.base import ActionProcess, Outcome, ProcessSpec, Runtime

Key = tuple[str, str, int]
PATIENCE = 0.02
"""How long a caller waits for one of several busy processes before another is started."""


@dataclass(slots=True)
class Shelf:
    """All processes of one key."""

    memory: int
    idle: deque[tuple[float, ActionProcess]] = field(default_factory=deque)
    busy: int = 0
    served: int = 0
    waiting: deque[asyncio.Future[ActionProcess | None]] = field(default_factory=deque)


class Pool:
    """`memory` is the budget in MB by the limits of actions; `idle` is how long an unused process stays, in seconds."""

    def __init__(self, runtime: Runtime, memory: int, idle: float) -> None:
        self._runtime = runtime
        self._budget = memory
        self._idle = idle
        self._used = 0
        self._shelves: dict[Key, Shelf] = {}
        self._keys: dict[int, Key] = {}
        self._turns: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._cores = 3 * (os.cpu_count() or 1)
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    async def open(self) -> None:
        """Make the runtime ready."""
        await self._runtime.open()

    def try_acquire(self, spec: ProcessSpec) -> ActionProcess | None:
        """A warm process at once, or None."""
        shelf = self._shelves.get(spec.key)
        if shelf is None or not shelf.idle:
            return None
        _, process = shelf.idle.pop()
        shelf.busy += 1
        return process

    async def acquire(self, spec: ProcessSpec) -> ActionProcess:
        """A process, warm or fresh; waits while there is no room. Raises LaunchFailed."""
        process = self.try_acquire(spec)
        if process is not None:
            return process
        shelf = self._shelves.setdefault(spec.key, Shelf(spec.limits.memory))
        if shelf.busy >= self._cores:
            process = await self._patient(shelf)
            if process is not None:
                return process
        while not self._room_for(spec.limits.memory):
            process = await self._turn(spec, shelf)
            if process is not None:
                return process
        self._used += spec.limits.memory
        shelf.busy += 1
        self._shelves[spec.key] = shelf
        try:
            process = await self._runtime.launch(spec)
        except BaseException:
            shelf.busy -= 1
            self._gone(spec.key, shelf)
            raise
        self._keys[id(process)] = spec.key
        return process

    async def _patient(self, shelf: Shelf) -> ActionProcess | None:
        """One that another caller gives back. None when nobody gave one back for a while: they are slow, and one more helps."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[ActionProcess | None] = loop.create_future()
        shelf.waiting.append(waiter)

        def look(seen: int) -> None:
            if waiter.done():
                return
            if seen == shelf.served or not shelf.busy:
                waiter.set_result(None)
            else:
                timers[0] = loop.call_later(PATIENCE, look, shelf.served)

        timers = [loop.call_later(PATIENCE, look, shelf.served)]
        try:
            return await waiter
        except asyncio.CancelledError:
            self._hand_back(waiter)
            raise
        finally:
            timers[0].cancel()
            self._leave(shelf, waiter)

    def _hand_back(self, waiter: asyncio.Future[ActionProcess | None]) -> None:
        """Somebody was cancelled just when a process was handed over."""
        if waiter.done() and not waiter.cancelled() and (process := waiter.result()) is not None:
            self.release(process, None)

    def _leave(self, shelf: Shelf, waiter: asyncio.Future[ActionProcess | None]) -> None:
        """Whoever stops waiting takes nothing with it: what was handed over at the last moment goes to the next."""
        with contextlib.suppress(ValueError):
            shelf.waiting.remove(waiter)
        if not waiter.done():
            waiter.cancel()

    async def _turn(self, spec: ProcessSpec, shelf: Shelf) -> ActionProcess | None:
        """Wait until somebody made room (None), or until one of our own key is free."""
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter: asyncio.Future[ActionProcess | None] = asyncio.get_running_loop().create_future()
        entry = (spec.limits.memory, room)
        self._turns.append(entry)
        shelf.waiting.append(waiter)
        try:
            either: set[asyncio.Future[Any]] = {room, waiter}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if waiter.done() and room.done():
                self._call_next()
            return waiter.result() if waiter.done() else None
        except asyncio.CancelledError:
            self._hand_back(waiter)
            raise
        finally:
            with contextlib.suppress(ValueError):
                self._turns.remove(entry)
            self._leave(shelf, waiter)

    def _room_for(self, memory: int) -> bool:
        """Make room by ending idle processes, the longest unused first."""
        while self._used + memory > self._budget:
            oldest = min((shelf.idle[0][0], key) for key, shelf in self._shelves.items() if shelf.idle) if self._any_idle() else None
            if oldest is None:
                return self._used == 0
            shelf = self._shelves[oldest[1]]
            self._end(oldest[1], shelf, shelf.idle.popleft()[1])
        return True

    def _any_idle(self) -> bool:
        return any(shelf.idle for shelf in self._shelves.values())

    def release(self, process: ActionProcess, outcome: Outcome | None) -> None:
        """Give it back; without an outcome, or with one that says so, the process is ended."""
        key = self._keys[id(process)]
        shelf = self._shelves[key]
        shelf.served += 1
        if outcome is None or not outcome.reusable:
            shelf.busy -= 1
            self._end(key, shelf, process)
            return
        while shelf.waiting and not self._turns_are_older(shelf):
            waiter = shelf.waiting.popleft()
            if not waiter.done():
                waiter.set_result(process)
                return
        shelf.busy -= 1
        shelf.idle.append((self._now(), process))
        self._call_next()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._idle, self._expire)

    def _turns_are_older(self, shelf: Shelf) -> bool:
        """Whether somebody of another key has waited while this key was served again and again."""
        return bool(self._turns) and shelf.busy > 1 and len(shelf.waiting) < shelf.busy

    def _call_next(self) -> None:
        """Wake the first who waits for room, if there may be some now."""
        for _, room in self._turns:
            if not room.done():
                room.set_result(None)
                return

    def _end(self, key: Key, shelf: Shelf, process: ActionProcess) -> None:
        del self._keys[id(process)]
        task = asyncio.get_running_loop().create_task(process.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._gone(key, shelf)

    def _gone(self, key: Key, shelf: Shelf) -> None:
        self._used -= shelf.memory
        if not shelf.busy and not shelf.idle and not shelf.waiting:
            self._shelves.pop(key, None)
        self._call_next()

    def forget(self, namespace: str, path: str) -> None:
        """An action changed: its idle processes end now, the busy ones when they are given back."""
        for key, shelf in list(self._shelves.items()):
            if key[:2] == (namespace, path):
                while shelf.idle:
                    self._end(key, shelf, shelf.idle.popleft()[1])

    def _expire(self) -> None:
        """End what was not used for long; one timer for all."""
        self._timer = None
        before = self._now() - self._idle
        for key, shelf in list(self._shelves.items()):
            while shelf.idle and shelf.idle[0][0] <= before:
                self._end(key, shelf, shelf.idle.popleft()[1])
        oldest = min((shelf.idle[0][0] for shelf in self._shelves.values() if shelf.idle), default=None)
        if oldest is not None:
            self._timer = asyncio.get_running_loop().call_later(max(oldest - before, 0.01), self._expire)

    async def close(self) -> None:
        """End everything."""
        if self._timer is not None:
            self._timer.cancel()
        await self._runtime.close()
        if self._ending:
            await asyncio.gather(*self._ending)
