"""Accepted work: an event, and the runs it asks for (reliability §2)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hub.domain.activation import Activation
from hub.domain.names import FullName
from hub.domain.parameters import Json


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came from outside and fired a trigger. `event_id` is also the id of the trigger's activation."""

    event_id: str
    namespace: str
    trigger: str
    at: int
    payload: Json
    source: str = "fire"


class Dispatch(msgspec.Struct, frozen=True, kw_only=True):
    """One run that must happen. It is deleted by the commit that stores its activation.

    `action` may go through a binding. `started` is the number of attempts that began; `not_before` is in milliseconds.
    """

    activation_id: str
    namespace: str
    subject: str
    uuid: str
    action: FullName
    payload: Json
    at: int
    event_id: str | None = None
    rule: str | None = None
    cause: str | None = None
    started: int = 0
    not_before: int = 0
    transaction_id: str = ""


class Delivery(msgspec.Struct, frozen=True):
    """A key that is taken once for 30 days: (hook, delivery id), (feed, document, revision), (alarm, instant)."""

    scope: str
    key: str


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far a subscription has come; written only while `fence` is the newest."""

    subscription_id: str
    cursor: str | None
    fence: int


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit takes in: all of it or nothing.

    `activation` is the trigger's own record, stored if `keep`. With a `delivery` already taken, only the checkpoint is written.
    """

    event: Event | None = None
    activation: Activation | None = None
    keep: bool = True
    dispatches: tuple[Dispatch, ...] = ()
    delivery: Delivery | None = None
    checkpoint: Checkpoint | None = None


class Accepted(StrEnum):
    """What became of an acceptance."""

    NEW = "new"
    REPEATED = "repeated"
    FENCED = "fenced"
