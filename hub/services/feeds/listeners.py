"""One supervised task for each listening subscription: reconnect with back-off, pause with a reason, never delete (design §9 "Feeds")."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import httpx
import msgspec

from hub.domain.errors import RequestError
from hub.domain.event import Accepted, Checkpoint
from hub.domain.feed import Reason, Subscription, SubscriptionState
from hub.feedkit import Batch, FeedError, ListeningFeed, Occurrence, SourceRefused, SourceUnavailable
from hub.services.feeds.ports import CallContext, Firing, Resolve, seen, with_meta
from hub.telemetry import metrics
from hub.telemetry.log import get_logger

log = get_logger(__name__)

SHORTEST = 0.1
LONGEST = 60.0
GONE_TRIES = 3
UNAUTHENTICATED = 401
GONE = (404, 410)


class Listeners:
    """Starts and stops listening. `gone_after` is how many seconds a source must be missing before its feed pauses."""

    def __init__(
        self,
        firing: Firing,
        resolve: Resolve,
        context: Callable[[Subscription, httpx.AsyncClient], CallContext],
        client: Callable[[str], httpx.AsyncClient],
        finish: Callable[[Subscription, SubscriptionState, Reason | None], Awaitable[None]],
        *,
        gone_after: float = 60.0,
    ) -> None:
        self._firing = firing
        self._resolve = resolve
        self._context = context
        self._client = client
        self._finish = finish
        self._gone_after = gone_after
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, group: asyncio.TaskGroup, sub: Subscription, feed: ListeningFeed) -> None:
        """Listen for a subscription; what listened for it before stops."""
        self.stop(sub.subscription_id)
        self._tasks[sub.subscription_id] = group.create_task(self._supervised(sub, feed))

    def stop(self, subscription_id: str) -> None:
        """Stop listening."""
        task = self._tasks.pop(subscription_id, None)
        if task is not None:
            task.cancel()

    async def _supervised(self, sub: Subscription, feed: ListeningFeed) -> None:
        """Its failure never leaves here."""
        try:
            await self._listen(sub, feed)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("A feed stopped listening", trigger=f"{sub.namespace}/{sub.trigger}", feed=sub.feed)
            reason = Reason(
                kind="AUTO", message="The feed met an error of the hub itself; its log has the details. Unpause it to try again."
            )
            await self._finish(sub, SubscriptionState.PAUSED, reason)

    async def _listen(self, sub: Subscription, feed: ListeningFeed) -> None:
        wait = SHORTEST
        missing_since: float | None = None
        missing = 0
        clock = asyncio.get_running_loop()
        while True:
            retry_after: float | None = None
            before = sub.cursor
            try:
                held = await self._follow(sub, feed)
                if held is None:
                    return
                sub = held
            except _Progress as progress:
                sub, error = progress.sub, progress.error
                if isinstance(error, SourceRefused):
                    if error.status in GONE:
                        missing += 1
                        missing_since = missing_since if missing_since is not None else clock.time()
                    if error.status not in GONE or (missing >= GONE_TRIES and clock.time() - (missing_since or 0.0) >= self._gone_after):
                        await self._pause(sub, error)
                        return
                elif isinstance(error, SourceUnavailable):
                    retry_after = error.retry_after
                log.info("A source is not available", trigger=f"{sub.namespace}/{sub.trigger}", reason=str(error))
            else:
                missing, missing_since = 0, None
            wait = SHORTEST if sub.cursor != before else min(wait * 2, LONGEST)
            await asyncio.sleep(max(random.uniform(0, wait), SHORTEST / 2, retry_after or 0))  # noqa: S311 - jitter needs no secrecy

    async def _pause(self, sub: Subscription, error: SourceRefused) -> None:
        state = SubscriptionState.BROKEN if error.status == UNAUTHENTICATED else SubscriptionState.PAUSED
        log.warning("A feed pauses", trigger=f"{sub.namespace}/{sub.trigger}", feed=sub.feed, status=error.status, reason=str(error))
        self._tasks.pop(sub.subscription_id, None)
        await self._finish(sub, state, Reason(kind="AUTO", message=str(error), status_code=error.status))

    async def _follow(self, sub: Subscription, feed: ListeningFeed) -> Subscription | None:
        """One connection. Returns the subscription as far as it came, None when somebody newer holds it; raises _Progress."""
        try:
            settings = await self._resolve(sub.namespace, sub.settings)
            async with self._client(sub.namespace) as http:
                async for batch in feed.listen(seen(sub, settings), self._context(sub, http)):
                    moved = await self._take(sub, batch)
                    if moved is None:
                        return None
                    sub = moved
        except (FeedError, RequestError, httpx.HTTPError) as error:
            raise _Progress(sub, error) from error
        return sub

    async def _take(self, sub: Subscription, batch: Batch) -> Subscription | None:
        now = self._context(sub, None).now()  # type: ignore[arg-type]
        occurrences = [Occurrence(key=item.key, payload=with_meta(sub, item, sub.feed, now)) for item in batch.occurrences]
        checkpoint = Checkpoint(subscription_id=sub.subscription_id, cursor=batch.cursor, fence=sub.fence)
        answers = await self._firing.fire(sub, occurrences, checkpoint, source=sub.feed)
        for answer in answers:
            metrics.feed_events(sub.feed, answer)
        if Accepted.FENCED in answers:
            return None
        return msgspec.structs.replace(
            sub, cursor=batch.cursor, fires=sub.fires + sum(answer == Accepted.NEW for answer in answers[: len(occurrences)])
        )


class _Progress(Exception):
    """A connection ended badly; `sub` says how far it came."""

    def __init__(self, sub: Subscription, error: Exception) -> None:
        super().__init__(str(error))
        self.sub = sub
        self.error = error
