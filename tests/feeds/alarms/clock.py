"""An alarm with a clock that the test turns, and a record of the feed as the hub keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from feeds.alarms.provider import PROVIDERS, ClockFeed
from hub.feedkit import Ended, Fire, Plan, Subscribed

START = datetime(2026, 3, 4, 12, 0, 10, tzinfo=UTC)


class Clock:
    """A wall clock, lent to the provider as its context."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    @property
    def http(self) -> httpx.AsyncClient:
        raise AssertionError("alarms ask nobody")

    def now(self) -> datetime:
        return self._now

    def turn(self, moment: datetime) -> None:
        self._now = moment


class Kept:
    """A subscription: what the hub stores, and does, between the calls of a provider."""

    def __init__(self, feed: str, now: datetime = START) -> None:
        self.feed: ClockFeed = PROVIDERS[feed]
        self.clock = Clock(now)
        self.sub = Subscribed(trigger="/guest/tick", settings={})
        self.answer: dict[str, Any] = {}

    async def create(self, **parameters: Any) -> Kept:
        """CREATE through the package, which binds an empty payload."""
        given = Subscribed(trigger="/guest/tick", settings={"trigger_payload": "", **parameters})
        self._keep(await self.feed.create(given, self.clock))
        return self

    async def update(self, **parameters: Any) -> None:
        """UPDATE through the package."""
        self._keep(await self.feed.update(self.sub, {"trigger_payload": "", **parameters}, self.clock))

    async def read(self) -> dict[str, Any]:
        """READ."""
        return await self.feed.read(self.sub, self.clock)

    def _keep(self, plan: Plan) -> None:
        stored = msgspec.json.decode(msgspec.json.encode(plan.settings))
        cursor = plan.cursor if plan.cursor is not None else self.sub.cursor
        self.sub = msgspec.structs.replace(self.sub, settings=stored, cursor=cursor)
        self.answer = plan.answer

    def due(self) -> Fire | Ended:
        """What is next, as after a restart."""
        after = datetime.fromisoformat(self.sub.cursor) if self.sub.cursor else None
        return self.feed.next_fire(self.sub, after, self.clock.now())

    def fire(self) -> datetime:
        """Let the next moment come, and fire it."""
        due = self.due()
        assert isinstance(due, Fire)
        self.clock.turn(max(due.at, self.clock.now()))
        self.sub = msgspec.structs.replace(self.sub, cursor=due.at.isoformat(), fires=self.sub.fires + 1)
        return due.at

    def catch_up(self) -> list[datetime]:
        """Fire all that is due now."""
        fired = []
        while isinstance(due := self.due(), Fire) and due.at <= self.clock.now():
            fired.append(self.fire())
        return fired

    def sleep(self, **time: float) -> None:
        """Be away for a while."""
        self.clock.turn(self.clock.now() + timedelta(**time))
