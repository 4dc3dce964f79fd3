"""Keeps action processes warm within a budget of memory.

A process serves one key (namespace, action, revision) for its whole life. Who asks gets a warm one at once; otherwise a fresh one while
there is room; otherwise idle ones of others make room, the longest unused first; otherwise it waits. Keys that wait for room take turns.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from dataclasses import dataclass, field

from hub.runtime.base import ActionProcess, LaunchFailed, Outcome, ProcessSpec, Runtime

Key = tuple[str, str, int]
PATIENCE = 0.02
"""How long (s) a caller waits for one of several busy processes before another is started."""
TENURE = 0.25
"""How long (s) a process serves callers of its own key before it makes room for others who wait: worth the start that this costs."""

Waiter = asyncio.Future[ActionProcess | None]
"""A process that somebody gave back; None for another answer, which depends on what is waited for."""


@dataclass(slots=True, eq=False)
class Shelf:
    """All processes of one key. `busy` counts those at work and those about to start; `memory` is what each takes, in MB."""

    key: Key
    memory: int
    idle: deque[tuple[float, ActionProcess]] = field(default_factory=deque)
    busy: int = 0
    served: int = 0
    patient: deque[Waiter] = field(default_factory=deque)
    roomless: deque[Waiter] = field(default_factory=deque)
    forgotten: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is here and nobody waits."""
        return not (self.busy or self.idle or self.patient or self.roomless)


@dataclass(slots=True)
class Home:
    """Where a process belongs, and since when it runs."""

    shelf: Shelf
    since: float


def _first(queue: deque[Waiter]) -> bool:
    """Whether somebody still waits; those who gave up are taken off the front."""
    while queue and queue[0].done():
        queue.popleft()
    return bool(queue)


