"""Entities, and the optimistic check that guards their writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.domain.entity import Collection, Entity
from hub.domain.errors import CONCURRENT_MODIFICATION, Conflict, Corrupted
from hub.domain.names import FullName
from hub.storage.base import EntityWrite, Page
from hub.storage.mapping import KeyOf, entity_from_row, entity_to_row
from hub.storage.sql import table_of
from hub.storage.tables import EntityRow
from hub.telemetry.log import get_logger

log = get_logger(__name__)

_table = table_of(EntityRow)
_READ = (_table.c.namespace, _table.c.path, _table.c.collection, _table.c.document)


def get_entity(connection: Connection, name: FullName, key_of: KeyOf) -> Entity | None:
    """See `Store.get_entity`."""
    columns = _table.c
    row = connection.execute(select(*_READ).where(columns.namespace == name.namespace, columns.path == name.path)).first()
    return _entity(row, key_of) if row else None


def _entity(row: Any, key_of: KeyOf) -> Entity:
    try:
        return entity_from_row(row.collection, row.document, key_of)
    except Corrupted:
        log.exception("A stored entity cannot be read", namespace=row.namespace, path=row.path)
        raise


def _matching(
    statement: Select[Any], namespace: str, collection: Collection, package: str | None, *, published: bool | None
) -> Select[Any]:
    statement = statement.where(_table.c.namespace == namespace, _table.c.collection == str(collection))
    if package is not None:
        statement = statement.where(_table.c.package == package)
    if published:
        statement = statement.where(_table.c.public.is_(True))
    return statement


def list_entities(
    connection: Connection,
    namespace: str,
    collection: Collection,
    package: str | None,
    page: Page,
    key_of: KeyOf,
    *,
    published: bool | None,
) -> list[Entity]:
    """See `Store.list_entities`."""
    statement = _matching(select(*_READ), namespace, collection, package, published=published)
    statement = statement.order_by(_table.c.updated.desc(), _table.c.path).limit(page.limit).offset(page.skip)
    return list(_readable(connection.execute(statement), key_of))


def _readable(rows: Iterable[Any], key_of: KeyOf) -> Iterator[Entity]:
    """A row that cannot be read must not hide the others."""
    for row in rows:
        with contextlib.suppress(Corrupted):
            yield _entity(row, key_of)


def count_entities(connection: Connection, namespace: str, collection: Collection, package: str | None, *, published: bool | None) -> int:
    """See `Store.count_entities`."""
    return int(connection.scalar(_matching(select(func.count()), namespace, collection, package, published=published)) or 0)


def write_entities(connection: Connection, writes: Sequence[EntityWrite], key_of: KeyOf) -> None:
    """See `Store.write_entities`. The caller undoes everything when this raises."""
    for write in writes:
        if not _write(connection, write, key_of):
            raise Conflict(CONCURRENT_MODIFICATION)


def _write(connection: Connection, write: EntityWrite, key_of: KeyOf) -> bool:
    mine = (_table.c.namespace == write.name.namespace) & (_table.c.path == write.name.path)
    same = mine & (_table.c.revision == write.expected)
    if write.entity is None:
        return connection.execute(delete(_table).where(same)).rowcount == 1
    row = entity_to_row(msgspec.structs.replace(write.entity, revision=write.expected + 1), key_of)
    if write.expected:
        return connection.execute(update(_table).where(same).values(**row)).rowcount == 1
    try:
        with connection.begin_nested():
            connection.execute(insert(_table).values(**row))
    except IntegrityError:
        return False
    return True
