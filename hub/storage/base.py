"""The port of the record: what every storage driver promises.

The database is the record (reliability §2). Whatever is answered 202, 2xx to a webhook, or "stored", is committed first.
`accept` and `finish` are the hot writes: they are gathered into group commits (≤ 5 ms) and return after the commit that holds them.
Times are milliseconds since the epoch. Every row carries its namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from hub.domain.activation import Activation
from hub.domain.api import Api
from hub.domain.connection import Connection
from hub.domain.entity import Collection, Entity
from hub.domain.event import Acceptance, Accepted, Dispatch
from hub.domain.feed import Subscription
from hub.domain.identity import Identity, NamespaceLimits
from hub.domain.names import FullName
from hub.domain.release import Install, Release

E = TypeVar("E", bound=Entity)


class EntityWrite(msgspec.Struct, frozen=True, kw_only=True):
    """One entity to store, or (`entity` None) to remove. `expected` is the revision it must still have; 0 means: must not exist."""

    name: FullName
    expected: int
    entity: Entity | None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of a list."""

    limit: int = 30
    skip: int = 0


class ActivationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is the one filter key of a record (openwhisk-api §8.1); `since` and `upto` are inclusive."""

    path: str | None = None
    since: int | None = None
    upto: int | None = None


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit ends: the record is added once (unless not `keep`), the dispatch is removed, next dispatches are added."""

    activation: Activation
    keep: bool = True
    dispatch: bool = False
    next: tuple[Dispatch, ...] = ()


class RetentionCut(msgspec.Struct, frozen=True, kw_only=True):
    """Everything finished before these times may go, at most `batch` rows a call. None keeps that kind."""

    activations_before: int | None = None
    logs_before: int | None = None
    events_before: int | None = None
    deliveries_before: int | None = None
    batch: int = 500


