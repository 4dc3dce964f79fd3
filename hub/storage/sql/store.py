"""What both databases share: each promise of the port as one statement function, run by the driver's reader or writer."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection as Link
from sqlalchemy import select

from hub.domain.activation import Activation
from hub.domain.api import Api
from hub.domain.connection import Connection
from hub.domain.entity import Collection, Entity
from hub.domain.event import Acceptance, Accepted, Dispatch
from hub.domain.feed import Subscription
from hub.domain.identity import Identity, NamespaceLimits
from hub.domain.names import FullName
from hub.domain.release import Install, Release
from hub.storage.base import ActivationFilter, Ending, EntityWrite, Page, RetentionCut
from hub.storage.mapping import KeyOf
from hub.storage.sealing import NamespaceKey, Sealer
from hub.storage.sql import activations, apis, catalog, counts, entities, feeds, identities, work

T = TypeVar("T")
Work = Callable[[Link], T]


class SqlStore(abc.ABC):
    """The port over SQL. A driver says how a piece of work is read and written."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._keys: dict[str, NamespaceKey] = {}

    @abc.abstractmethod
    async def _read(self, work: Work[T]) -> T:
        """Run in a transaction that writes nothing."""

    @abc.abstractmethod
    async def _write(self, work: Work[T]) -> T:
        """Run in a transaction of its own, or under a savepoint of a shared one; returns after the commit."""

    def _key_of(self, link: Link, *, make: bool) -> KeyOf:
        def found(namespace: str) -> NamespaceKey:
            key = self._keys.get(namespace)
            if key is None:
                key = identities.key_of(link, namespace, self._sealer, make=make)
                if not make:
                    self._keys[namespace] = key
            return key

        return found

    def _reading(self, link: Link) -> KeyOf:
        return self._key_of(link, make=False)

    def _writing(self, link: Link) -> KeyOf:
        return self._key_of(link, make=True)

    async def ping(self) -> None:
        """See `Store.ping`."""
        await self._read(lambda link: link.scalar(select(1)))

    async def get_entity(self, name: FullName) -> Entity | None:
        """See `Store.get_entity`."""
        return await self._read(lambda link: entities.get_entity(link, name, self._reading(link)))

    async def list_entities(
        self, namespace: str, collection: Collection, *, package: str | None = None, published: bool | None = None, page: Page
    ) -> list[Entity]:
        """See `Store.list_entities`."""
        return await self._read(
            lambda link: entities.list_entities(link, namespace, collection, package, page, self._reading(link), published=published)
        )

    async def count_entities(
        self, namespace: str, collection: Collection, *, package: str | None = None, published: bool | None = None
    ) -> int:
        """See `Store.count_entities`."""
        return await self._read(lambda link: entities.count_entities(link, namespace, collection, package, published=published))

    async def write_entities(self, writes: Sequence[EntityWrite]) -> None:
        """See `Store.write_entities`."""
        await self._write(lambda link: entities.write_entities(link, writes, self._writing(link)))

    async def get_identity(self, uuid: str) -> Identity | None:
        """See `Store.get_identity`."""
        return await self._read(lambda link: identities.get_identity(link, uuid, self._reading(link)))

    async def list_identities(self, *, namespace: str | None = None, subject: str | None = None) -> list[Identity]:
        """See `Store.list_identities`."""
        return await self._read(lambda link: identities.list_identities(link, namespace, subject, self._reading(link)))

    async def put_identity(self, identity: Identity) -> None:
        """See `Store.put_identity`."""
        await self._write(lambda link: identities.put_identity(link, identity, self._writing(link)))

    async def delete_identity(self, subject: str, namespace: str | None = None) -> int:
        """See `Store.delete_identity`."""
        return await self._write(lambda link: identities.delete_identity(link, subject, namespace))

    async def block_subject(self, subject: str, *, blocked: bool) -> int:
        """See `Store.block_subject`."""
        return await self._write(lambda link: identities.block_subject(link, subject, blocked=blocked))

    async def get_limits(self, namespace: str) -> NamespaceLimits | None:
        """See `Store.get_limits`."""
        return await self._read(lambda link: identities.get_limits(link, namespace))

    async def put_limits(self, namespace: str, limits: NamespaceLimits | None) -> None:
        """See `Store.put_limits`."""
        await self._write(lambda link: identities.put_limits(link, namespace, limits))

    @abc.abstractmethod
    async def accept_all(self, acceptances: Sequence[Acceptance]) -> list[Accepted]:
        """See `Store.accept_all`."""

    async def accept(self, acceptance: Acceptance) -> Accepted:
        """See `Store.accept`."""
        return (await self.accept_all((acceptance,)))[0]

    async def unfinished(self) -> list[Dispatch]:
        """See `Store.unfinished`."""
        return await self._read(work.unfinished)

    async def has_dispatch(self, namespace: str, activation_id: str) -> bool:
        """See `Store.has_dispatch`."""
        return await self._read(lambda link: work.has_dispatch(link, namespace, activation_id))

    @abc.abstractmethod
    async def start_dispatches(self, activation_ids: Sequence[str]) -> None:
        """See `Store.start_dispatches`."""

    @abc.abstractmethod
    async def finish(self, endings: Sequence[Ending]) -> None:
        """See `Store.finish`."""

    async def get_activation(self, namespace: str, activation_id: str) -> Activation | None:
        """See `Store.get_activation`."""
        return await self._read(lambda link: activations.get_activation(link, namespace, activation_id))

    async def list_activations(self, namespace: str, where: ActivationFilter, page: Page, *, logs: bool = True) -> list[Activation]:
        """See `Store.list_activations`."""
        return await self._read(lambda link: activations.list_activations(link, namespace, where, page, logs=logs))

    async def count_activations(self, namespace: str, where: ActivationFilter) -> int:
        """See `Store.count_activations`."""
        return await self._read(lambda link: counts.total(link, namespace, where))

    async def put_subscription(self, subscription: Subscription) -> None:
        """See `Store.put_subscription`."""
        await self._write(lambda link: feeds.put_subscription(link, subscription, self._writing(link)))

    async def get_subscription(self, namespace: str, trigger: str) -> Subscription | None:
        """See `Store.get_subscription`."""
        return await self._read(lambda link: feeds.get_subscription(link, namespace, trigger, self._reading(link)))

    async def get_subscription_by_hook(self, hook: str) -> Subscription | None:
        """See `Store.get_subscription_by_hook`."""
        return await self._read(lambda link: feeds.get_subscription_by_hook(link, hook, self._reading(link)))

    async def list_subscriptions(self, *, namespace: str | None = None) -> list[Subscription]:
        """See `Store.list_subscriptions`."""
        return await self._read(lambda link: feeds.list_subscriptions(link, namespace, self._reading(link)))

    async def delete_subscription(self, namespace: str, trigger: str) -> bool:
        """See `Store.delete_subscription`."""
        return await self._write(lambda link: feeds.delete_subscription(link, namespace, trigger))

    async def get_api(self, namespace: str, base_path: str) -> Api | None:
        """See `Store.get_api`."""
        return await self._read(lambda link: apis.get_api(link, namespace, base_path, self._reading(link)))

    async def list_apis(self, *, namespace: str | None = None, tenant: str | None = None) -> list[Api]:
        """See `Store.list_apis`."""
        return await self._read(lambda link: apis.list_apis(link, namespace, tenant, self._reading(link)))

    async def put_api(self, api: Api) -> None:
        """See `Store.put_api`."""
        await self._write(lambda link: apis.put_api(link, api, self._writing(link)))

    async def delete_api(self, api: Api) -> None:
        """See `Store.delete_api`."""
        await self._write(lambda link: apis.delete_api(link, api))

    async def put_connection(self, connection: Connection) -> None:
        """See `Store.put_connection`."""
        await self._write(lambda link: feeds.put_connection(link, connection, self._writing(link)))

    async def get_connection(self, namespace: str, name: str) -> Connection | None:
        """See `Store.get_connection`."""
        return await self._read(lambda link: feeds.get_connection(link, namespace, name, self._reading(link)))

    async def list_connections(self, namespace: str) -> list[Connection]:
        """See `Store.list_connections`."""
        return await self._read(lambda link: feeds.list_connections(link, namespace, self._reading(link)))

    async def delete_connection(self, namespace: str, name: str) -> bool:
        """See `Store.delete_connection`."""
        return await self._write(lambda link: feeds.delete_connection(link, namespace, name))

    async def put_install(self, install: Install) -> None:
        """See `Store.put_install`."""
        await self._write(lambda link: feeds.put_install(link, install))

    async def get_install(self, namespace: str, name: str) -> Install | None:
        """See `Store.get_install`."""
        return await self._read(lambda link: feeds.get_install(link, namespace, name))

    async def list_installs(self, namespace: str) -> list[Install]:
        """See `Store.list_installs`."""
        return await self._read(lambda link: feeds.list_installs(link, namespace))

    async def delete_install(self, namespace: str, name: str) -> bool:
        """See `Store.delete_install`."""
        return await self._write(lambda link: feeds.delete_install(link, namespace, name))

    async def put_session(self, digest: str, uuid: str, expires: int) -> None:
        """See `Store.put_session`."""
        await self._write(lambda link: identities.put_session(link, digest, uuid, expires))

    async def take_session(self, digest: str, now: int, *, once: bool) -> str | None:
        """See `Store.take_session`."""
        if once:
            return await self._write(lambda link: identities.take_session(link, digest, now))
        return await self._read(lambda link: identities.get_session(link, digest, now))

    async def delete_session(self, digest: str) -> None:
        """See `Store.delete_session`."""
        await self._write(lambda link: identities.delete_session(link, digest))

    async def add_release(self, release: Release) -> Release:
        """See `Store.add_release`."""
        return await self._write(lambda link: catalog.add_release(link, release))

    async def get_release(self, namespace: str, name: str, version: str) -> Release | None:
        """See `Store.get_release`."""
        return await self._read(lambda link: catalog.get_release(link, namespace, name, version))

    async def list_releases(self, namespace: str, name: str) -> list[Release]:
        """See `Store.list_releases`."""
        return await self._read(lambda link: catalog.list_releases(link, namespace, name))

    async def releases_since(self, serial: int, limit: int) -> list[Release]:
        """See `Store.releases_since`."""
        return await self._read(lambda link: catalog.releases_since(link, serial, limit))

    async def set_release_status(self, release: Release) -> Release:
        """See `Store.set_release_status`."""
        return await self._write(lambda link: catalog.set_release_status(link, release))

    async def sweep(self, cut: RetentionCut) -> int:
        """See `Store.sweep`."""
        return await self._write(lambda link: activations.sweep(link, cut))
