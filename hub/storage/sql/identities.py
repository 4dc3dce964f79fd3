"""Identities, limits, the data keys of namespaces, sessions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from hub.domain.identity import Identity, NamespaceLimits
from hub.storage.mapping import KeyOf, identity_from_row, identity_to_row, read, text
from hub.storage.sealing import KeyLost, NamespaceKey, Sealer
from hub.storage.sql import insert_for, table_of, upsert
from hub.storage.tables import IdentityRow, NamespaceKeyRow, NamespaceLimitsRow, SessionRow

_identities = table_of(IdentityRow)
_limits = table_of(NamespaceLimitsRow)
_keys = table_of(NamespaceKeyRow)
_sessions = table_of(SessionRow)


def key_of(connection: Connection, namespace: str, sealer: Sealer, *, make: bool) -> NamespaceKey:
    """The namespace's data key; made on first use where writing is allowed. Raises KeyLost."""
    wanted = select(_keys.c.wrapped).where(_keys.c.namespace == namespace)
    wrapped = connection.scalar(wanted)
    if wrapped is None and make:
        fresh = insert_for(connection.dialect.name, _keys).values(namespace=namespace, wrapped=sealer.fresh(namespace))
        connection.execute(fresh.on_conflict_do_nothing())
        wrapped = connection.scalar(wanted)
    if wrapped is None:
        raise KeyLost
    return sealer.unwrapped(namespace, wrapped)


def _with_limits() -> Select[Any]:
    return select(_identities, _limits.c.document).outerjoin(_limits, _limits.c.namespace == _identities.c.namespace)


def get_identity(connection: Connection, uuid: str, keys: KeyOf) -> Identity | None:
    """See `Store.get_identity`."""
    row = connection.execute(_with_limits().where(_identities.c.uuid == uuid)).first()
    return identity_from_row(row, row.document, keys) if row else None


def list_identities(connection: Connection, namespace: str | None, subject: str | None, keys: KeyOf) -> list[Identity]:
    """See `Store.list_identities`."""
    statement = _with_limits().order_by(_identities.c.subject, _identities.c.namespace)
    if namespace is not None:
        statement = statement.where(_identities.c.namespace == namespace)
    if subject is not None:
        statement = statement.where(_identities.c.subject == subject)
    return [identity_from_row(row, row.document, keys) for row in connection.execute(statement)]


def put_identity(connection: Connection, identity: Identity, keys: KeyOf) -> None:
    """See `Store.put_identity`."""
    upsert(connection, IdentityRow, identity_to_row(identity, keys), "subject", "namespace")


def delete_identity(connection: Connection, subject: str, namespace: str | None) -> int:
    """See `Store.delete_identity`."""
    statement = delete(_identities).where(_identities.c.subject == subject)
    if namespace is not None:
        statement = statement.where(_identities.c.namespace == namespace)
    return connection.execute(statement).rowcount


def block_subject(connection: Connection, subject: str, *, blocked: bool) -> int:
    """See `Store.block_subject`."""
    return connection.execute(update(_identities).where(_identities.c.subject == subject).values(blocked=blocked)).rowcount


def get_limits(connection: Connection, namespace: str) -> NamespaceLimits | None:
    """See `Store.get_limits`."""
    document = connection.scalar(select(_limits.c.document).where(_limits.c.namespace == namespace))
    return read(NamespaceLimits, document) if document else None


def put_limits(connection: Connection, namespace: str, limits: NamespaceLimits | None) -> None:
    """See `Store.put_limits`."""
    if limits is None:
        connection.execute(delete(_limits).where(_limits.c.namespace == namespace))
    else:
        upsert(connection, NamespaceLimitsRow, {"namespace": namespace, "document": text(limits)}, "namespace")


def put_session(connection: Connection, digest: str, uuid: str, expires: int) -> None:
    """See `Store.put_session`."""
    upsert(connection, SessionRow, {"digest": digest, "uuid": uuid, "expires": expires}, "digest")


def get_session(connection: Connection, digest: str, now: int) -> str | None:
    """The uuid behind a session that has not expired."""
    found: str | None = connection.scalar(select(_sessions.c.uuid).where(_sessions.c.digest == digest, _sessions.c.expires > now))
    return found


def take_session(connection: Connection, digest: str, now: int) -> str | None:
    """As `get_session`, and the token works no more; expired ones go too."""
    found = get_session(connection, digest, now)
    connection.execute(delete(_sessions).where((_sessions.c.digest == digest) | (_sessions.c.expires <= now)))
    return found


def delete_session(connection: Connection, digest: str) -> None:
    """See `Store.delete_session`."""
    connection.execute(delete(_sessions).where(_sessions.c.digest == digest))
