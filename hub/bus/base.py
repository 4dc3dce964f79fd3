"""The port of the door bell: what one part tells the others. The record is the database; a lost message loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec


class Subject(StrEnum):
    """What a message is about."""

    ENTITY = "entity"
    IDENTITY = "identity"
    SUBSCRIPTION = "subscription"
    RELEASE = "release"
    CONNECTION = "connection"
    API = "api"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """`key` names what changed: a full name, a uuid, a subscription `ns/trigger`, a serial, an activation id, a base path."""

    subject: Subject
    namespace: str
    key: str


class Bus(Protocol):
    """Messages reach every subscriber of this hub, in the order they were sent by one sender; a slow one delays nobody."""

    def publish(self, message: Message) -> None:
        """Send; never blocks, never raises for what a subscriber does."""

    def subscribe(self, subject: Subject, receive: Callable[[Message], None]) -> Callable[[], None]:
        """Call `receive` (quick, not blocking) for each message; the answer ends it."""

    async def close(self) -> None:
        """Deliver what is under way, then end."""
