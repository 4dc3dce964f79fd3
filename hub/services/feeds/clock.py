"""The wall clock of feeds; tests hand in one that they turn themselves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol

LONGEST_NAP = 30.0


class Clock(Protocol):
    """Time, and waiting for it."""

    def now(self) -> datetime:
        """The wall clock, UTC."""

    async def wait(self, until: datetime | None, bell: asyncio.Event) -> None:
        """Return when `until` is reached or the bell rings; None waits for the bell. It may return early: look again."""


class SystemClock:
    """The machine's."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    async def wait(self, until: datetime | None, bell: asyncio.Event) -> None:
        """See `Clock.wait`. It looks at the wall clock again every half minute, in case somebody set it."""
        seconds = LONGEST_NAP if until is None else min(max((until - self.now()).total_seconds(), 0), LONGEST_NAP)
        try:
            async with asyncio.timeout(seconds if until is not None else None):
                await bell.wait()
        except TimeoutError:
            return
