"""The classic feed-action protocol: CREATE, READ, UPDATE, DELETE, PAUSE, UNPAUSE (openwhisk-api §6, packages-and-feeds §1.3)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from hub.domain.errors import Malformed, RequestError
from hub.domain.feed import LifecycleEvent, Reason, Subscription, SubscriptionState
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.parameters import Json
from hub.feedkit import FeedError, Plan, Provider, ScheduledFeed, SettingsRefused
from hub.services.clock import now_ms
from hub.services.feeds.clock import Clock
from hub.services.feeds.ports import CallContext, Resolve, seen
from hub.services.feeds.providers import Providers
from hub.services.outbound import Outbound
from hub.storage.base import Store

PROTOCOL = ("lifecycleEvent", "triggerName", "authKey", "apihost")
SUCCESS = {"status": "success"}
DEFAULT_SOURCE = "https://api.github.com"


class Lifecycle:
    """Carries out life-cycle calls; `changed` is told of every subscription that is new, different or gone."""

    def __init__(
        self,
        store: Store,
        providers: Providers,
        outbound: Outbound,
        clock: Clock,
        *,
        base_url: Callable[[], str],
        resolve: Resolve,
        trigger_exists: Callable[[FullName], Awaitable[bool]],
        changed: Callable[[Subscription], None],
    ) -> None:
        self._store = store
        self._providers = providers
        self._outbound = outbound
        self._clock = clock
        self._base_url = base_url
        self._resolve = resolve
        self._trigger_exists = trigger_exists
        self._changed = changed

    async def call(self, caller: Identity, feed: str, parameters: dict[str, Json]) -> dict[str, Json]:
        """One call. Raises FeedError with the text of the application error."""
        try:
            event = LifecycleEvent(str(parameters.get("lifecycleEvent", "")))
        except ValueError as error:
            raise SettingsRefused("unsupported lifecycleEvent") from error
        name = _trigger_name(caller, parameters)
        provider = self._providers.get(feed)
        settings = {key: value for key, value in parameters.items() if key not in PROTOCOL and not key.startswith("__ow_")}
        found = await self._store.get_subscription(name.namespace, name.name)
        try:
            if event == LifecycleEvent.CREATE:
                return await self._create(caller, feed, provider, name, settings, found)
            if event == LifecycleEvent.DELETE:
                return await self.remove(found)
            if found is None:
                raise SettingsRefused(f"could not find trigger /{name} in the database", status=404)
            if event == LifecycleEvent.READ:
                return await self._read(provider, found)
            if event == LifecycleEvent.UPDATE:
                return await self._update(provider, found, settings)
            return await self._switch(found, paused=event == LifecycleEvent.PAUSE)
        except RequestError as error:
            raise FeedError(str(error)) from error

    async def _create(
        self, caller: Identity, feed: str, provider: Provider, name: FullName, settings: dict[str, Json], old: Subscription | None
    ) -> dict[str, Json]:
        if not await self._trigger_exists(name):
            raise SettingsRefused("Trigger authentication request failed.", status=404)
        if old is not None:
            await self._undo(old)
        fresh = Subscription(
            subscription_id=secrets.token_hex(16),
            namespace=caller.namespace,
            subject=caller.subject,
            uuid=caller.uuid,
            trigger=name.name,
            feed=feed,
            settings=settings,
            secret_keys=tuple(provider.secrets),
            changed=now_ms(),
            fence=(old.fence if old else 0) + 1,
            hook=secrets.token_urlsafe(32),
        )
        async with self._outbound.client(fresh.namespace) as http:
            context = self._context(fresh, http)
            plan = await provider.create(seen(fresh, await self._resolve(fresh.namespace, settings)), context)
            fresh = msgspec.structs.replace(fresh, settings=_kept(settings, plan), cursor=plan.cursor)
            try:
                await self._store.put_subscription(fresh)
            except BaseException:
                # The service knows of us already: what cannot be kept here must not stay there.
                await provider.delete(seen(fresh, plan.settings), context)
                raise
        self._changed(fresh)
        return {**SUCCESS, **plan.answer}

    async def _read(self, provider: Provider, sub: Subscription) -> dict[str, Json]:
        async with self._outbound.client(sub.namespace) as http:
            resolved = await self._resolve(sub.namespace, sub.settings)
            config = await provider.read(seen(sub, resolved), self._context(sub, http))
        status: dict[str, Json] = {
            "active": sub.state == SubscriptionState.ACTIVE,
            "state": str(sub.state),
            "dateChanged": sub.changed,
            "dateChangedISO": datetime.fromtimestamp(sub.changed / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "fires": sub.fires,
        }
        if sub.reason is not None:
            status["reason"] = {"kind": sub.reason.kind, "statusCode": sub.reason.status_code, "message": sub.reason.message}
        return {"config": {"name": sub.trigger, "namespace": sub.namespace, **config}, "status": status}

    async def _update(self, provider: Provider, sub: Subscription, changes: dict[str, Json]) -> dict[str, Json]:
        """Only what differs from the bound settings is a change: a binding's parameters come with every call."""
        new = {key: value for key, value in changes.items() if sub.settings.get(key, _ABSENT) != value}
        async with self._outbound.client(sub.namespace) as http:
            resolved = await self._resolve(sub.namespace, sub.settings)
            plan = await provider.update(seen(sub, resolved), await self._resolve(sub.namespace, new), self._context(sub, http))
        updated = msgspec.structs.replace(
            sub,
            settings=_kept({**sub.settings, **new}, plan),
            cursor=plan.cursor if plan.cursor is not None else sub.cursor,
            state=SubscriptionState.ACTIVE,
            reason=None,
            changed=now_ms(),
            fence=sub.fence + 1,
        )
        await self._store.put_subscription(updated)
        self._changed(updated)
        return {**SUCCESS, **plan.answer}

    async def _switch(self, sub: Subscription, *, paused: bool) -> dict[str, Json]:
        reason = Reason(kind="ADMIN", message="Paused by request") if paused else None
        await self.set_state(sub, SubscriptionState.PAUSED if paused else SubscriptionState.ACTIVE, reason)
        return dict(SUCCESS)

    async def set_state(self, sub: Subscription, state: SubscriptionState, reason: Reason | None) -> None:
        """Store another state with its reason; whatever is at work for the old one loses its fence."""
        current = await self._store.get_subscription(sub.namespace, sub.trigger)
        if current is None or current.subscription_id != sub.subscription_id:
            return
        cursor = current.cursor
        if state == SubscriptionState.ACTIVE and isinstance(self._providers.get(sub.feed), ScheduledFeed) and cursor is not None:
            cursor = self._clock.now().isoformat()  # a pause is no downtime: what was due in it was not missed
        updated = msgspec.structs.replace(current, state=state, reason=reason, cursor=cursor, changed=now_ms(), fence=current.fence + 1)
        await self._store.put_subscription(updated)
        self._changed(updated)

    async def remove(self, sub: Subscription | None) -> dict[str, Json]:
        """DELETE; there being nothing is a success."""
        if sub is not None:
            await self._undo(sub)
            await self._store.delete_subscription(sub.namespace, sub.trigger)
            self._changed(sub)
        return dict(SUCCESS)

    async def _undo(self, sub: Subscription) -> None:
        """Take back at the service what CREATE did there."""
        async with self._outbound.client(sub.namespace) as http:
            resolved = await self._resolve(sub.namespace, sub.settings)
            await self._providers.get(sub.feed).delete(seen(sub, resolved), self._context(sub, http))

    def _context(self, sub: Subscription, http: Any) -> CallContext:
        source = str(sub.settings.get("baseUrl") or DEFAULT_SOURCE)
        return CallContext(http, self._clock, sub.hook or "", self._base_url(), urlsplit(source).hostname or "")


_ABSENT = object()


def _kept(given: dict[str, Json], plan: Plan) -> dict[str, Json]:
    """What is stored: the provider's settings, but a reference to a connection stays a reference, so that a rotation reaches the feed."""
    references = {key: value for key, value in given.items() if isinstance(value, dict) and "$connection" in value}
    return {**plan.settings, **references}


def _trigger_name(caller: Identity, parameters: dict[str, Json]) -> FullName:
    text = parameters.get("triggerName")
    if not isinstance(text, str) or not text:
        raise SettingsRefused("no trigger name parameter was provided")
    try:
        name = FullName.parse(text if "/" in text.strip("/") else f"_/{text.strip('/')}", own=caller.namespace)
    except Malformed as error:
        raise SettingsRefused(str(error)) from error
    if name.namespace != caller.namespace or name.package:
        raise SettingsRefused("Trigger authentication request failed.", status=403)
    return name
