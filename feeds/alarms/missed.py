"""What becomes of moments that passed while nobody watched: one late fire, none, or all up to a hundred (pure; reliability §4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

ONCE, SKIP, ALL = "once", "skip", "all"
POLICIES = (ONCE, SKIP, ALL)
MOST = 100
PATIENCE = timedelta(seconds=30)
"""A moment younger than this was not missed: it is due, and fires under every policy."""

TICK = timedelta(microseconds=1)


class Timetable(Protocol):
    """Moments in order."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first one after `moment`; None when there is no more."""

    def last(self, moment: datetime) -> datetime:
        """Return the last one that is not after `moment`, which has one before it."""


class Grid(NamedTuple):
    """Moments at equal distance from a start."""

    start: datetime
    step: timedelta

    def after(self, moment: datetime) -> datetime | None:
        """See `Timetable.after`."""
        if moment < self.start:
            return self.start
        try:
            return self.last(moment) + self.step
        except OverflowError:
            return None

    def last(self, moment: datetime) -> datetime:
        """See `Timetable.last`."""
        return self.start + self.step * ((moment - self.start) // self.step)


def due(times: Timetable, policy: str, after: datetime, now: datetime, stop: datetime | None) -> datetime | None:
    """Return the moment after `after` to fire next; it may lie after `stop`, then nothing is left to fire."""
    first = times.after(after)
    if first is None or first > now - PATIENCE or (stop is not None and first > stop):
        return first
    if policy == SKIP:
        return times.after(now - PATIENCE)
    latest = times.last(min(now, stop) if stop else now)
    if policy == ALL:
        for _ in range(MOST - 1):
            if latest <= first:
                break
            latest = times.last(latest - TICK)
    return latest
