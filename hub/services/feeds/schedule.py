"""One heap and one timer for all scheduled subscriptions."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from hub.domain.event import Accepted, Checkpoint
from hub.domain.feed import Reason, Subscription, SubscriptionState
from hub.feedkit import Ended, FeedError, Fire, Occurrence, ScheduledFeed
from hub.services.feeds.clock import Clock
from hub.services.feeds.ports import Firing, seen, with_meta
from hub.telemetry import metrics
from hub.telemetry.log import get_logger

log = get_logger(__name__)

AT_A_TIME = 200
JUMP = 60.0
"""A moment planned for later that is this late (s) was jumped over: the clock was set, or the machine slept. The feed decides anew."""
LATE = 30.0


class Entry(msgspec.Struct, order=True):
    """One due moment; `turn` keeps the order of equals and tells old entries from the one that counts."""

    at: float
    turn: int
    key: str
    fire: Fire
    planned: float


class Schedule:
    """Fires what is due. `finish` is told of a subscription that will not fire again."""

    def __init__(
        self, clock: Clock, firing: Firing, finish: Callable[[Subscription, SubscriptionState, Reason | None], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._firing = firing
        self._finish = finish
        self._heap: list[Entry] = []
        self._subs: dict[str, tuple[int, Subscription, ScheduledFeed]] = {}
        self._turn = 0
        self._bell = asyncio.Event()
        self._ended: asyncio.Queue[tuple[Subscription, Ended]] = asyncio.Queue()

    def __len__(self) -> int:
        return len(self._subs)

    def add(self, sub: Subscription, feed: ScheduledFeed) -> None:
        """Schedule a subscription, or schedule it anew; what was planned for it before counts no more."""
        self._turn += 1
        self._subs[sub.subscription_id] = (self._turn, sub, feed)
        self._plan(sub, feed, self._turn)

    def remove(self, subscription_id: str) -> None:
        """Forget a subscription."""
        self._subs.pop(subscription_id, None)

    def _plan(self, sub: Subscription, feed: ScheduledFeed, turn: int) -> None:
        after = datetime.fromisoformat(sub.cursor) if sub.cursor else None
        try:
            due = feed.next_fire(seen(sub, sub.settings), after, self._clock.now())
        except (FeedError, ValueError, OverflowError) as error:
            due = Ended(message=f"Automatically disabled: {error}")
        if isinstance(due, Ended):
            self._ended.put_nowait((sub, due))
        else:
            planned = self._clock.now().timestamp()
            heapq.heappush(self._heap, Entry(due.at.timestamp(), turn, sub.subscription_id, due, planned))
        self._bell.set()

    async def run(self) -> None:
        """Fire until cancelled."""
        while True:
            await self._end_finished()
            self._bell.clear()
            self._drop_old()
            due = self._due()
            if due:
                await asyncio.gather(*(self._fire(entry) for entry in due))
            elif self._ended.empty():
                await self._clock.wait(datetime.fromtimestamp(self._heap[0].at, UTC) if self._heap else None, self._bell)

    def _drop_old(self) -> None:
        while self._heap and self._subs.get(self._heap[0].key, (0,))[0] != self._heap[0].turn:
            heapq.heappop(self._heap)

    def _due(self) -> list[Entry]:
        now = self._clock.now().timestamp()
        due: list[Entry] = []
        while self._heap and self._heap[0].at <= now and len(due) < AT_A_TIME:
            entry = heapq.heappop(self._heap)
            known = self._subs.get(entry.key)
            if known is None or known[0] != entry.turn:
                continue
            if now - max(entry.at, entry.planned) > JUMP:
                _, sub, feed = known
                self._plan(sub, feed, entry.turn)
            else:
                due.append(entry)
        return due

    async def _fire(self, entry: Entry) -> None:
        turn, sub, feed = self._subs[entry.key]
        at = entry.fire.at.isoformat()
        occurrence = Occurrence(key=at, payload=entry.fire.payload)
        occurrence = Occurrence(key=at, payload=with_meta(sub, occurrence, sub.feed, entry.fire.at, late=self._late(entry)))
        checkpoint = Checkpoint(subscription_id=sub.subscription_id, cursor=at, fence=sub.fence)
        try:
            (answer,) = await self._firing.fire(sub, (occurrence,), checkpoint, source=sub.feed)
        except Exception:
            log.exception("A scheduled feed could not fire; it is tried again", trigger=f"{sub.namespace}/{sub.trigger}")
            self._turn += 1
            retry = msgspec.structs.replace(entry, at=self._clock.now().timestamp() + 1, turn=self._turn)
            self._subs[entry.key] = (self._turn, sub, feed)
            heapq.heappush(self._heap, retry)
            return
        metrics.feed_events(sub.feed, answer)
        if answer == Accepted.FENCED or self._subs.get(entry.key, (0,))[0] != turn:
            return
        moved = msgspec.structs.replace(sub, cursor=at, fires=sub.fires + (answer == Accepted.NEW))
        self._subs[entry.key] = (turn, moved, feed)
        self._plan(moved, feed, turn)

    def _late(self, entry: Entry) -> bool:
        """Whether this makes up for a moment that was missed."""
        return self._clock.now().timestamp() - entry.at > LATE

    async def _end_finished(self) -> None:
        while not self._ended.empty():
            sub, ended = self._ended.get_nowait()
            self._subs.pop(sub.subscription_id, None)
            await self._finish(sub, SubscriptionState.FINISHED, Reason(kind="AUTO", message=ended.message))
            if ended.remove:
                await self._firing.remove_trigger(sub, rules=ended.remove == "rules")