class Pool:
    """`memory` is the budget in MB by the limits of actions; `idle` is how long an unused process stays, in seconds."""

    def __init__(self, runtime: Runtime, memory: int, idle: float) -> None:
        self._runtime = runtime
        self._budget = memory
        self._idle = idle
        self._used = 0
        self._closed = False
        self._shelves: dict[Key, Shelf] = {}
        self._homes: dict[int, Home] = {}
        self._turns: deque[Shelf] = deque()
        self._enough = 3 * (os.cpu_count() or 1)
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    @property
    def takes_work(self) -> bool:
        """Whether processes can be had."""
        return not self._closed

    async def open(self) -> None:
        """Make the runtime ready."""
        await self._runtime.open()

    # Taking one

    def try_acquire(self, spec: ProcessSpec) -> ActionProcess | None:
        """A warm process at once, or None."""
        shelf = self._shelves.get(spec.key)
        while shelf is not None and shelf.idle:
            _, process = shelf.idle.pop()
            if process.alive:
                shelf.busy += 1
                return process
            self._end(shelf, process)
        return None

    async def acquire(self, spec: ProcessSpec) -> ActionProcess:
        """A process, warm or fresh; waits while there is no room. Raises LaunchFailed."""
        process = self.try_acquire(spec)
        if process is not None:
            return process
        if self._closed:
            raise LaunchFailed("the hub is stopping")
        shelf = self._shelves.setdefault(spec.key, Shelf(spec.key, spec.limits.memory))
        if shelf.busy >= self._enough:
            process = await self._patient(shelf)
            if process is not None:
                return process
            if not shelf.forgotten:
                shelf = self._shelves.setdefault(spec.key, shelf)
        # Nobody goes past those who wait for room already.
        if not self._turns and self._room_for(shelf.memory):
            self._reserve(shelf)
        else:
            process = await self._roomless(shelf)
            if process is not None:
                return process
        return await self._launch(spec, shelf)

    async def _launch(self, spec: ProcessSpec, shelf: Shelf) -> ActionProcess:
        """A fresh one in the room that was reserved."""
        try:
            process = await self._runtime.launch(spec)
        except BaseException:
            self._give_room_back(shelf)
            raise
        self._homes[id(process)] = Home(shelf, self._loop.time())
        return process

    async def _patient(self, shelf: Shelf) -> ActionProcess | None:
        """One that another caller gives back. None when nobody gave one back for a while: they are slow, and one more helps."""
        waiter: Waiter = self._loop.create_future()
        shelf.patient.append(waiter)
        timer: asyncio.TimerHandle

        def look(seen: int) -> None:
            nonlocal timer
            if waiter.done():
                return
            if seen == shelf.served or not shelf.busy:
                waiter.set_result(None)
            else:
                timer = self._loop.call_later(PATIENCE, look, shelf.served)

        timer = self._loop.call_later(PATIENCE, look, shelf.served)
        try:
            process = await waiter
        except asyncio.CancelledError:
            self._hand_on(shelf, waiter)
            raise
        finally:
            timer.cancel()
        if process is None and waiter in shelf.patient:
            shelf.patient.remove(waiter)
        return process

    async def _roomless(self, shelf: Shelf) -> ActionProcess | None:
        """One of the own key that was given back; None when room for a fresh one was reserved. Raises LaunchFailed when the pool closes."""
        waiter: Waiter = self._loop.create_future()
        shelf.roomless.append(waiter)
        if shelf not in self._turns:
            self._turns.append(shelf)
        self._serve_turns()
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.exception() is None and waiter.result() is None:
                self._give_room_back(shelf)
            self._hand_on(shelf, waiter)
            self._serve_turns()
            raise

    def _hand_on(self, shelf: Shelf, waiter: Waiter) -> None:
        """Who is cancelled takes nothing along: what it was given at the last moment goes to the next."""
        for queue in (shelf.patient, shelf.roomless):
            if waiter in queue:
                queue.remove(waiter)
        if not waiter.cancelled() and waiter.exception() is None and (process := waiter.result()) is not None:
            self._place(self._homes[id(process)], process)

    # Giving one back

    def release(self, process: ActionProcess, outcome: Outcome | None) -> None:
        """Give it back; without an outcome, or with one that says so, the process is ended."""
        home = self._homes[id(process)]
        home.shelf.served += 1
        if outcome is None or not outcome.reusable:
            home.shelf.busy -= 1
            self._end(home.shelf, process)
        else:
            self._place(home, process)

    def _place(self, home: Home, process: ActionProcess) -> None:
        """To somebody who waits for it, or to the idle ones."""
        shelf = home.shelf
        if not process.alive or shelf.forgotten:
            shelf.busy -= 1
            self._end(shelf, process)
            return
        if not self._others_turn(home) and (waiter := self._next_waiter(shelf)) is not None:
            waiter.set_result(process)
            return
        shelf.busy -= 1
        shelf.idle.append((self._loop.time(), process))
        self._serve_turns()
        if self._timer is None:
            self._timer = self._loop.call_later(self._idle, self._expire)

    def _others_turn(self, home: Home) -> bool:
        """Whether another key waits for room, and this process had its time."""
        return bool(self._turns) and self._turns[0] is not home.shelf and self._loop.time() - home.since > TENURE

    def _next_waiter(self, shelf: Shelf) -> Waiter | None:
        """Who waits longest for this key, taken off its list."""
        if _first(shelf.roomless):
            waiter = shelf.roomless.popleft()
            self._rotate(shelf)
            return waiter
        return shelf.patient.popleft() if _first(shelf.patient) else None

    # Room

    def _room_for(self, memory: int) -> bool:
        """Make room by ending idle processes, the longest unused first. One alone may be larger than the budget."""
        while self._used + memory > self._budget and self._used:
            idle = [shelf for shelf in self._shelves.values() if shelf.idle]
            if not idle:
                return False
            shelf = min(idle, key=lambda shelf: shelf.idle[0][0])
            self._end(shelf, shelf.idle.popleft()[1], serve=False)
        return True

    def _reserve(self, shelf: Shelf) -> None:
        self._used += shelf.memory
        shelf.busy += 1

    def _give_room_back(self, shelf: Shelf) -> None:
        shelf.busy -= 1
        self._left(shelf, serve=True)

    def _serve_turns(self) -> None:
        """Reserve room for those who wait, key by key, as far as there is some."""
        while self._turns:
            shelf = self._turns[0]
            if not _first(shelf.roomless):
                self._turns.popleft()
                continue
            if not self._room_for(shelf.memory):
                return
            self._reserve(shelf)
            shelf.roomless.popleft().set_result(None)
            self._rotate(shelf)

    def _rotate(self, shelf: Shelf) -> None:
        """One of this key was served: the other keys come first now."""
        self._turns.remove(shelf)
        if _first(shelf.roomless):
            self._turns.append(shelf)

    # The end of one

    def _end(self, shelf: Shelf, process: ActionProcess, *, serve: bool = True) -> None:
        del self._homes[id(process)]
        task = self._loop.create_task(process.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._left(shelf, serve=serve)

    def _left(self, shelf: Shelf, *, serve: bool) -> None:
        self._used -= shelf.memory
        if shelf.empty and self._shelves.get(shelf.key) is shelf:
            del self._shelves[shelf.key]
        if serve:
            self._serve_turns()

    def forget(self, namespace: str, path: str) -> None:
        """An action changed: its idle processes end now, the busy ones when they are given back."""
        for key in [key for key in self._shelves if key[:2] == (namespace, path)]:
            shelf = self._shelves.pop(key)
            shelf.forgotten = True
            while shelf.idle:
                self._end(shelf, shelf.idle.popleft()[1])

    def _expire(self) -> None:
        """End what was not used for long; one timer for all."""
        self._timer = None
        before = self._loop.time() - self._idle
        for shelf in list(self._shelves.values()):
            while shelf.idle and shelf.idle[0][0] <= before:
                self._end(shelf, shelf.idle.popleft()[1])
        oldest = min((shelf.idle[0][0] for shelf in self._shelves.values() if shelf.idle), default=None)
        if oldest is not None:
            self._timer = self._loop.call_later(max(oldest - before, 0.01), self._expire)

    async def close(self) -> None:
        """End everything; who still waits is refused."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._turns:
            shelf = self._turns.popleft()
            while _first(shelf.roomless):
                shelf.roomless.popleft().set_exception(LaunchFailed("the hub is stopping"))
        await self._runtime.close()
        if self._ending:
            await asyncio.gather(*self._ending)
