"""Subscriptions: a trigger that a feed drives (packages-and-feeds §1.3, marketplace §9)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hub.domain.parameters import Json


class LifecycleEvent(StrEnum):
    """What a client or the hub asks of a feed."""

    CREATE = "CREATE"
    READ = "READ"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    PAUSE = "PAUSE"
    UNPAUSE = "UNPAUSE"


class SubscriptionState(StrEnum):
    """How a subscription is doing."""

    ACTIVE = "active"
    PAUSED = "paused"
    BROKEN = "broken"
    FINISHED = "finished"


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a subscription is not active. `kind` is AUTO or ADMIN, as upstream's feeds say it."""

    kind: str
    message: str
    status_code: int | None = None


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A feed at work for one trigger. `(namespace, trigger)` is unique.

    `feed` is `folder/name`, e.g. `alarms/interval`. `settings` are what the provider keeps; their secrets (`secret_keys`) are sealed
    at rest and never shown. `cursor` is opaque. Times are in milliseconds. `hook` is the last part of the opaque address under `/hooks/`.
    """

    subscription_id: str
    namespace: str
    subject: str
    uuid: str
    trigger: str
    feed: str
    settings: dict[str, Json]
    secret_keys: tuple[str, ...] = ()
    state: SubscriptionState = SubscriptionState.ACTIVE
    reason: Reason | None = None
    changed: int = 0
    cursor: str | None = None
    fence: int = 0
    fires: int = 0
    hook: str | None = None
