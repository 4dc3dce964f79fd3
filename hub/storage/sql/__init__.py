"""The statements, as plain functions over a SQLAlchemy connection, the same for every database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite
from sqlmodel import SQLModel


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def insert_for(dialect: str, table: Table) -> Any:
    """The dialect's own INSERT, which knows `ON CONFLICT`."""
    if dialect != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - with all its drivers, which the others never need

    return postgresql.insert(table)


def upsert(connection: Connection, model: type[SQLModel], row: dict[str, Any], *key: str) -> None:
    """Insert, or replace what has the same key."""
    statement = insert_for(connection.dialect.name, table_of(model)).values(**row)
    changes = {name: value for name, value in row.items() if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changes))
