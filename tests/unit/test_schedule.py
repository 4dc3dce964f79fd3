"""The schedule of feeds, with a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.domain.event import Accepted, Checkpoint
from hub.domain.feed import Reason, Subscription, SubscriptionState
from hub.feedkit import Ended, Fire, Occurrence, Plan, Subscribed
from hub.services.feeds.schedule import Schedule

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.time = START
        self.turned = asyncio.Event()

    def now(self) -> datetime:
        return self.time

    async def wait(self, until: datetime | None, bell: asyncio.Event) -> None:
        while not bell.is_set() and (until is None or self.time < until):
            waits = {asyncio.create_task(bell.wait()), asyncio.create_task(self.turned.wait())}
            _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            self.turned.clear()

    async def turn(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.turned.set()
        for _ in range(30):
            await asyncio.sleep(0)


class Every:
    """A feed that fires every ten seconds, `most` times."""

    secrets: tuple[str, ...] = ()

    async def create(self, sub: Subscribed, context: Any) -> Plan:
        return Plan(settings={})

    async def read(self, sub: Subscribed, context: Any) -> dict[str, Any]:
        return {}

    async def update(self, sub: Subscribed, changes: dict[str, Any], context: Any) -> Plan:
        return Plan(settings={})

    async def delete(self, sub: Subscribed, context: Any) -> None:
        return None

    def __init__(self, most: int = 1000) -> None:
        self.most = most

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        if sub.fires >= self.most:
            return Ended(message="done", remove="rules")
        return Fire(at=(after or START) + timedelta(seconds=10), payload={"n": sub.fires})


class Fired:
    """Takes in fires as the record would: an instant once, and only from who holds the fence."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.keys: set[tuple[str, str]] = set()
        self.fence = 1
        self.trouble = 0
        self.removed: list[str] = []

    async def fire(
        self, sub: Subscription, occurrences: Sequence[Occurrence], checkpoint: Checkpoint | None, *, source: str
    ) -> list[Accepted]:
        if self.trouble:
            self.trouble -= 1
            raise RuntimeError("the database is away")
        if checkpoint and checkpoint.fence != self.fence:
            return [Accepted.FENCED]
        key = (sub.trigger, occurrences[0].key)
        if key in self.keys:
            return [Accepted.REPEATED]
        self.keys.add(key)
        self.seen.append(key)
        return [Accepted.NEW]

    async def remove_trigger(self, sub: Subscription, *, rules: bool) -> None:
        self.removed.append(f"{sub.trigger} {rules}")


def sub(trigger: str = "t", **more: Any) -> Subscription:
    given = {
        "subscription_id": trigger,
        "namespace": "ns",
        "subject": "s",
        "uuid": "u",
        "trigger": trigger,
        "feed": "x/y",
        "settings": {},
        "fence": 1,
    }
    return Subscription(**{**given, **more})


class Stage:
    """A schedule at work."""

    def __init__(self) -> None:
        self.clock, self.fired, self.finished = Clock(), Fired(), list[tuple[str, str]]()
        self.schedule = Schedule(self.clock, self.fired, self.finish)

    async def finish(self, sub: Subscription, state: SubscriptionState, reason: Reason | None) -> None:
        self.finished.append((sub.trigger, reason.message if reason else ""))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Running until the test is over."""
    found = Stage()
    running = asyncio.create_task(found.schedule.run())
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_fires_when_it_is_due_and_not_before(stage: Stage) -> None:
    """Each instant once."""
    stage.schedule.add(sub(), Every())
    await stage.clock.turn(9.9)
    assert stage.fired.seen == []
    await stage.clock.turn(0.1)
    await stage.clock.turn(20)

    assert [at for _, at in stage.fired.seen] == [(START + timedelta(seconds=n)).isoformat() for n in (10, 20, 30)]


async def test_it_goes_on_after_the_cursor(stage: Stage) -> None:
    """What was fired before a restart is not fired again."""
    stage.schedule.add(sub(cursor=(START + timedelta(seconds=20)).isoformat()), Every())
    await stage.clock.turn(30)

    assert len(stage.fired.seen) == 1


async def test_a_clock_that_is_set_back_fires_nothing_again(stage: Stage) -> None:
    """Wall clocks jump."""
    stage.schedule.add(sub(), Every())
    await stage.clock.turn(10)
    await stage.clock.turn(-3600)
    await stage.clock.turn(3600)

    assert len(stage.fired.seen) == 1


async def test_a_clock_that_jumps_forward_asks_the_feed_again(stage: Stage) -> None:
    """What lies in the jump is for the feed's policy to decide."""
    feed = Every()
    stage.schedule.add(sub(), feed)
    asked: list[datetime] = []
    answer = feed.next_fire

    def counted(sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        asked.append(now)
        return Fire(at=now, payload={}) if len(asked) == 1 else answer(sub, now, now)

    feed.next_fire = counted  # type: ignore[method-assign]
    await stage.clock.turn(3600)

    assert asked[0] == START + timedelta(seconds=3600)
    assert [at for _, at in stage.fired.seen] == [asked[0].isoformat()]


async def test_what_was_removed_or_changed_fires_no_more(stage: Stage) -> None:
    """The old plan counts no more."""
    for trigger in ("a", "b"):
        stage.schedule.add(sub(trigger), Every())
    stage.schedule.remove("a")
    stage.schedule.add(sub("b", cursor=(START + timedelta(seconds=10)).isoformat()), Every())
    await stage.clock.turn(10)
    assert stage.fired.seen == []
    await stage.clock.turn(10)

    assert [trigger for trigger, _ in stage.fired.seen] == ["b"]


async def test_a_feed_that_ends_is_finished_with_its_reason(stage: Stage) -> None:
    """And takes its trigger along when it says so."""
    stage.schedule.add(sub(), Every(most=1))
    await stage.clock.turn(10)
    await stage.clock.turn(60)

    assert stage.finished == [("t", "done")]
    assert stage.fired.removed == ["t True"]
    assert len(stage.fired.seen) == 1


async def test_who_lost_the_fence_stops(stage: Stage) -> None:
    """Somebody newer fires it."""
    stage.schedule.add(sub(fence=0), Every())
    await stage.clock.turn(10)
    await stage.clock.turn(100)

    assert stage.fired.seen == []


async def test_a_fire_that_fails_is_tried_again(stage: Stage) -> None:
    """The instant is not lost, and the others are not held up."""
    stage.fired.trouble = 1
    stage.schedule.add(sub("a"), Every())
    await stage.clock.turn(10)
    assert stage.fired.seen == []
    await stage.clock.turn(1)

    assert [at for _, at in stage.fired.seen] == [(START + timedelta(seconds=10)).isoformat()]


async def test_many_that_are_due_together_all_fire(stage: Stage) -> None:
    """In one go, in groups."""
    for number in range(1000):
        stage.schedule.add(sub(f"t{number}"), Every())
    await stage.clock.turn(10)
    await stage.clock.turn(0)
    await stage.clock.turn(0)

    assert len(stage.fired.seen) == 1000
