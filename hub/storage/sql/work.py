"""The hot writes: accepting events and runs, starting them, ending them. Many callers share one statement a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, select, update

from hub.domain.event import Acceptance, Accepted, Delivery, Dispatch
from hub.storage.base import Ending
from hub.storage.mapping import Row, activation_to_row, dispatch_to_row, event_to_row, read
from hub.storage.sql import counts, insert_for, table_of
from hub.storage.tables import ActivationRow, DeliveryRow, DispatchRow, EventRow, SubscriptionRow

_events = table_of(EventRow)
_dispatches = table_of(DispatchRow)
_deliveries = table_of(DeliveryRow)
_activations = table_of(ActivationRow)
_subscriptions = table_of(SubscriptionRow)

_start_dispatch = update(_dispatches).where(_dispatches.c.activation_id == bindparam("begun")).values(started=_dispatches.c.started + 1)
_move_cursor = (
    update(_subscriptions)
    .where(_subscriptions.c.subscription_id == bindparam("moved"), _subscriptions.c.fence == bindparam("held"))
    .values(cursor=bindparam("cursor_after"))
)
_count_fires = (
    update(_subscriptions)
    .where(_subscriptions.c.subscription_id == bindparam("fired"))
    .values(fires=_subscriptions.c.fires + bindparam("more"))
)
CHUNK = 300
ROWS_AT_ONCE = (64, 8, 1)


def accept(connection: Connection, acceptances: Sequence[Acceptance], now: int, slot: int = 0) -> list[Accepted]:
    """See `Store.accept_all`; `now` dates the delivery keys, `slot` is of the counts."""
    answers = [Accepted.NEW] * len(acceptances)
    _mark_fenced(connection, acceptances, answers)
    _mark_repeated(connection, acceptances, answers, now)
    new = [acceptance for acceptance, answer in zip(acceptances, answers, strict=True) if answer == Accepted.NEW]
    _add(connection, _events, (event_to_row(taken.event) for taken in new if taken.event))
    _add_activations(connection, [activation_to_row(taken.activation) for taken in new if taken.activation and taken.keep], slot)
    _add(connection, _dispatches, (dispatch_to_row(dispatch) for taken in new for dispatch in taken.dispatches))
    fires = Counter(taken.delivery.scope for taken in new if taken.delivery)
    _many(connection, _count_fires, ({"fired": scope, "more": count} for scope, count in fires.items()))
    moved = {
        taken.checkpoint.subscription_id: {
            "moved": taken.checkpoint.subscription_id,
            "held": taken.checkpoint.fence,
            "cursor_after": taken.checkpoint.cursor,
        }
        for taken, answer in zip(acceptances, answers, strict=True)
        if taken.checkpoint and answer != Accepted.FENCED
    }
    _many(connection, _move_cursor, moved.values())
    return answers


def _many(connection: Connection, statement: Any, rows: Iterable[Row]) -> None:
    ready = list(rows)
    if ready:
        connection.execute(statement, ready)


def _add(connection: Connection, table: Table, rows: Iterable[Row], *, ignore: bool = False) -> int:
    """Insert many rows; how many were new, where the database tells.

    On SQLite a statement takes many at once: each step gives up and takes back the interpreter's lock.
    """
    ready = list(rows)
    if not ready:
        return 0
    if connection.dialect.name != "sqlite":
        statement = insert_for(connection.dialect.name, table)
        return connection.execute(statement.on_conflict_do_nothing() if ignore else statement, ready).rowcount
    names = tuple(ready[0])
    added = 0
    for size in ROWS_AT_ONCE:
        while len(ready) >= size:
            part, ready = ready[:size], ready[size:]
            values = tuple(value for row in part for value in row.values())
            added += connection.exec_driver_sql(_insert_text(table.name, names, size, ignore=ignore), values).rowcount
    return added


@lru_cache(maxsize=64)
def _insert_text(table: str, names: tuple[str, ...], count: int, *, ignore: bool) -> str:
    row = f"({', '.join('?' * len(names))})"
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT {'OR IGNORE ' if ignore else ''}INTO {table} ({columns}) VALUES {', '.join([row] * count)}"  # noqa: S608 - names of our own columns


def _add_activations(connection: Connection, rows: list[Row], slot: int) -> None:
    """A record that exists already is kept as it is: one id, one record (reliability P5)."""
    if not rows:
        return
    places = [(row["namespace"], row["path"], row["start"]) for row in rows]
    if connection.dialect.name == "sqlite":
        added = _add(connection, _activations, rows, ignore=True)
    else:
        statement = insert_for(connection.dialect.name, _activations).on_conflict_do_nothing().returning(_activations.c.activation_id)
        added = len(connection.execute(statement, rows).all())
    if added == len(rows):
        counts.move(connection, places, slot=slot)
    else:
        counts.recount(connection, places, slot)


def _remove_dispatches(connection: Connection, activation_ids: list[str]) -> None:
    for chunk in _chunks(activation_ids):
        connection.execute(delete(_dispatches).where(_dispatches.c.activation_id.in_(chunk)))


def _mark_fenced(connection: Connection, acceptances: Sequence[Acceptance], answers: list[Accepted]) -> None:
    wanted = {taken.checkpoint.subscription_id for taken in acceptances if taken.checkpoint}
    if not wanted:
        return
    held: dict[str, int] = {}
    for chunk in _chunks(sorted(wanted)):
        statement = select(_subscriptions.c.subscription_id, _subscriptions.c.fence).where(_subscriptions.c.subscription_id.in_(chunk))
        held |= {row.subscription_id: row.fence for row in connection.execute(statement.with_for_update())}
    for index, taken in enumerate(acceptances):
        if taken.checkpoint and held.get(taken.checkpoint.subscription_id) != taken.checkpoint.fence:
            answers[index] = Accepted.FENCED


def _mark_repeated(connection: Connection, acceptances: Sequence[Acceptance], answers: list[Accepted], now: int) -> None:
    first: dict[Delivery, int] = {}
    for index, taken in enumerate(acceptances):
        if taken.delivery is None or answers[index] == Accepted.FENCED:
            continue
        if taken.delivery in first:
            answers[index] = Accepted.REPEATED
        else:
            first[taken.delivery] = index
    for chunk in _chunks(list(first)):
        rows = [{"scope": delivery.scope, "key": delivery.key, "at": now} for delivery in chunk]
        statement = insert_for(connection.dialect.name, _deliveries).values(rows).on_conflict_do_nothing()
        taken_now = {(row.scope, row.key) for row in connection.execute(statement.returning(_deliveries.c.scope, _deliveries.c.key))}
        for delivery in chunk:
            if (delivery.scope, delivery.key) not in taken_now:
                answers[first[delivery]] = Accepted.REPEATED


def _chunks(items: list[Any]) -> Iterable[list[Any]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def start_dispatches(connection: Connection, activation_ids: Sequence[str]) -> None:
    """See `Store.start_dispatches`."""
    _many(connection, _start_dispatch, ({"begun": activation_id} for activation_id in activation_ids))


def finish(connection: Connection, endings: Sequence[Ending], slot: int = 0) -> None:
    """See `Store.finish`; `slot` is of the counts."""
    _add_activations(connection, [activation_to_row(ending.activation) for ending in endings if ending.keep], slot)
    _remove_dispatches(connection, [ending.activation.activation_id for ending in endings if ending.dispatch])
    _add(connection, _dispatches, (dispatch_to_row(dispatch) for ending in endings for dispatch in ending.next))


def unfinished(connection: Connection) -> list[Dispatch]:
    """See `Store.unfinished`."""
    columns = _dispatches.c
    rows = connection.execute(select(columns.started, columns.document).order_by(columns.at, columns.activation_id))
    return [msgspec.structs.replace(read(Dispatch, row.document), started=row.started) for row in rows]


def has_dispatch(connection: Connection, namespace: str, activation_id: str) -> bool:
    """See `Store.has_dispatch`."""
    columns = _dispatches.c
    found = connection.execute(select(columns.at).where(columns.activation_id == activation_id, columns.namespace == namespace))
    return found.first() is not None
