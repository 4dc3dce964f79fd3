"""All that a feed may see: types, the three shapes of a provider, and how to say what went wrong.

A provider is a little arithmetic and a loop. Retry, back-off, checkpoints, leases, dedupe, health and disabling belong to
`hub.services.feeds`, which hands the provider its settings, its cursor, a clock and an HTTP client.

A feed folder has a `provider.py` with a `PROVIDERS: dict[str, Provider]` from feed name to one of

* `ScheduledFeed`: pure arithmetic; the hub keeps the clock (alarms);
* `ListeningFeed`: follows a source and yields batches (cloudant);
* `HookFeed`: registers an address at a service and takes its deliveries (github).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

import httpx
import msgspec

Json: TypeAlias = Any
Settings: TypeAlias = dict[str, Json]


class FeedError(Exception):
    """Something a feed has to say; the message is shown to the user."""


class SettingsRefused(FeedError):
    """A life-cycle call carries settings that cannot work; it ends as an application error with this message."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class SourceRefused(FeedError):
    """The service says no for good (401, 403, 404 …): the subscription is paused with this reason, never deleted."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class SourceUnavailable(FeedError):
    """The service cannot be reached, or says 408, 409, 429 or 5xx: tried again with back-off. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeliveryRejected(FeedError):
    """A delivery is not signed with this subscription's secret, or cannot be read: answered 4xx, fires nothing."""

    def __init__(self, message: str, *, status: int = 401) -> None:
        super().__init__(message)
        self.status = status


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `key` names it for ever within its subscription: a key already taken does not fire again (30 days)."""

    key: str
    payload: dict[str, Json]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Occurrences in order, and the cursor after them. Both are stored in one commit; an empty batch only moves the cursor."""

    occurrences: tuple[Occurrence, ...]
    cursor: str | None


class Subscribed(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as its provider sees it. `trigger` is `/ns/name`; `cursor` is what the last commit stored."""

    trigger: str
    settings: Settings
    cursor: str | None = None
    fires: int = 0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a life-cycle call decided: the settings to keep, and the cursor to start from (None: leave as it is).

    `answer` is merged into the `{"status": "success"}` that clients get.
    """

    settings: Settings
    cursor: str | None = None
    answer: dict[str, Json] = {}


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """One due moment of a scheduled feed."""

    at: datetime
    payload: dict[str, Json]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled feed that will not fire again. `remove` is `trigger`, `rules` (trigger with its rules) or None."""

    message: str
    remove: str | None = None


class Context(Protocol):
    """What the hub lends to a provider for one call."""

    @property
    def http(self) -> httpx.AsyncClient:
        """A client with the hub's guard on where it may go. Never close it."""

    def now(self) -> datetime:
        """The wall clock, UTC."""


class HookContext(Context, Protocol):
    """What a hook feed gets besides."""

    @property
    def callback(self) -> str:
        """The opaque address that reaches this subscription.

        Raises SettingsRefused when the host in question could not reach us and `HUB_BASE_URL` says so.
        """


@runtime_checkable
class Provider(Protocol):
    """What every feed answers to. Settings are the merged parameters of the life-cycle call, protocol parameters removed."""

    secrets: tuple[str, ...]
    """Settings that are sealed at rest and never shown."""

    async def create(self, sub: Subscribed, context: Any) -> Plan:
        """Check the settings, reach the service where there is one. Raises SettingsRefused, SourceRefused, SourceUnavailable."""

    async def read(self, sub: Subscribed, context: Any) -> dict[str, Json]:
        """The `config` of READ, in upstream's shape, without secrets."""

    async def update(self, sub: Subscribed, changes: Settings, context: Any) -> Plan:
        """Apply `changes` to `sub.settings`. Raises as `create`."""

    async def delete(self, sub: Subscribed, context: Any) -> None:
        """Undo at the service what `create` did. A service that knows nothing of us any more is a success."""


@runtime_checkable
class ScheduledFeed(Provider, Protocol):
    """Pure arithmetic: which moment comes after another."""

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """The first due moment after `after` (the last one fired, None at first). It may lie before `now`: then it was missed.

        The provider applies its own policy for missed moments (skip, once, all), so what it returns is fired.
        """


@runtime_checkable
class ListeningFeed(Provider, Protocol):
    """Follows a source."""

    def listen(self, sub: Subscribed, context: Context) -> AsyncIterator[Batch]:
        """Yield batches from `sub.cursor` on, until cancelled. Raises SourceRefused, SourceUnavailable; returning means: reconnect."""


@runtime_checkable
class HookFeed(Provider, Protocol):
    """Takes deliveries."""

    async def receive(self, sub: Subscribed, headers: Mapping[str, str], body: bytes) -> tuple[Occurrence, ...]:
        """Verify the raw bytes, then make occurrences; none for a ping. Header names are in lower case. Raises DeliveryRejected."""
