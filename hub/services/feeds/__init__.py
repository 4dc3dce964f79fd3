"""Feeds at work: life-cycle calls, the schedule, the listeners, and the addresses under `/hooks/` (packages-and-feeds §1.3, design §9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from hub.bus.base import Bus, Message, Subject
from hub.domain.errors import RequestError, Unavailable
from hub.domain.event import Accepted
from hub.domain.feed import Subscription, SubscriptionState
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.parameters import Json
from hub.feedkit import DeliveryRejected, FeedError, HookFeed, ListeningFeed, Occurrence, ScheduledFeed
from hub.services.feeds.clock import Clock
from hub.services.feeds.lifecycle import DEFAULT_SOURCE, Lifecycle
from hub.services.feeds.listeners import Listeners
from hub.services.feeds.ports import CallContext, Firing, Resolve, seen, with_meta
from hub.services.feeds.providers import Providers
from hub.services.feeds.schedule import Schedule
from hub.services.outbound import Outbound
from hub.storage.base import Store
from hub.telemetry import metrics
from hub.telemetry.log import get_logger
from hub.wire.json import encode

log = get_logger(__name__)

LARGEST_EVENT = 1_048_576
REMEMBERED = 10_000
UNKNOWN_HOOK = "There is nothing here, or the delivery is not signed with this address's secret."


class HookAnswer(NamedTuple):
    """What a delivery is answered."""

    status: int
    message: str


class FeedService:
    """The role `feeds`."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        firing: Firing,
        providers: Providers,
        outbound: Outbound,
        clock: Clock,
        *,
        base_url: Callable[[], str],
        resolve: Resolve,
        trigger_exists: Callable[[FullName], Awaitable[bool]],
        gone_after: float = 60.0,
    ) -> None:
        self._store = store
        self._bus = bus
        self._firing = firing
        self._providers = providers
        self._clock = clock
        self._base_url = base_url
        self._resolve = resolve
        self._lifecycle = Lifecycle(
            store,
            providers,
            outbound,
            clock,
            base_url=base_url,
            resolve=resolve,
            trigger_exists=trigger_exists,
            changed=self._announce,
        )
        self._schedule = Schedule(clock, firing, self._lifecycle.set_state)
        self._listeners = Listeners(
            firing, resolve, self._context, self._patient_client(outbound), self._lifecycle.set_state, gone_after=gone_after
        )
        self._hooks: dict[str, Subscription | None] = {}
        self._changes: asyncio.Queue[FullName] = asyncio.Queue()
        bus.subscribe(Subject.SUBSCRIPTION, self._on_change)

    @staticmethod
    def _patient_client(outbound: Outbound) -> Callable[[str], httpx.AsyncClient]:
        """A stream may be silent for a while; the provider's heartbeat says how long."""
        return lambda namespace: outbound.client(namespace, timeout=httpx.Timeout(10.0, read=45.0))

    def _context(self, sub: Subscription, http: httpx.AsyncClient) -> CallContext:
        host = urlsplit(str(sub.settings.get("baseUrl") or DEFAULT_SOURCE)).hostname or ""
        return CallContext(http, self._clock, sub.hook or "", self._base_url(), host)

    def _announce(self, sub: Subscription) -> None:
        self._bus.publish(Message(subject=Subject.SUBSCRIPTION, namespace=sub.namespace, key=sub.trigger))

    def _on_change(self, message: Message) -> None:
        self._hooks.clear()
        self._changes.put_nowait(FullName(message.namespace, message.key))

    async def lifecycle(self, caller: Identity, feed: str, parameters: dict[str, Json]) -> dict[str, Json]:
        """One call of the classic protocol. Raises FeedError."""
        return await self._lifecycle.call(caller, feed, parameters)

    async def trigger_deleted(self, name: FullName) -> None:
        """A native feed goes with its trigger; a service that cannot be told now is left behind, and the log says so."""
        sub = await self._store.get_subscription(name.namespace, name.name)
        if sub is None:
            return
        try:
            await self._lifecycle.remove(sub)
        except FeedError as error:
            log.warning("A feed could not be undone at its service", trigger=str(name), feed=sub.feed, reason=str(error))
            await self._store.delete_subscription(name.namespace, name.name)
            self._announce(sub)

    async def run(self) -> None:
        """Take up every subscription, then follow changes; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._schedule.run())
            at_work: dict[FullName, str] = {}
            for sub in await self._store.list_subscriptions():
                self._take_up(group, sub)
                at_work[FullName(sub.namespace, sub.trigger)] = sub.subscription_id
            while True:
                name = await self._changes.get()
                sub_now = await self._store.get_subscription(name.namespace, name.name)
                before = at_work.pop(name, None)
                if before is not None:
                    self._schedule.remove(before)
                    self._listeners.stop(before)
                if sub_now is not None:
                    at_work[name] = sub_now.subscription_id
                    self._take_up(group, sub_now)

    def _take_up(self, group: asyncio.TaskGroup, sub: Subscription) -> None:
        if sub.state != SubscriptionState.ACTIVE:
            return
        try:
            provider = self._providers.get(sub.feed)
        except FeedError as error:
            log.warning("A subscription has no feed here", trigger=f"{sub.namespace}/{sub.trigger}", reason=str(error))
            return
        if isinstance(provider, ScheduledFeed):
            self._schedule.add(sub, provider)
        elif isinstance(provider, ListeningFeed):
            self._listeners.start(group, sub, provider)

    # Deliveries

    async def receive(self, hook: str, headers: Mapping[str, str], body: bytes) -> HookAnswer:
        """One delivery to `/hooks/{hook}`. A 2xx is answered only after the commit."""
        answer = await self._receive(hook, headers, body)
        metrics.hook_deliveries(str(answer.status))
        return answer

    async def _receive(self, hook: str, headers: Mapping[str, str], body: bytes) -> HookAnswer:
        sub = await self._subscription_of(hook)
        provider = self._providers.get(sub.feed) if sub is not None else None
        if sub is None or not isinstance(provider, HookFeed):
            return HookAnswer(401, UNKNOWN_HOOK)
        try:
            settings = await self._resolve(sub.namespace, sub.settings)
            occurrences = await provider.receive(seen(sub, settings), headers, body)
        except DeliveryRejected as error:
            return HookAnswer(error.status, UNKNOWN_HOOK if error.status == 401 else str(error))  # noqa: PLR2004 - Unauthorized
        except (FeedError, RequestError) as error:
            return HookAnswer(503, str(error))
        if sub.state != SubscriptionState.ACTIVE:
            return HookAnswer(503, "The feed of this address is paused; deliver again later.")
        return await self._taken(sub, occurrences)

    async def _taken(self, sub: Subscription, occurrences: tuple[Occurrence, ...]) -> HookAnswer:
        """What a delivery brought, committed before it is answered."""
        ready = [Occurrence(key=item.key, payload=with_meta(sub, item, sub.feed, self._clock.now())) for item in occurrences]
        if any(len(encode(item.payload)) > LARGEST_EVENT for item in ready):
            return HookAnswer(413, f"The event is larger than {LARGEST_EVENT} bytes, the most a trigger can carry.")
        if not ready:
            return HookAnswer(200, "taken")
        try:
            answers = await self._firing.fire(sub, ready, None, source=sub.feed)
        except Unavailable as error:
            return HookAnswer(503, str(error))
        for answer in answers:
            metrics.feed_events(sub.feed, answer)
        return HookAnswer(200, "taken" if Accepted.NEW in answers else "taken before")

    async def _subscription_of(self, hook: str) -> Subscription | None:
        if hook not in self._hooks:
            if len(self._hooks) >= REMEMBERED:
                self._hooks.clear()
            self._hooks[hook] = await self._store.get_subscription_by_hook(hook)
        return self._hooks[hook]

    def health(self) -> dict[str, Json]:
        """How much is at work."""
        return {"scheduled": len(self._schedule), "listening": len(self._listeners)}
