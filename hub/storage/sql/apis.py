"""Created APIs, and the optimistic check that guards their writes."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.domain.api import Api
from hub.domain.errors import CONCURRENT_MODIFICATION, Conflict
from hub.storage.mapping import KeyOf, api_from_row, api_to_row
from hub.storage.sql import table_of
from hub.storage.tables import ApiRow

_table = table_of(ApiRow)


def _at(namespace: str, base_path: str) -> Any:
    return (_table.c.namespace == namespace) & (_table.c.base_path == base_path)


def get_api(connection: Connection, namespace: str, base_path: str, keys: KeyOf) -> Api | None:
    """See `Store.get_api`."""
    row = connection.execute(select(_table).where(_at(namespace, base_path))).first()
    return api_from_row(row, keys) if row else None


def list_apis(connection: Connection, namespace: str | None, tenant: str | None, keys: KeyOf) -> list[Api]:
    """See `Store.list_apis`."""
    statement = select(_table).order_by(_table.c.namespace, _table.c.base_path)
    if namespace is not None:
        statement = statement.where(_table.c.namespace == namespace)
    if tenant is not None:
        statement = statement.where(_table.c.tenant == tenant)
    return [api_from_row(row, keys) for row in connection.execute(statement)]


def put_api(connection: Connection, api: Api, keys: KeyOf) -> None:
    """See `Store.put_api`."""
    row = api_to_row(msgspec.structs.replace(api, revision=api.revision + 1), keys)
    if api.revision:
        same = _at(api.namespace, api.base_path) & (_table.c.revision == api.revision)
        if connection.execute(update(_table).where(same).values(**row)).rowcount != 1:
            raise Conflict(CONCURRENT_MODIFICATION)
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(_table).values(**row))
    except IntegrityError as error:
        raise Conflict(CONCURRENT_MODIFICATION) from error


def delete_api(connection: Connection, api: Api) -> None:
    """See `Store.delete_api`."""
    same = _at(api.namespace, api.base_path) & (_table.c.revision == api.revision)
    if connection.execute(delete(_table).where(same)).rowcount != 1:
        raise Conflict(CONCURRENT_MODIFICATION)
