"""Entities as every service sees them: looked up in memory, written in one commit, forgotten everywhere when they change.

The hot path does no database round trip: `peek` answers from memory, and what a change makes stale is dropped by the bus message
that follows its commit (design §2.5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from hub.blobs.base import Blobs
from hub.bus.base import Bus, Message, Subject
from hub.domain.action import Action, CodeExec
from hub.domain.entity import FIRST_VERSION, Collection, Entity, next_version
from hub.domain.errors import COLLECTION_CONFLICT, Conflict, NotFound
from hub.domain.names import FullName
from hub.domain.package import Package
from hub.domain.parameters import EMPTY, Parameter, Parameters
from hub.domain.rule import Rule
from hub.domain.trigger import Trigger
from hub.services.clock import now_ms
from hub.storage.base import EntityWrite, Page, Store
from hub.wire.entities import SEALED_MARK, UNSET, EntityPut

INLINE_CODE = 65_536
REMEMBERED = 20_000

E = TypeVar("E", bound=Entity)
_COLLECTIONS: dict[type[Entity], Collection] = {
    Action: Collection.ACTIONS,
    Package: Collection.PACKAGES,
    Trigger: Collection.TRIGGERS,
    Rule: Collection.RULES,
}


def collection_of(entity: Entity) -> Collection:
    """The collection an entity belongs to."""
    return _COLLECTIONS[type(entity)]


class Entities:
    """The one place through which services read and write entities."""

    def __init__(self, store: Store, blobs: Blobs, bus: Bus) -> None:
        self._store = store
        self._blobs = blobs
        self._bus = bus
        self._known: dict[FullName, Entity | None] = {}
        self._watchers: list[Callable[[FullName], None]] = []
        self._writers: list[Callable[[EntityWrite], None]] = []
        self.changes = 0
        """Counts changes; what was read before one must not be remembered after it."""
        bus.subscribe(Subject.ENTITY, self._forget)

    def on_change(self, watcher: Callable[[FullName], None]) -> None:
        """Call `watcher` whenever an entity changed, here or elsewhere."""
        self._watchers.append(watcher)

    def on_write(self, writer: Callable[[EntityWrite], None]) -> None:
        """Call `writer` with whatever was stored or removed by this hub, code included."""
        self._writers.append(writer)

    def _forget(self, message: Message) -> None:
        name = FullName.of_path(message.namespace, message.key)
        self.changes += 1
        self._known.pop(name, None)
        for watcher in self._watchers:
            watcher(name)

    async def find(self, name: FullName) -> Entity | None:
        """The entity of that name, or None. Code kept as a blob is not loaded: see `with_code`."""
        if name in self._known:
            return self._known[name]
        seen = self.changes
        entity = await self._store.get_entity(name)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        if seen == self.changes:
            self._known[name] = entity
        return entity

    async def get(self, name: FullName, kind: type[E]) -> E:
        """The entity of that name and kind. Raises NotFound, or Conflict when the name belongs to another collection."""
        entity = await self.find(name)
        if entity is None:
            raise NotFound
        if not isinstance(entity, kind):
            raise Conflict(COLLECTION_CONFLICT)
        return entity

    async def find_kind(self, name: FullName, kind: type[E]) -> E | None:
        """As `get`, with None where nothing has that name."""
        entity = await self.find(name)
        if entity is not None and not isinstance(entity, kind):
            raise Conflict(COLLECTION_CONFLICT)
        return entity

    async def listed(
        self, namespace: str, kind: type[E], *, package: str | None = None, published: bool | None = None, page: Page
    ) -> list[E]:
        """A page of one collection, newest first."""
        rows = await self._store.list_entities(namespace, _COLLECTIONS[kind], package=package, published=published, page=page)
        return [row for row in rows if isinstance(row, kind)]

    async def count(self, namespace: str, kind: type[Entity], *, package: str | None = None, published: bool | None = None) -> int:
        """How many there are."""
        return await self._store.count_entities(namespace, _COLLECTIONS[kind], package=package, published=published)

    async def write(self, *writes: EntityWrite) -> None:
        """Store or remove all of them in one commit, or none. Raises Conflict when one changed meanwhile."""
        ready = [await self._outsourced(write) for write in writes]
        await self._store.write_entities(ready)
        for write in ready:
            self._known.pop(write.name, None)
            self._bus.publish(Message(subject=Subject.ENTITY, namespace=write.name.namespace, key=write.name.path))
        for write in writes:
            for writer in self._writers:
                writer(write)

    async def _outsourced(self, write: EntityWrite) -> EntityWrite:
        action = write.entity
        if not isinstance(action, Action) or not isinstance(action.exec, CodeExec) or action.exec.size() <= INLINE_CODE:
            return write
        digest = action.exec.digest or await self._blobs.put(action.exec.code.encode())
        stored = msgspec.structs.replace(action, exec=msgspec.structs.replace(action.exec, code="", digest=digest))
        return msgspec.structs.replace(write, entity=stored)

    async def with_code(self, action: Action) -> Action:
        """The action with its code in place, whatever its size."""
        if not isinstance(action.exec, CodeExec) or action.exec.digest is None or action.exec.code:
            return action
        code = (await self._blobs.get(action.exec.digest)).decode()
        return msgspec.structs.replace(action, exec=msgspec.structs.replace(action.exec, code=code))


def head_of(put: EntityPut, old: Entity | None) -> dict[str, Any]:
    """Version, visibility, time and revision of an entity that is put over `old` (openwhisk-api §2.2)."""
    return {
        "version": put.version if put.version is not UNSET else next_version(old.version) if old else FIRST_VERSION,
        "publish": put.publish if put.publish is not UNSET else old.publish if old else False,
        "updated": now_ms(),
        "revision": (old.revision if old else 0) + 1,
    }


def keep_secrets(given: Parameters, stored: Parameters, annotations: Parameters) -> Parameters:
    """Mark what the annotation `parameters` declares secret, and let a marker sent back keep the stored value (design §9 "Secrets")."""
    declared = _declared_secret(annotations)
    kept: list[Parameter] = []
    for item in given.items:
        value = item.value
        if isinstance(value, dict) and value.get(SEALED_MARK) is True:
            value = stored.get(item.key)
        secret = item.secret or item.key in declared or any(old.key == item.key and old.secret for old in stored.items)
        kept.append(msgspec.structs.replace(item, value=value, secret=secret))
    return Parameters(tuple(kept)) if kept else EMPTY


def _declared_secret(annotations: Parameters) -> frozenset[str]:
    rows = annotations.get("parameters")
    if not isinstance(rows, list):
        return frozenset()
    return frozenset(
        str(row.get("name")) for row in rows if isinstance(row, dict) and (row.get("type") == "password" or row.get("secret") is True)
    )
