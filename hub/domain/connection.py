"""Connections: named credentials of a declared type (marketplace §5)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hub.domain.parameters import Json


class ConnectionState(StrEnum):
    """What the last check said."""

    OK = "ok"
    UNTESTED = "untested"
    BROKEN = "broken"


class ConnectionField(msgspec.Struct, frozen=True, kw_only=True):
    """One declared field of a connection; secret ones are write-only."""

    name: str
    description: str = ""
    type: str = "string"
    required: bool = False
    secret: bool = False
    default: Json = None


class ConnectionType(msgspec.Struct, frozen=True, kw_only=True):
    """What a package declares: fields, which action parameter each fills, and the action that tests them."""

    name: str
    type: str
    fields: tuple[ConnectionField, ...]
    required: bool = True
    parameters: dict[str, str] = {}
    check: str | None = None
    docs: str = ""

    @property
    def secret_fields(self) -> tuple[str, ...]:
        """Names of the fields that are never shown."""
        return tuple(field.name for field in self.fields if field.secret)


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A stored connection of a namespace. `fields` are in clear in memory and sealed at rest; only plain ones are ever shown."""

    connection_id: str
    namespace: str
    name: str
    package: str
    type: ConnectionType
    fields: dict[str, Json]
    state: ConnectionState
    changed: int
    account: str = ""
    message: str = ""
