"""The tables, the same for every database. Documents are JSON text of the domain's structs; columns are what is searched by.

Times are milliseconds since the epoch. Every row of a tenant carries its namespace.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


def _text(*, primary: bool = False, nullable: bool = False) -> Column[str]:
    return Column(Text, primary_key=primary, nullable=nullable and not primary)


def _number(*, primary: bool = False, nullable: bool = False, default: int | None = None) -> Column[int]:
    return Column(BigInteger, primary_key=primary, nullable=nullable, server_default=None if default is None else str(default))


class EntityRow(SQLModel, table=True):
    """Actions, packages, triggers and rules: one key space in a namespace. `path` is `[package/]name`."""

    __tablename__ = "entities"
    __table_args__ = (Index("entities_by_collection", "namespace", "collection", "updated"),)

    namespace: str = Field(sa_column=_text(primary=True))
    path: str = Field(sa_column=_text(primary=True))
    collection: str = Field(sa_column=_text())
    package: str | None = Field(default=None, sa_column=_text(nullable=True))
    public: bool = False
    updated: int = Field(sa_column=_number())
    revision: int = Field(sa_column=_number())
    document: str = Field(sa_column=_text())


class IdentityRow(SQLModel, table=True):
    """Keys of subjects in namespaces; the key itself is sealed."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("subject", "namespace"), Index("identities_by_namespace", "namespace"))

    uuid: str = Field(sa_column=_text(primary=True))
    subject: str = Field(sa_column=_text())
    namespace: str = Field(sa_column=_text())
    key: str = Field(sa_column=_text())
    blocked: bool = False
    operator: bool = False
    previous_key: str | None = Field(default=None, sa_column=_text(nullable=True))
    previous_until: int = Field(default=0, sa_column=_number())


class NamespaceLimitsRow(SQLModel, table=True):
    """Limits that differ from the hub's defaults."""

    __tablename__ = "namespace_limits"

    namespace: str = Field(sa_column=_text(primary=True))
    document: str = Field(sa_column=_text())


class NamespaceKeyRow(SQLModel, table=True):
    """The data key of a namespace, wrapped."""

    __tablename__ = "namespace_keys"

    namespace: str = Field(sa_column=_text(primary=True))
    wrapped: str = Field(sa_column=_text())


class EventRow(SQLModel, table=True):
    """What fired a trigger."""

    __tablename__ = "events"

    event_id: str = Field(sa_column=_text(primary=True))
    namespace: str = Field(sa_column=_text())
    trigger: str = Field(sa_column=_text())
    at: int = Field(sa_column=_number())
    source: str = Field(sa_column=_text())
    payload: str = Field(sa_column=_text())


class DispatchRow(SQLModel, table=True):
    """Runs that must still happen; gone with the commit of their record."""

    __tablename__ = "dispatches"
    __table_args__ = (Index("dispatches_by_event", "event_id"),)

    activation_id: str = Field(sa_column=_text(primary=True))
    namespace: str = Field(sa_column=_text())
    event_id: str | None = Field(default=None, sa_column=_text(nullable=True))
    at: int = Field(sa_column=_number())
    started: int = Field(sa_column=_number())
    document: str = Field(sa_column=_text())


class DeliveryRow(SQLModel, table=True):
    """Keys that are taken once."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("deliveries_by_time", "at"),)

    scope: str = Field(sa_column=_text(primary=True))
    key: str = Field(sa_column=_text(primary=True))
    at: int = Field(sa_column=_number())


class ActivationRow(SQLModel, table=True):
    """Records. Logs have a column of their own, because they may go earlier."""

    __tablename__ = "activations"
    __table_args__ = (
        Index("activations_by_start", "namespace", "start"),
        Index("activations_by_path", "namespace", "path", "start"),
    )

    activation_id: str = Field(sa_column=_text(primary=True))
    namespace: str = Field(sa_column=_text())
    path: str = Field(sa_column=_text())
    start: int = Field(sa_column=_number())
    document: str = Field(sa_column=_text())
    logs: str | None = Field(default=None, sa_column=_text(nullable=True))


class ActivationCountRow(SQLModel, table=True):
    """How many records began in a span of ten minutes; `path` empty: of all paths. Who write at the same time have a slot each."""

    __tablename__ = "activation_counts"

    namespace: str = Field(sa_column=_text(primary=True))
    path: str = Field(sa_column=_text(primary=True))
    span: int = Field(sa_column=_number(primary=True))
    slot: int = Field(sa_column=_number(primary=True))
    total: int = Field(sa_column=_number())


class SubscriptionRow(SQLModel, table=True):
    """Feeds at work. Cursor, fence and fires are columns, because every commit of a feed moves them."""

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("namespace", "trigger"), UniqueConstraint("hook"))

    subscription_id: str = Field(sa_column=_text(primary=True))
    namespace: str = Field(sa_column=_text())
    trigger: str = Field(sa_column=_text())
    hook: str | None = Field(default=None, sa_column=_text(nullable=True))
    cursor: str | None = Field(default=None, sa_column=_text(nullable=True))
    fence: int = Field(sa_column=_number())
    fires: int = Field(sa_column=_number())
    document: str = Field(sa_column=_text())


class ConnectionRow(SQLModel, table=True):
    """Connections; secret fields inside the document are sealed."""

    __tablename__ = "connections"
    __table_args__ = (UniqueConstraint("namespace", "name"),)

    connection_id: str = Field(sa_column=_text(primary=True))
    namespace: str = Field(sa_column=_text())
    name: str = Field(sa_column=_text())
    document: str = Field(sa_column=_text())


class InstallRow(SQLModel, table=True):
    """Installed releases."""

    __tablename__ = "installs"
    __table_args__ = (UniqueConstraint("namespace", "name"),)

    install_id: str = Field(sa_column=_text(primary=True))
    namespace: str = Field(sa_column=_text())
    name: str = Field(sa_column=_text())
    document: str = Field(sa_column=_text())


class ApiRow(SQLModel, table=True):
    """Created APIs. The document is sealed as a whole, since secure keys may stand anywhere in it."""

    __tablename__ = "apis"
    __table_args__ = (Index("apis_by_tenant", "tenant"),)

    namespace: str = Field(sa_column=_text(primary=True))
    base_path: str = Field(sa_column=_text(primary=True))
    tenant: str = Field(sa_column=_text())
    updated: int = Field(sa_column=_number())
    revision: int = Field(sa_column=_number())
    document: str = Field(sa_column=_text())


class SessionRow(SQLModel, table=True):
    """Signed-in browsers and one-time links, by the digest of their token."""

    __tablename__ = "sessions"

    digest: str = Field(sa_column=_text(primary=True))
    uuid: str = Field(sa_column=_text())
    expires: int = Field(sa_column=_number())


class ReleaseRow(SQLModel, table=True):
    """The catalog. `serial` grows with every change, so that any index can follow."""

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("serial"),)

    namespace: str = Field(sa_column=_text(primary=True))
    name: str = Field(sa_column=_text(primary=True))
    version: str = Field(sa_column=_text(primary=True))
    digest: str = Field(sa_column=_text())
    serial: int = Field(sa_column=_number())
    document: str = Field(sa_column=_text())


metadata = SQLModel.metadata