class Store(Protocol):
    """The record."""

    async def open(self) -> None:
        """Connect and bring the schema up to date. Raises SchemaTooNew when the database was written by a newer program."""

    async def close(self) -> None:
        """Commit what is gathered, checkpoint, disconnect."""

    async def ping(self) -> None:
        """Return when the database answers; raise what it says otherwise."""

    # Entities: actions, packages, triggers, rules share one key space in a namespace.

    async def get_entity(self, name: FullName) -> Entity | None:
        """The entity of that name whatever its collection, or None. Raises Corrupted when what is stored cannot be read."""

    async def list_entities(
        self, namespace: str, collection: Collection, *, package: str | None = None, published: bool | None = None, page: Page
    ) -> list[Entity]:
        """Newest first (`updated`, then name); one that cannot be read is left out.

        `package` keeps the actions of one package. `published` True keeps public packages that are no bindings.
        """

    async def count_entities(
        self, namespace: str, collection: Collection, *, package: str | None = None, published: bool | None = None
    ) -> int:
        """How many `list_entities` would find without a page."""

    async def write_entities(self, writes: Sequence[EntityWrite]) -> None:
        """Apply all writes in one commit, or none. Raises Conflict (`CONCURRENT_MODIFICATION`) when a revision is not the expected one.

        The stored revision becomes `expected + 1`, whatever the entity says.
        """

    # Identities

    async def get_identity(self, uuid: str) -> Identity | None:
        """The identity of a key's uuid, or None. Blocked ones are returned, marked."""

    async def list_identities(self, *, namespace: str | None = None, subject: str | None = None) -> list[Identity]:
        """Identities of a namespace, of a subject, or all; by subject, then namespace."""

    async def put_identity(self, identity: Identity) -> None:
        """Add or replace by `(subject, namespace)`; the key is sealed at rest."""

    async def delete_identity(self, subject: str, namespace: str | None = None) -> int:
        """Remove one or all of a subject's identities; how many went."""

    async def block_subject(self, subject: str, *, blocked: bool) -> int:
        """Mark all identities of the subject; how many were found."""

    async def get_limits(self, namespace: str) -> NamespaceLimits | None:
        """Limits set for the namespace, or None."""

    async def put_limits(self, namespace: str, limits: NamespaceLimits | None) -> None:
        """Set or (None) delete the namespace's limits."""

    # Work

    async def accept(self, acceptance: Acceptance) -> Accepted:
        """Take it in; returns after the commit.

        REPEATED: the delivery was taken before, nothing but the checkpoint was written.
        FENCED: somebody newer holds the subscription, nothing was written.
        """

    async def accept_all(self, acceptances: Sequence[Acceptance]) -> list[Accepted]:
        """Take several in, all in one commit, in order."""

    async def start_dispatches(self, activation_ids: Sequence[str]) -> None:
        """Note that an attempt of each began. Unknown ids are passed over (they ended already)."""

    async def unfinished(self) -> list[Dispatch]:
        """Every dispatch without an end, oldest first. Read at start only."""

    async def has_dispatch(self, namespace: str, activation_id: str) -> bool:
        """Whether accepted work of that id waits or is under way."""

    async def finish(self, endings: Sequence[Ending]) -> None:
        """Store records and next steps, remove dispatches; one commit. A record that exists already is kept as it is."""

    # Activations

    async def get_activation(self, namespace: str, activation_id: str) -> Activation | None:
        """The record, or None."""

    async def list_activations(self, namespace: str, where: ActivationFilter, page: Page, *, logs: bool = True) -> list[Activation]:
        """Newest first by `start`, then id; on request without their logs, which are not even read then."""

    async def count_activations(self, namespace: str, where: ActivationFilter) -> int:
        """How many there are."""

    # Feeds

    async def put_subscription(self, subscription: Subscription) -> None:
        """Add or replace by `(namespace, trigger)`. Cursor and fires are kept as given; settings' secrets are sealed at rest."""

    async def get_subscription(self, namespace: str, trigger: str) -> Subscription | None:
        """The subscription that drives this trigger, or None."""

    async def get_subscription_by_hook(self, hook: str) -> Subscription | None:
        """The subscription behind an address under `/hooks/`, or None."""

    async def list_subscriptions(self, *, namespace: str | None = None) -> list[Subscription]:
        """All subscriptions, or those of a namespace; by namespace, then trigger."""

    async def delete_subscription(self, namespace: str, trigger: str) -> bool:
        """Remove it; whether there was one."""

    # Created APIs

    async def get_api(self, namespace: str, base_path: str) -> Api | None:
        """The API at that base path, or None."""

    async def list_apis(self, *, namespace: str | None = None, tenant: str | None = None) -> list[Api]:
        """Those of a namespace, of a tenant, or all; by namespace, then base path."""

    async def put_api(self, api: Api) -> None:
        """Add (revision 0) or replace the one with its revision; the stored revision is one more. The document is sealed at rest.

        Raises Conflict (`CONCURRENT_MODIFICATION`) when there is another revision, or one already.
        """

    async def delete_api(self, api: Api) -> None:
        """Remove it. Raises Conflict (`CONCURRENT_MODIFICATION`) when it has another revision, or is gone."""

    # Connections, installs, sessions

    async def put_connection(self, connection: Connection) -> None:
        """Add or replace by `connection_id`; `(namespace, name)` is unique (Conflict). Secret fields are sealed at rest."""

    async def get_connection(self, namespace: str, name: str) -> Connection | None:
        """The connection of that name, or None."""

    async def list_connections(self, namespace: str) -> list[Connection]:
        """By name."""

    async def delete_connection(self, namespace: str, name: str) -> bool:
        """Remove it; whether there was one."""

    async def put_install(self, install: Install) -> None:
        """Add or replace by `install_id`; `(namespace, name)` is unique (Conflict)."""

    async def get_install(self, namespace: str, name: str) -> Install | None:
        """The install under that name, or None."""

    async def list_installs(self, namespace: str) -> list[Install]:
        """By name."""

    async def delete_install(self, namespace: str, name: str) -> bool:
        """Remove it; whether there was one."""

    async def put_session(self, digest: str, uuid: str, expires: int) -> None:
        """Keep a signed-in browser, by the SHA-256 (hex) of its token."""

    async def take_session(self, digest: str, now: int, *, once: bool) -> str | None:
        """The uuid behind a token that has not expired, or None; `once` removes it, so that a link works one time."""

    async def delete_session(self, digest: str) -> None:
        """Sign out; nothing happens when there is no such session."""

    # Catalog

    async def add_release(self, release: Release) -> Release:
        """Add an immutable release and give it the next change serial.

        Raises Conflict when that version exists with another digest;
        with the same digest the stored one is returned.
        """

    async def get_release(self, namespace: str, name: str, version: str) -> Release | None:
        """One release, or None."""

    async def list_releases(self, namespace: str, name: str) -> list[Release]:
        """All releases of a listing, in the order they were released, newest first."""

    async def releases_since(self, serial: int, limit: int) -> list[Release]:
        """Releases changed after `serial`, in serial order: what the index follows."""

    async def set_release_status(self, release: Release) -> Release:
        """Store the status of an existing release under the next serial."""

    # Keeping house

    async def sweep(self, cut: RetentionCut) -> int:
        """Remove one small batch of old finished rows; how many went. Nothing unfinished is ever deleted."""


class SchemaTooNew(Exception):
    """The database's schema {found} is newer than this program's {known}."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"The database has schema {found}, which is newer than this program's {known}. Install the newer whiskhub again, "
            "or start with the copy from the backups folder."
        )
        self.found = found
        self.known = known
