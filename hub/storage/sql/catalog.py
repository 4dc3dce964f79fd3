"""Releases and the change serial that indexes follow."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from hub.domain.errors import Conflict, NotFound
from hub.domain.release import Release
from hub.storage.mapping import read, release_to_row
from hub.storage.sql import table_of
from hub.storage.tables import ReleaseRow

_table = table_of(ReleaseRow)


def _next_serial(connection: Connection) -> int:
    """One after the newest. Two writers that take the same number meet the unique key, and one of them tries again."""
    return int(connection.scalar(select(func.coalesce(func.max(_table.c.serial), 0))) or 0) + 1


def add_release(connection: Connection, release: Release) -> Release:
    """See `Store.add_release`."""
    known = get_release(connection, release.namespace, release.name, release.version)
    if known is not None:
        if known.digest != release.digest:
            raise Conflict(
                f"{release.full_name} {release.version} is released already with the digest {known.digest[:12]}…; this artefact has "
                f"{release.digest[:12]}…. A release never changes: give it a new version.",
                field="version",
            )
        return known
    added = msgspec.structs.replace(release, serial=_next_serial(connection))
    connection.execute(insert(_table).values(**release_to_row(added)))
    return added


def get_release(connection: Connection, namespace: str, name: str, version: str) -> Release | None:
    """See `Store.get_release`."""
    document = connection.scalar(
        select(_table.c.document).where(_table.c.namespace == namespace, _table.c.name == name, _table.c.version == version)
    )
    return read(Release, document) if document else None


def list_releases(connection: Connection, namespace: str, name: str) -> list[Release]:
    """See `Store.list_releases`."""
    rows = connection.scalars(select(_table.c.document).where(_table.c.namespace == namespace, _table.c.name == name))
    return sorted((read(Release, document) for document in rows), key=lambda release: (release.released, release.serial), reverse=True)


def releases_since(connection: Connection, serial: int, limit: int) -> list[Release]:
    """See `Store.releases_since`."""
    rows = connection.scalars(select(_table.c.document).where(_table.c.serial > serial).order_by(_table.c.serial).limit(limit))
    return [read(Release, document) for document in rows]


def set_release_status(connection: Connection, release: Release) -> Release:
    """See `Store.set_release_status`."""
    known = get_release(connection, release.namespace, release.name, release.version)
    if known is None:
        raise NotFound
    changed = msgspec.structs.replace(known, status=release.status, serial=_next_serial(connection))
    mine = (_table.c.namespace == known.namespace) & (_table.c.name == known.name) & (_table.c.version == known.version)
    connection.execute(update(_table).where(mine).values(**release_to_row(changed)))
    return changed
