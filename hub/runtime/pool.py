"""Keeps action processes warm within a budget of memory.

A process serves one key (namespace, action, revision) for its whole life, and as many runs at a time as its action allows. Who asks gets
a place in a warm one at once; otherwise a fresh one while there is room; otherwise idle ones of others make room, the least useful
first; otherwise it waits. Of those that wait for room the namespace that holds the least comes first, and in it the actions take turns.
"""

from __future__ import annotations

import asyncio
import os

from hub.runtime.base import ActionProcess, LaunchFailed, Outcome, ProcessSpec, Runtime
from hub.runtime.shelf import Home, Key, Shelf, Told, Waiter, queued, waiting
from hub.runtime.turns import Turns

PATIENCE = 0.02
"""How long (s) a caller waits for one of several busy processes before another is started."""
TENURE = 0.25
"""How long (s) a process serves callers of its own key before it makes room for others who wait: worth the start that this costs."""

CHEAPEST_START = 0.001
"""No start costs less than this (s), whatever was measured."""


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
        self._turns = Turns()
        self.served = 0
        self.evicted = 0
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

    def figures(self) -> dict[str, float]:
        """Processes by what they do, callers that wait, the budget and what of it is taken (MB), and how many made room for others."""
        shelves = self._shelves.values()
        starting = sum(shelf.starting for shelf in shelves)
        idle = sum(len(shelf.idle) for shelf in shelves)
        return {
            "processes": len(self._homes),
            "starting": starting,
            "idle": idle,
            "busy": len(self._homes) - idle - sum(not home.places for home in self._homes.values()),
            "waiting": sum(len(queue) for shelf in shelves for queue in (shelf.patient, shelf.roomless, shelf.held)),
            "memory": self._budget,
            "memory_used": self._used,
            "evicted": self.evicted,
        }

    # Taking one

    def try_acquire(self, spec: ProcessSpec) -> ActionProcess | None:
        """A place in a warm process at once, or None."""
        shelf = self._shelves.get(spec.key)
        if shelf is None:
            return None
        if shelf.shared and (process := self._share(shelf)) is not None:
            return process
        while shelf.idle:
            _, home = shelf.idle.pop()
            if home.process.alive:
                home.runs = 1
                if home.places > 1:
                    shelf.shared.append(home)
                return home.process
            self._end(home)
        return None

    def _share(self, shelf: Shelf) -> ActionProcess | None:
        """A place in one that is at work; one that is left out comes back when a run of it ends."""
        while shelf.shared:
            home = shelf.shared[-1]
            usable = home.process.alive and not self._others_turn(home)
            if usable:
                home.runs += 1
            if not usable or home.runs >= home.places:
                shelf.shared.pop()
            if usable:
                return home.process
        return None

    async def warm(self, spec: ProcessSpec) -> tuple[ActionProcess | None, bool]:
        """A place in a process that is there, waited for as long as that is better than starting another; whether that was in vain.

        So who calls often is spared what a launch asks for: code, layers, a way out. Raises LaunchFailed when the pool closes.
        """
        while True:
            process = self.try_acquire(spec)
            if process is not None:
                return process, False
            shelf = self._shelves.get(spec.key)
            if shelf is None or self._closed or not (shelf.full or shelf.covered or shelf.busy >= self._enough):
                return None, False
            told = await self._busy(shelf)
            if told is Told.SLOW:
                return None, True
            if not isinstance(told, Told):
                if told.alive:
                    return told, False
                self.release(told, None)

    async def acquire(self, spec: ProcessSpec, *, patient: bool = True) -> ActionProcess:
        """A place in a process, warm or fresh; waits while there is none. A fresh one is told by `ready`. Raises LaunchFailed."""
        while True:
            process = self.try_acquire(spec)
            if process is not None:
                return process
            if self._closed:
                raise LaunchFailed("the hub is stopping")
            limits = spec.limits
            shelf = self._shelves.setdefault(spec.key, Shelf(spec.key, limits.memory, limits.concurrency, limits.instances))
            told = await self._turn(shelf, patient=patient)
            if told is Told.ROOM:
                return await self._launch(spec, shelf)
            patient = patient and told is not Told.SLOW
            if isinstance(told, Told):
                continue
            if told.alive:
                return told
            self.release(told, None)

    async def _turn(self, shelf: Shelf, *, patient: bool) -> ActionProcess | Told:
        """Wait as this key has to. Raises LaunchFailed when the pool closes."""
        if shelf.full or shelf.covered or (patient and shelf.busy >= self._enough):
            return await self._busy(shelf)
        # Nobody goes past those who wait for room already.
        if not self._turns and self._room_for(shelf.memory):
            self._reserve(shelf)
            return Told.ROOM
        return await self._roomless(shelf)

    async def _busy(self, shelf: Shelf) -> ActionProcess | Told:
        """Wait for one that is at work, or is about to be."""
        return await self._wait(shelf, queued(shelf.held) if shelf.full or shelf.covered else shelf.patience(PATIENCE))

    async def _launch(self, spec: ProcessSpec, shelf: Shelf) -> ActionProcess:
        """A fresh one in the room that was reserved."""
        begun = self._loop.time()
        try:
            process = await self._runtime.launch(spec)
        except BaseException:
            self._give_room_back(shelf)
            raise
        self._homes[id(process)] = Home(process, shelf, begun)
        return process

    async def _roomless(self, shelf: Shelf) -> ActionProcess | Told:
        """One of the own key that was given back, or room for a fresh one."""
        waiter = queued(shelf.roomless)
        if shelf not in self._turns:
            self._turns.add(shelf)
        self._serve_turns()
        return await self._wait(shelf, waiter)

    async def _wait(self, shelf: Shelf, waiter: Waiter) -> ActionProcess | Told:
        """Until somebody says something. Raises LaunchFailed when the pool closes."""
        try:
            return await waiter
        except asyncio.CancelledError:
            self._hand_on(shelf, waiter)
            raise

    def _hand_on(self, shelf: Shelf, waiter: Waiter) -> None:
        """Who is cancelled takes nothing along: what it was given at the last moment goes to the next."""
        for queue in (shelf.patient, shelf.roomless, shelf.held):
            if waiter in queue:
                queue.remove(waiter)
        told = None if waiter.cancelled() or waiter.exception() is not None else waiter.result()
        if told is Told.ROOM:
            self._give_room_back(shelf)
        elif told is not None and not isinstance(told, Told):
            home = self._homes[id(told)]
            home.runs -= 1
            self._place(home)
        self._serve_turns()

    # Giving one back

    def ready(self, process: ActionProcess) -> None:
        """A fresh one is initialised: from now on it takes further runs, as many as it says."""
        home = self._homes[id(process)]
        self._started(home)
        self._place(home)
        if not home.shelf.covered:
            home.shelf.wake()

    def _started(self, home: Home) -> None:
        now = self._loop.time()
        home.places = home.shelf.places = home.process.places
        home.shelf.starting -= 1
        home.shelf.start_cost = max(now - home.since, CHEAPEST_START)
        home.since = now

    def release(self, process: ActionProcess, outcome: Outcome | None) -> None:
        """Give a place back; without an outcome, or with one that says so, the process ends with the last of its runs."""
        home = self._homes[id(process)]
        home.runs -= 1
        home.shelf.served += 1
        self.served += 1
        if outcome is None or not outcome.reusable:
            home.retired = True
        elif not home.places:
            self._started(home)
        self._place(home)

    def _place(self, home: Home) -> None:
        """Free places go to those who wait for them; the others are kept for who comes."""
        shelf = home.shelf
        if home.retired or shelf.forgotten or not home.process.alive:
            home.retired = True
            shelf.show(home)
            if not home.runs:
                self._end(home)
            return
        while home.runs < home.places and not self._others_turn(home) and (waiter := self._next_waiter(shelf)) is not None:
            home.runs += 1
            waiter.set_result(home.process)
        if home.places > 1:
            shelf.show(home)
        if not home.runs:
            shelf.idle.append((self._loop.time(), home))
            self._serve_turns()
            if self._timer is None:
                self._timer = self._loop.call_later(self._idle, self._expire)

    def _others_turn(self, home: Home) -> bool:
        """Whether another key waits for room, and this process had its time."""
        return bool(self._turns) and self._turns.first() is not home.shelf and self._loop.time() - home.since > TENURE

    def _next_waiter(self, shelf: Shelf) -> Waiter | None:
        """Who waits longest for this key, taken off its list."""
        if waiting(shelf.roomless):
            waiter = shelf.roomless.popleft()
            self._rotate(shelf)
            return waiter
        queue = shelf.held if waiting(shelf.held) else shelf.patient
        return queue.popleft() if waiting(queue) else None

    # Room

    def _room_for(self, memory: int) -> bool:
        """Make room by ending idle processes, the least useful first. One alone may be larger than the budget."""
        now = self._loop.time()
        while self._used + memory > self._budget and self._used:
            idle = [shelf for shelf in self._shelves.values() if shelf.idle]
            if not idle:
                return False
            shelf = min(idle, key=lambda shelf: shelf.worth(now))
            self.evicted += 1
            self._end(shelf.idle.popleft()[1], serve=False)
        return True

    def _reserve(self, shelf: Shelf) -> None:
        self._used += shelf.memory
        self._turns.holds(shelf, more=True)
        shelf.count += 1
        shelf.starting += 1
        shelf.hold_covered()

    def _give_room_back(self, shelf: Shelf) -> None:
        shelf.starting -= 1
        self._left(shelf, serve=True)

    def _serve_turns(self) -> None:
        """Reserve room for those who wait, by turns, as far as there is some."""
        while (shelf := self._turns.first()) is not None:
            if shelf.full:
                shelf.held.extend(shelf.roomless)
                shelf.roomless.clear()
            if not waiting(shelf.roomless):
                self._turns.remove(shelf)
                continue
            if not self._room_for(shelf.memory):
                return
            waiter = shelf.roomless.popleft()
            self._reserve(shelf)
            waiter.set_result(Told.ROOM)
            self._rotate(shelf)

    def _rotate(self, shelf: Shelf) -> None:
        """One of this key was served: the other keys come first now."""
        if waiting(shelf.roomless):
            self._turns.served(shelf)
        else:
            self._turns.remove(shelf)

    # The end of one

    def _end(self, home: Home, *, serve: bool = True) -> None:
        del self._homes[id(home.process)]
        if not home.places:
            home.shelf.starting -= 1
        task = self._loop.create_task(home.process.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._left(home.shelf, serve=serve)

    def _left(self, shelf: Shelf, *, serve: bool) -> None:
        self._used -= shelf.memory
        self._turns.holds(shelf, more=False)
        shelf.count -= 1
        shelf.wake()
        if shelf.empty and self._shelves.get(shelf.key) is shelf:
            del self._shelves[shelf.key]
        if serve:
            self._serve_turns()

    def forget(self, namespace: str, path: str) -> None:
        """An action changed: its idle processes end now, the busy ones when they are given back."""
        for key in [key for key in self._shelves if key[:2] == (namespace, path)]:
            shelf = self._shelves.pop(key)
            shelf.forgotten = True
            shelf.wake()
            while shelf.idle:
                self._end(shelf.idle.popleft()[1])

    def _expire(self) -> None:
        """End what was not used for long; one timer for all."""
        self._timer = None
        before = self._loop.time() - self._idle
        for shelf in list(self._shelves.values()):
            while shelf.idle and shelf.idle[0][0] <= before:
                self._end(shelf.idle.popleft()[1])
        oldest = min((shelf.idle[0][0] for shelf in self._shelves.values() if shelf.idle), default=None)
        if oldest is not None:
            self._timer = self._loop.call_later(max(oldest - before, 0.01), self._expire)

    async def close(self) -> None:
        """End everything; who still waits is refused."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._turns.clear()
        for shelf in self._shelves.values():
            for queue in (shelf.patient, shelf.roomless, shelf.held):
                while waiting(queue):
                    queue.popleft().set_exception(LaunchFailed("the hub is stopping"))
        await self._runtime.close()
        if self._ending:
            await asyncio.gather(*self._ending)
