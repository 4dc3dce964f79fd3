"""Reading records, and removing old ones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, exists, null, select, update

from hub.domain.activation import Activation
from hub.domain.names import activation_ids_before
from hub.storage.base import ActivationFilter, Page, RetentionCut
from hub.storage.mapping import activation_from_row
from hub.storage.sql import counts, table_of
from hub.storage.tables import ActivationRow, DeliveryRow, DispatchRow, EventRow

_table = table_of(ActivationRow)
_events = table_of(EventRow)
_dispatches = table_of(DispatchRow)
_deliveries = table_of(DeliveryRow)


def get_activation(connection: Connection, namespace: str, activation_id: str) -> Activation | None:
    """See `Store.get_activation`."""
    row = connection.execute(
        select(_table.c.document, _table.c.logs).where(_table.c.activation_id == activation_id, _table.c.namespace == namespace)
    ).first()
    return activation_from_row(row.document, row.logs) if row else None


def list_activations(connection: Connection, namespace: str, where: ActivationFilter, page: Page, *, logs: bool) -> list[Activation]:
    """See `Store.list_activations`."""
    near, skip = counts.nearer(connection, namespace, where, page)
    columns = (_table.c.document, _table.c.logs if logs else null().label("logs"))
    statement = counts.within(select(*columns), namespace, near)
    statement = statement.order_by(_table.c.start.desc(), _table.c.activation_id.desc()).limit(page.limit).offset(skip)
    return [activation_from_row(row.document, row.logs) for row in connection.execute(statement)]


def _before(column: Any, milliseconds: int) -> Any:
    """Ids begin with their time, so their own index finds the old ones."""
    return column < activation_ids_before(milliseconds)


def sweep(connection: Connection, cut: RetentionCut) -> int:
    """See `Store.sweep`. Records of unfinished events stay with them."""
    gone = 0
    if cut.activations_before is not None:
        busy = exists().where(_dispatches.c.event_id == _table.c.activation_id)
        old = select(_table.c.activation_id).where(
            _before(_table.c.activation_id, cut.activations_before), _table.c.start < cut.activations_before, ~busy
        )
        old = old.order_by(_table.c.activation_id).limit(cut.batch)
        removing = delete(_table).where(_table.c.activation_id.in_(old)).returning(_table.c.namespace, _table.c.path, _table.c.start)
        removed = [(row.namespace, row.path, row.start) for row in connection.execute(removing)]
        counts.move(connection, removed, -1)
        gone += len(removed)
    if cut.logs_before is not None:
        wordy = select(_table.c.activation_id).where(_before(_table.c.activation_id, cut.logs_before), _table.c.logs.is_not(None))
        wordy = wordy.order_by(_table.c.activation_id).limit(cut.batch)
        gone += connection.execute(update(_table).where(_table.c.activation_id.in_(wordy)).values(logs=None)).rowcount
    if cut.events_before is not None:
        busy = exists().where(_dispatches.c.event_id == _events.c.event_id)
        past = (
            select(_events.c.event_id)
            .where(_before(_events.c.event_id, cut.events_before), ~busy)
            .order_by(_events.c.event_id)
            .limit(cut.batch)
        )
        gone += connection.execute(delete(_events).where(_events.c.event_id.in_(past))).rowcount
    if cut.deliveries_before is not None:
        keys = _deliveries.c
        spent = select(keys.scope, keys.key).where(keys.at < cut.deliveries_before).order_by(keys.at).limit(cut.batch)
        for row in connection.execute(spent).all():
            gone += connection.execute(delete(_deliveries).where(keys.scope == row.scope, keys.key == row.key)).rowcount
    return gone
