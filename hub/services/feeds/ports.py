"""What the feed service needs of the rest of the hub."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from hub.domain.event import Accepted, Checkpoint
from hub.domain.feed import Subscription
from hub.domain.parameters import Json
from hub.feedkit import Occurrence, SettingsRefused, Subscribed
from hub.services.feeds.clock import Clock
from hub.services.outbound import is_inside

Resolve = Callable[[str, dict[str, Json]], Awaitable[dict[str, Json]]]


class Firing(Protocol):
    """Takes in what feeds saw."""

    async def fire(
        self, sub: Subscription, occurrences: Sequence[Occurrence], checkpoint: Checkpoint | None, *, source: str
    ) -> list[Accepted]:
        """One commit for all occurrences and the checkpoint. A trigger without active rules counts as fired."""

    async def remove_trigger(self, sub: Subscription, *, rules: bool) -> None:
        """The feed ended and takes its trigger with it."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a provider is lent for one call. See `hub.feedkit.HookContext`."""

    http: httpx.AsyncClient
    clock: Clock
    hook: str
    base_url: str
    source_host: str

    def now(self) -> datetime:
        """See `Context.now`."""
        return self.clock.now()

    @property
    def callback(self) -> str:
        """See `HookContext.callback`."""
        ours = urlsplit(self.base_url).hostname or ""
        if is_inside(ours) and not is_inside(self.source_host):
            raise SettingsRefused(
                f"{self.source_host or 'The service'} cannot reach this hub at {self.base_url}. "
                "The operator must set HUB_BASE_URL to the address under which others reach the hub."
            )
        return f"{self.base_url}/hooks/{self.hook}"


def seen(sub: Subscription, settings: dict[str, Json]) -> Subscribed:
    """A subscription as its provider sees it; `settings` are resolved."""
    return Subscribed(trigger=f"/{sub.namespace}/{sub.trigger}", settings=settings, cursor=sub.cursor, fires=sub.fires)


def with_meta(sub: Subscription, occurrence: Occurrence, source: str, at: datetime, *, late: bool = False) -> dict[str, Json]:
    """The payload with its `__hub` member completed, where the feed has one or `meta: true` asks for it (design §9 "Feeds")."""
    payload = occurrence.payload
    own = payload.get("__hub")
    if not isinstance(own, dict) and sub.settings.get("meta") is not True:
        return payload
    meta: dict[str, Json] = {
        "feed": sub.feed,
        "event_id": occurrence.key,
        "source": source,
        "type": sub.feed.rpartition("/")[2],
        "at": at.isoformat(),
        "attempt": 1,
    }
    if late:
        meta["late"] = True
    return {**payload, "__hub": {**meta, **(own if isinstance(own, dict) else {})}}
