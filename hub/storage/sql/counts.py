"""How many records there are, kept beside them: by namespace, path and ten minutes, so that nobody counts a million rows to answer.

Every commit that adds or removes records moves the counts. `slot` keeps those apart who write at the same time; a count is the sum of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from hub.storage.base import ActivationFilter, Page
from hub.storage.sql import insert_for, table_of
from hub.storage.tables import ActivationCountRow, ActivationRow

SPAN = 600_000
"""In milliseconds."""
FAR = 1_000
"""From so many rows on it pays to look where they end."""
_ALL = ""
"""The path that stands for all of them."""
_INTO = "INSERT INTO activation_counts (namespace, path, span, slot, total)"
COUNT_ALL = (
    f"{_INTO} SELECT namespace, path, start / {SPAN}, 0, count(*) FROM activations GROUP BY namespace, path, start / {SPAN}",  # noqa: S608 - our own names
    f"{_INTO} SELECT namespace, '', span, 0, sum(total) FROM activation_counts GROUP BY namespace, span",  # noqa: S608 - as above
)
"""Counts everything anew into an empty table: each path for itself, then all together."""
_table = table_of(ActivationCountRow)
_records = table_of(ActivationRow)
Key = tuple[str, str, int]
Place = tuple[str, str, int]
"""Namespace, path and start of a record."""


def move(connection: Connection, places: Iterable[Place], sign: int = 1, slot: int = 0) -> None:
    """Records were added, or (`sign` -1) removed."""
    changes: Counter[Key] = Counter()
    for namespace, path, start in places:
        span = start // SPAN
        changes[namespace, _ALL, span] += sign
        changes[namespace, path, span] += sign
    if not changes:
        return
    # In one order, so that two who write at the same time wait for one another at the most.
    rows = [_row(key, changes[key], slot) for key in sorted(changes)]
    connection.execute(_adding(connection.dialect.name), rows)
    if sign < 0:
        connection.execute(_forget, [{"of": key[0], "at": key[1], "in": key[2]} for key in sorted(changes)])


def recount(connection: Connection, places: Iterable[Place], slot: int = 0) -> None:
    """Some of these records were there already: count anew where they lie."""
    keys = {(namespace, path, start // SPAN) for namespace, of, start in places for path in (_ALL, of)}
    for namespace, path, span in sorted(keys):
        where = ActivationFilter(path=path or None, since=span * SPAN, upto=(span + 1) * SPAN - 1)
        there = int(connection.scalar(within(select(func.count()).select_from(_records), namespace, where)) or 0)
        missing = there - _sum(connection, namespace, path, span, span)
        connection.execute(_adding(connection.dialect.name), [_row((namespace, path, span), missing, slot)])


@lru_cache(maxsize=2)
def _adding(dialect: str) -> Any:
    statement = insert_for(dialect, _table)
    more = {"total": _table.c.total + statement.excluded.total}
    return statement.on_conflict_do_update(index_elements=list(_table.primary_key), set_=more)


def _row(key: Key, total: int, slot: int) -> dict[str, Any]:
    namespace, path, span = key
    return {"namespace": namespace, "path": path, "span": span, "slot": slot, "total": total}


def _forget_statement() -> Any:
    same = (_table.c.namespace == bindparam("of"), _table.c.path == bindparam("at"), _table.c.span == bindparam("in"))
    return delete(_table).where(*same, select(func.sum(_table.c.total)).where(*same).scalar_subquery() == 0)


_forget = _forget_statement()


def within(statement: Any, namespace: str, where: ActivationFilter) -> Any:
    """A statement over the records, narrowed to those that fit."""
    statement = statement.where(_records.c.namespace == namespace)
    if where.path is not None:
        statement = statement.where(_records.c.path == where.path)
    if where.since is not None:
        statement = statement.where(_records.c.start >= where.since)
    if where.upto is not None:
        statement = statement.where(_records.c.start <= where.upto)
    return statement


def _sum(connection: Connection, namespace: str, path: str, first: int | None, last: int | None) -> int:
    statement = select(func.sum(_table.c.total)).where(_table.c.namespace == namespace, _table.c.path == path)
    return int(connection.scalar(_between(statement, first, last)) or 0)


def _between(statement: Any, first: int | None, last: int | None) -> Any:
    if first is not None:
        statement = statement.where(_table.c.span >= first)
    return statement if last is None else statement.where(_table.c.span <= last)


def _whole_spans(where: ActivationFilter) -> tuple[int | None, int | None]:
    """The first and the last span that lie in it as a whole; None where it has no end."""
    first = None if where.since is None else -(-where.since // SPAN)
    last = None if where.upto is None else (where.upto + 1) // SPAN - 1
    return first, last


def total(connection: Connection, namespace: str, where: ActivationFilter) -> int:
    """How many records fit: whole spans are known, what is left at both ends is counted."""
    first, last = _whole_spans(where)
    counting = select(func.count()).select_from(_records)
    if first is not None and last is not None and first > last:
        return int(connection.scalar(within(counting, namespace, where)) or 0)
    found = _sum(connection, namespace, where.path or _ALL, first, last)
    for edge in _edges(where, first, last):
        found += int(connection.scalar(within(counting, namespace, edge)) or 0)
    return found


def _edges(where: ActivationFilter, first: int | None, last: int | None) -> list[ActivationFilter]:
    """What lies before the first whole span, and after the last."""
    edges = []
    if first is not None and where.since is not None and where.since < first * SPAN:
        edges.append(ActivationFilter(path=where.path, since=where.since, upto=first * SPAN - 1))
    if last is not None and where.upto is not None and where.upto >= (last + 1) * SPAN:
        edges.append(ActivationFilter(path=where.path, since=(last + 1) * SPAN, upto=where.upto))
    return edges


def nearer(connection: Connection, namespace: str, where: ActivationFilter, page: Page) -> tuple[ActivationFilter, int]:
    """The same page, said so that few rows have to be passed over: a filter that begins near it, and how many of its rows to skip."""
    first, last = _whole_spans(where)
    if page.skip < FAR or (first is not None and last is not None and first > last):
        return where, page.skip
    newest = _edges(ActivationFilter(path=where.path, upto=where.upto), None, last)
    left = page.skip - sum(total(connection, namespace, edge) for edge in newest)
    if left < 0:
        return where, page.skip
    upto = None if last is None else (last + 1) * SPAN - 1
    for span, rows in _spans(connection, namespace, where.path or _ALL, first, last):
        upto = (span + 1) * SPAN - 1
        if left < rows:
            break
        left -= rows
        upto = span * SPAN - 1
    return ActivationFilter(path=where.path, since=where.since, upto=upto), left


def _spans(connection: Connection, namespace: str, path: str, first: int | None, last: int | None) -> Sequence[Any]:
    statement = select(_table.c.span, func.sum(_table.c.total)).where(_table.c.namespace == namespace, _table.c.path == path)
    statement = _between(statement, first, last).group_by(_table.c.span).order_by(_table.c.span.desc())
    return connection.execute(statement).all()
