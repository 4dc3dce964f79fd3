"""Subscriptions, connections, installs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection as Link
from sqlalchemy import Table, delete, select
from sqlalchemy.exc import IntegrityError

from hub.domain.connection import Connection
from hub.domain.errors import Conflict
from hub.domain.feed import Subscription
from hub.domain.release import Install
from hub.storage.mapping import (
    KeyOf,
    Row,
    connection_from_row,
    connection_to_row,
    install_to_row,
    read,
    subscription_from_row,
    subscription_to_row,
)
from hub.storage.sql import table_of, upsert
from hub.storage.tables import ConnectionRow, InstallRow, SubscriptionRow

_subscriptions = table_of(SubscriptionRow)
_connections = table_of(ConnectionRow)
_installs = table_of(InstallRow)


def put_subscription(link: Link, subscription: Subscription, keys: KeyOf) -> None:
    """See `Store.put_subscription`."""
    upsert(link, SubscriptionRow, subscription_to_row(subscription, keys), "namespace", "trigger")


def _subscription(link: Link, condition: Any, keys: KeyOf) -> Subscription | None:
    row = link.execute(select(_subscriptions).where(condition)).first()
    return subscription_from_row(row, keys) if row else None


def get_subscription(link: Link, namespace: str, trigger: str, keys: KeyOf) -> Subscription | None:
    """See `Store.get_subscription`."""
    return _subscription(link, (_subscriptions.c.namespace == namespace) & (_subscriptions.c.trigger == trigger), keys)


def get_subscription_by_hook(link: Link, hook: str, keys: KeyOf) -> Subscription | None:
    """See `Store.get_subscription_by_hook`."""
    return _subscription(link, _subscriptions.c.hook == hook, keys)


def list_subscriptions(link: Link, namespace: str | None, keys: KeyOf) -> list[Subscription]:
    """See `Store.list_subscriptions`."""
    statement = select(_subscriptions).order_by(_subscriptions.c.namespace, _subscriptions.c.trigger)
    if namespace is not None:
        statement = statement.where(_subscriptions.c.namespace == namespace)
    return [subscription_from_row(row, keys) for row in link.execute(statement)]


def delete_subscription(link: Link, namespace: str, trigger: str) -> bool:
    """See `Store.delete_subscription`."""
    mine = (_subscriptions.c.namespace == namespace) & (_subscriptions.c.trigger == trigger)
    return link.execute(delete(_subscriptions).where(mine)).rowcount > 0


def _put(link: Link, model: type[ConnectionRow | InstallRow], row: Row, key: str, message: str) -> None:
    try:
        with link.begin_nested():
            upsert(link, model, row, key)
    except IntegrityError as error:
        raise Conflict(message, field="name") from error


def put_connection(link: Link, connection: Connection, keys: KeyOf) -> None:
    """See `Store.put_connection`."""
    row = connection_to_row(connection, keys)
    _put(link, ConnectionRow, row, "connection_id", f"There is a connection named {connection.name} already.")


def get_connection(link: Link, namespace: str, name: str, keys: KeyOf) -> Connection | None:
    """See `Store.get_connection`."""
    document = link.scalar(_named(_connections, namespace, name))
    return connection_from_row(document, keys) if document else None


def _named(table: Table, namespace: str, name: str) -> Any:
    return select(table.c.document).where(table.c.namespace == namespace, table.c.name == name)


def _listed(table: Table, namespace: str) -> Any:
    return select(table.c.document).where(table.c.namespace == namespace).order_by(table.c.name)


def _removed(link: Link, table: Table, namespace: str, name: str) -> bool:
    return link.execute(delete(table).where(table.c.namespace == namespace, table.c.name == name)).rowcount > 0


def list_connections(link: Link, namespace: str, keys: KeyOf) -> list[Connection]:
    """See `Store.list_connections`."""
    return [connection_from_row(document, keys) for document in link.scalars(_listed(_connections, namespace))]


def delete_connection(link: Link, namespace: str, name: str) -> bool:
    """See `Store.delete_connection`."""
    return _removed(link, _connections, namespace, name)


def put_install(link: Link, install: Install) -> None:
    """See `Store.put_install`."""
    _put(link, InstallRow, install_to_row(install), "install_id", f"There is an install named {install.name} already.")


def get_install(link: Link, namespace: str, name: str) -> Install | None:
    """See `Store.get_install`."""
    document = link.scalar(_named(_installs, namespace, name))
    return read(Install, document) if document else None


def list_installs(link: Link, namespace: str) -> list[Install]:
    """See `Store.list_installs`."""
    return [read(Install, document) for document in link.scalars(_listed(_installs, namespace))]


def delete_install(link: Link, namespace: str, name: str) -> bool:
    """See `Store.delete_install`."""
    return _removed(link, _installs, namespace, name)
