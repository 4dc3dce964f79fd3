"""Back-pressure: who would wait longer than it is worth hears so at once, with a time to come back (reliability §3, §9).

A blocking call that finds no process waits for one in memory, together with whoever sent it. What was accepted (202) waits in the record
and is never refused once it is there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator

from hub.domain.errors import Throttled, Unavailable

WORTH_WAITING = 2.0
"""How long (s) who comes last should wait at most, by what was worked off of late; a rush is over so long after it ended."""
ALWAYS = 100
"""So many calls may always wait, however slow they are."""
STARTING = 1.5
"""As long as nobody has waited longer than this (s), processes may just be starting: everybody may wait."""
MOST = 10_000
"""No more than this wait in any case."""
FEW_ACCEPTED = 1000
"""So many accepted runs may always wait."""
_RATED_EVERY = 1.0
_RETRY = 2
_MB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Backlog:
    """Blocking calls that wait for a process, by namespace. `served` tells how many runs ended so far; `memory` is in MB."""

    def __init__(self, served: Callable[[], int], memory: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._served = served
        self._most_memory = memory * _MB
        self._clock = clock
        self._waiting: Counter[str] = Counter()
        self._since: dict[object, float] = {}
        self._seen = (clock(), served())
        self._rate = 0.0
        self.total = 0
        self.refused = 0

    @contextlib.contextmanager
    def waiting(self, namespace: str) -> Iterator[None]:
        """One of them waits for the time of a block."""
        mark = object()
        self._since[mark] = self._clock()
        self._waiting[namespace] += 1
        self.total += 1
        try:
            yield
        finally:
            del self._since[mark]
            self.total -= 1
            self._waiting[namespace] -= 1
            if not self._waiting[namespace]:
                del self._waiting[namespace]

    def figures(self) -> dict[str, float]:
        """How many wait, how long (s) the first of them has waited, and how many were refused so far."""
        return {"waiting": self.total, "age": self._age(), "refused": self.refused}

    def _age(self) -> float:
        """How long (s) the first of those that wait has waited."""
        first = next(iter(self._since.values()), None)
        return 0.0 if first is None else self._clock() - first

    def admit(self, namespace: str) -> None:
        """Raises Throttled when this namespace has more than its part of a full queue, Unavailable when the hub has no memory left."""
        if self.total < ALWAYS or (self._age() < STARTING and self.total < MOST):
            return
        if resident() > self._most_memory:
            self.refused += 1
            raise Unavailable("The hub is out of memory for calls that wait; try again later.", retry_after=_RETRY)
        others = len(self._waiting) - (namespace in self._waiting)
        if self.total >= self._bound() and self._waiting[namespace] >= self._bound() // (others + 1):
            self.refused += 1
            raise Throttled("Too many calls wait for a process already; try again later.", retry_after=_RETRY)

    def _bound(self) -> int:
        """How many may wait: what is worked off in the time that waiting is worth."""
        then, before = self._seen
        now = self._clock()
        if now - then >= _RATED_EVERY:
            served = self._served()
            self._rate = (served - before) / (now - then)
            self._seen = (now, served)
        return max(ALWAYS, int(self._rate * WORTH_WAITING))

    def admit_accepted(self, waiting: int) -> None:
        """Raises Unavailable when so many accepted runs wait that the hub has no memory left for one more."""
        if waiting >= FEW_ACCEPTED and resident() > self._most_memory:
            self.refused += 1
            raise Unavailable("The hub is out of memory for work that waits; try again later.", retry_after=_RETRY)


def resident() -> int:
    """Bytes of memory of this process."""
    file = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return int(os.read(file, 128).split()[1]) * _PAGE
    finally:
        os.close(file)
