"""The processor is shared by namespaces: one that takes more than its part runs on what the others leave (reliability §5.4, §9).

The part of a namespace is what the machine has for actions, divided by the namespaces that were at work of late, where the hub counts as
one. While a namespace takes more, its processes run only when nobody else wants to; they are not slower on a machine that has time.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from typing import Protocol

EVERY = 0.05
MEMORY = 0.3
"""How often (s) is looked, and over how long (s) the use of a namespace is averaged: a rush that is shorter bothers nobody."""
OF_LATE = 60.0
"""A namespace that worked within so many seconds has a part kept for it, so that its next call need not fight for it."""
OVER, UNDER = 1.1, 0.9
"""Between these parts of its part a namespace is left as it is."""
_NOTHING = 0.001
_TICKS = os.sysconf("SC_CLK_TCK")


class Member(Protocol):
    """A process that takes part. `relents` is whether the machine can be told that it yields no longer."""

    namespace: str
    relents: bool
    yields: bool

    def cpu(self) -> int:
        """Nanoseconds of processor time so far."""

    def give_way(self, *, yields: bool) -> None:
        """Run only when nobody else wants to, or as the others again."""


class FairShare:
    """Looks at all members while any of them is at work; `wake` says that one is. `idle` tells how long (s) processors have had no work."""

    def __init__(self, idle: Callable[[], float] | None = None) -> None:
        self._idle = idle or idle_seconds
        self._idle_before = self._idle()
        self._free = 0.0
        self._members: dict[Member, int] = {}
        self._use: dict[str, float] = {}
        self._worked: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._last = self._loop.time()
        self._awake_until = 0.0

    def add(self, member: Member) -> None:
        """It takes part from now on."""
        self._members[member] = member.cpu()

    def remove(self, member: Member) -> None:
        """It has ended; safe to call twice."""
        self._members.pop(member, None)

    def wake(self) -> None:
        """Somebody is at work."""
        now = self._loop.time()
        self._awake_until = now + MEMORY
        if self._timer is None:
            self._timer = self._loop.call_later(EVERY, self._tick)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        self.look(now - self._last, now)
        self._last = now
        # Once more after the last work, so that who yielded does not go on doing so.
        awake = now < self._awake_until or any(member.yields and member.relents for member in self._members)
        self._timer = self._loop.call_later(EVERY, self._tick) if awake else None

    def look(self, passed: float, now: float) -> None:
        """Count what was used in the last `passed` seconds, and decide who yields."""
        used: dict[str, float] = dict.fromkeys(self._use, 0.0)
        for member, before in self._members.items():
            cpu = self._members[member] = member.cpu()
            used[member.namespace] = used.get(member.namespace, 0.0) + (cpu - before) / 1e9
        for namespace, seconds in used.items():
            if seconds > _NOTHING * passed:
                self._worked[namespace] = now
            self._use[namespace] = _averaged(self._use.get(namespace, 0.0), seconds, passed)
        idle = self._idle()
        self._free = _averaged(self._free, idle - self._idle_before, passed)
        self._idle_before = idle
        self._forget(now)
        # What others on the machine take is not there to be shared.
        whole = self._free + sum(self._use.values())
        for member in self._members:
            self._decide(member, whole)

    def _forget(self, now: float) -> None:
        for namespace in [name for name in self._use if now - self._worked.get(name, 0.0) > OF_LATE]:
            del self._use[namespace]
            self._worked.pop(namespace, None)

    def _decide(self, member: Member, whole: float) -> None:
        use = self._use.get(member.namespace, 0.0)
        # Without a way back the hub's own part would cost a process of who is alone here.
        others = len(self._worked) + member.relents
        part = whole / max(others, 1)
        if not member.yields and others > 1 and use > part * OVER:
            member.give_way(yields=True)
        elif member.yields and member.relents and use < part * UNDER:
            member.give_way(yields=False)


def _averaged(before: float, seconds: float, passed: float) -> float:
    """Processors in use, where what was long ago counts for less."""
    keep = math.exp(-passed / MEMORY)
    return before * keep + seconds / max(passed, EVERY / 2) * (1 - keep)


def idle_seconds() -> float:
    """How long all processors together have had no work since the machine was started (proc(5), `stat`)."""
    with open("/proc/stat", "rb") as file:  # noqa: PTH123 - this is read too often for anything grander
        _, _, _, _, idle, waiting, *_ = file.readline().split()
    return (int(idle) + int(waiting)) / _TICKS
