"""The processes of one action version, and the callers who wait for one of them."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from hub.runtime.base import ActionProcess

Key = tuple[str, str, int, str]


class Told(Enum):
    """What a waiter hears when it gets no process."""

    ROOM = "room for a fresh process is reserved for it"
    AGAIN = "something changed: look again"
    SLOW = "nobody gave a process back for a while"


Waiter = asyncio.Future[ActionProcess | Told]


@dataclass(slots=True, eq=False)
class Home:
    """A process and where it belongs, since when it lives, how many `runs` it has in hand, and how many it takes (0 while it starts).

    One that is `retired` ends with the last of its runs.
    """

    process: ActionProcess
    shelf: Shelf
    since: float
    runs: int = 1
    places: int = 0
    retired: bool = False


@dataclass(slots=True, eq=False)
class Shelf:
    """All processes of one key. `memory` is what each takes in MB, `places` how many runs one takes, `instances` how many there may be.

    `count` are all processes, `starting` those of them that take no further run yet; `start_cost` is what the last start took, in seconds.
    `idle` have nothing to do; `shared` are at work and take more. Waiters are `patient` for a busy process, `roomless` until there is room
    for another, or `held`, since none is to be started.
    """

    key: Key
    memory: int
    places: int = 1
    instances: int | None = None
    count: int = 0
    starting: int = 0
    served: int = 0
    start_cost: float = 0.01
    idle: deque[tuple[float, Home]] = field(default_factory=deque)
    shared: list[Home] = field(default_factory=list)
    patient: deque[Waiter] = field(default_factory=deque)
    roomless: deque[Waiter] = field(default_factory=deque)
    held: deque[Waiter] = field(default_factory=deque)
    forgotten: bool = False
    looking: bool = False
    looked_at: list[Waiter] = field(default_factory=list)

    @property
    def tenant(self) -> str:
        """The namespace that calls."""
        return self.key[3]

    @property
    def busy(self) -> int:
        """Processes at work or about to start."""
        return self.count - len(self.idle)

    @property
    def empty(self) -> bool:
        """Whether nothing is here and nobody waits."""
        return not (self.count or self.patient or self.roomless or self.held)

    @property
    def full(self) -> bool:
        """Whether the action has as many processes as it may."""
        return self.instances is not None and self.count >= self.instances

    @property
    def covered(self) -> bool:
        """Whether those that are starting have a place for one more caller."""
        return self.starting * (self.places - 1) > len(self.held)

    def worth(self, now: float) -> float:
        """What the loss of its longest idle process would cost, for each MB and each second that it was of no use.

        That is the time of a start, and the more the oftener the action was used.
        """
        return self.start_cost * math.log2(2 + self.served) / (self.memory * (1 + now - self.idle[0][0]))

    def show(self, home: Home) -> None:
        """One that is at work and takes more is among the shared ones, and no other is."""
        if not home.retired and 0 < home.runs < home.places:
            if home not in self.shared:
                self.shared.append(home)
        elif home in self.shared:
            self.shared.remove(home)

    def patience(self, seconds: float) -> Waiter:
        """Wait for one that another caller gives back. SLOW when nobody gave one back for so long, or twice so long: one more helps."""
        waiter = queued(self.patient)
        if not self.looking:
            self.looking = True
            self.looked_at = [waiter]
            self._look_after(seconds)
        return waiter

    def _look_after(self, seconds: float) -> None:
        """One timer for all that are patient, however many come and go meanwhile."""
        asyncio.get_running_loop().call_later(seconds, self._look, self.served, seconds)

    def _look(self, seen: int, seconds: float) -> None:
        if seen == self.served or not self.busy:
            for waiter in self.looked_at:
                if not waiter.done() and waiter in self.patient:
                    self.patient.remove(waiter)
                    waiter.set_result(Told.SLOW)
        self.looking = waiting(self.patient)
        self.looked_at = list(self.patient)
        if self.looking:
            self._look_after(seconds)

    def hold_covered(self) -> None:
        """Those who waited for room and will find a place in a process that is starting now wait for that."""
        while self.covered and waiting(self.roomless):
            self.held.append(self.roomless.popleft())

    def wake(self) -> None:
        """Those who were held look again."""
        while waiting(self.held):
            self.held.popleft().set_result(Told.AGAIN)


def queued(queue: deque[Waiter]) -> Waiter:
    """A new waiter at the end of a queue."""
    waiter: Waiter = asyncio.get_running_loop().create_future()
    queue.append(waiter)
    return waiter


def waiting(queue: deque[Waiter]) -> bool:
    """Whether somebody still waits; those who gave up are taken off the front."""
    while queue and queue[0].done():
        queue.popleft()
    return bool(queue)
