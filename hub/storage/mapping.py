"""Domain objects to rows and back. Secrets are sealed on the way in and opened on the way out (reliability §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from hub.domain.action import Action
from hub.domain.activation import Activation
from hub.domain.api import Api
from hub.domain.connection import Connection
from hub.domain.entity import Collection, Entity
from hub.domain.event import Dispatch, Event
from hub.domain.feed import Subscription
from hub.domain.identity import Identity, NamespaceLimits
from hub.domain.package import Package
from hub.domain.parameters import Json, Parameters
from hub.domain.release import Install, Release
from hub.domain.rule import Rule
from hub.domain.trigger import Trigger
from hub.storage.sealing import NamespaceKey

SEALED = "$s"
T = TypeVar("T")
Row = dict[str, Any]
KeyOf = Callable[[str], NamespaceKey]

_encode = msgspec.json.Encoder().encode
_ENTITIES: dict[str, type[Entity]] = {
    Collection.ACTIONS: Action,
    Collection.PACKAGES: Package,
    Collection.TRIGGERS: Trigger,
    Collection.RULES: Rule,
}
_NAMES = {kind: collection for collection, kind in _ENTITIES.items()}
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (Action, Package, Trigger, Rule, Activation, Subscription, Connection, Install, Release, Dispatch, NamespaceLimits)
}


def text(value: Any) -> str:
    """JSON text."""
    return _encode(value).decode()


def read(kind: type[T], document: str) -> T:
    """A struct from its JSON text."""
    found: T = _decoders[kind].decode(document)
    return found


def _seal(key: NamespaceKey, value: Json, where: str) -> Json:
    return {SEALED: key.seal(_encode(value), where)}


def _open(key: NamespaceKey, value: Json, where: str) -> Json:
    return msgspec.json.decode(key.open(value[SEALED], where)) if isinstance(value, dict) and SEALED in value else value


def _sealed_parameters(entity: Entity, key_of: KeyOf, turn: Callable[[NamespaceKey, Json, str], Json]) -> Entity:
    parameters: Parameters | None = getattr(entity, "parameters", None)
    if not parameters:
        return entity
    key = key_of(entity.name.namespace)
    turned = tuple(
        msgspec.structs.replace(item, value=turn(key, item.value, f"{entity.name.path}|{item.key}|1")) for item in parameters.items
    )
    return msgspec.structs.replace(entity, parameters=Parameters(turned))


def entity_to_row(entity: Entity, key_of: KeyOf) -> Row:
    """One entity; its parameter values are sealed."""
    return {
        "namespace": entity.name.namespace,
        "path": entity.name.path,
        "collection": str(_NAMES[type(entity)]),
        "package": entity.name.package,
        "public": isinstance(entity, Package) and entity.publish and entity.binding is None,
        "updated": entity.updated,
        "revision": entity.revision,
        "document": text(_sealed_parameters(entity, key_of, _seal)),
    }


def entity_from_row(collection: str, document: str, key_of: KeyOf) -> Entity:
    """The entity, parameters in clear. Raises KeyLost."""
    return _sealed_parameters(read(_ENTITIES[collection], document), key_of, _open)


def identity_to_row(identity: Identity, key_of: KeyOf) -> Row:
    """One identity; its key is sealed."""
    key = key_of(identity.namespace)
    previous = identity.previous_key
    return {
        "uuid": identity.uuid,
        "subject": identity.subject,
        "namespace": identity.namespace,
        "key": key.seal(identity.key.encode(), f"identity|{identity.uuid}|1"),
        "blocked": identity.blocked,
        "operator": identity.operator,
        "previous_key": key.seal(previous.encode(), f"identity|{identity.uuid}|0") if previous else None,
        "previous_until": identity.previous_until,
    }


def identity_from_row(row: Any, limits: str | None, key_of: KeyOf) -> Identity:
    """One identity with the limits of its namespace."""
    key = key_of(row.namespace)
    previous = row.previous_key
    return Identity(
        subject=row.subject,
        namespace=row.namespace,
        uuid=row.uuid,
        key=key.open(row.key, f"identity|{row.uuid}|1").decode(),
        previous_key=key.open(previous, f"identity|{row.uuid}|0").decode() if previous else None,
        previous_until=row.previous_until,
        blocked=bool(row.blocked),
        operator=bool(row.operator),
        limits=read(NamespaceLimits, limits) if limits else NamespaceLimits(),
    )


def event_to_row(event: Event) -> Row:
    """One event."""
    return {
        "event_id": event.event_id,
        "namespace": event.namespace,
        "trigger": event.trigger,
        "at": event.at,
        "source": event.source,
        "payload": text(event.payload),
    }


def dispatch_to_row(dispatch: Dispatch) -> Row:
    """One dispatch; `started` is a column, because it changes."""
    return {
        "activation_id": dispatch.activation_id,
        "namespace": dispatch.namespace,
        "event_id": dispatch.event_id,
        "at": dispatch.at,
        "started": dispatch.started,
        "document": text(dispatch),
    }


def activation_to_row(activation: Activation) -> Row:
    """One record; its logs apart."""
    return {
        "activation_id": activation.activation_id,
        "namespace": activation.namespace,
        "path": activation.path,
        "start": activation.start,
        "document": text(msgspec.structs.replace(activation, logs=()) if activation.logs else activation),
        "logs": text(activation.logs) if activation.logs else None,
    }


def activation_from_row(document: str, logs: str | None) -> Activation:
    """One record, with the logs that are still kept."""
    activation = read(Activation, document)
    return msgspec.structs.replace(activation, logs=tuple(msgspec.json.decode(logs))) if logs else activation


def _turned(
    values: dict[str, Json], names: tuple[str, ...], key: NamespaceKey, place: str, turn: Callable[[NamespaceKey, Json, str], Json]
) -> dict[str, Json]:
    return {name: turn(key, value, f"{place}|{name}|1") if name in names else value for name, value in values.items()}


def subscription_to_row(subscription: Subscription, key_of: KeyOf) -> Row:
    """One subscription; the settings named in `secret_keys` are sealed."""
    sealed = subscription
    if subscription.secret_keys:
        key = key_of(subscription.namespace)
        settings = _turned(subscription.settings, subscription.secret_keys, key, f"subscription/{subscription.trigger}", _seal)
        sealed = msgspec.structs.replace(subscription, settings=settings)
    return {
        "subscription_id": subscription.subscription_id,
        "namespace": subscription.namespace,
        "trigger": subscription.trigger,
        "hook": subscription.hook,
        "cursor": subscription.cursor,
        "fence": subscription.fence,
        "fires": subscription.fires,
        "document": text(sealed),
    }


def subscription_from_row(row: Any, key_of: KeyOf) -> Subscription:
    """One subscription in clear; cursor, fence and fires from their columns."""
    found = read(Subscription, row.document)
    settings = found.settings
    if found.secret_keys:
        settings = _turned(settings, found.secret_keys, key_of(found.namespace), f"subscription/{found.trigger}", _open)
    return msgspec.structs.replace(found, settings=settings, cursor=row.cursor, fence=row.fence, fires=row.fires)


def connection_to_row(connection: Connection, key_of: KeyOf) -> Row:
    """One connection; its secret fields are sealed."""
    key = key_of(connection.namespace)
    fields = _turned(connection.fields, connection.type.secret_fields, key, f"connection/{connection.connection_id}", _seal)
    return {
        "connection_id": connection.connection_id,
        "namespace": connection.namespace,
        "name": connection.name,
        "document": text(msgspec.structs.replace(connection, fields=fields)),
    }


def connection_from_row(document: str, key_of: KeyOf) -> Connection:
    """One connection in clear."""
    found = read(Connection, document)
    key = key_of(found.namespace)
    fields = _turned(found.fields, found.type.secret_fields, key, f"connection/{found.connection_id}", _open)
    return msgspec.structs.replace(found, fields=fields)


def api_to_row(api: Api, key_of: KeyOf) -> Row:
    """One API; its document is sealed."""
    return {
        "namespace": api.namespace,
        "base_path": api.base_path,
        "tenant": api.tenant,
        "updated": api.updated,
        "revision": api.revision,
        "document": key_of(api.namespace).seal(_encode(api.document), f"api{api.base_path}|document|1"),
    }


def api_from_row(row: Any, key_of: KeyOf) -> Api:
    """One API, its document in clear. Raises KeyLost."""
    document = key_of(row.namespace).open(row.document, f"api{row.base_path}|document|1")
    return Api(
        namespace=row.namespace,
        base_path=row.base_path,
        tenant=row.tenant,
        updated=row.updated,
        revision=row.revision,
        document=msgspec.json.decode(document),
    )


def install_to_row(install: Install) -> Row:
    """One install."""
    return {"install_id": install.install_id, "namespace": install.namespace, "name": install.name, "document": text(install)}


def release_to_row(release: Release) -> Row:
    """One release."""
    return {
        "namespace": release.namespace,
        "name": release.name,
        "version": release.version,
        "digest": release.digest,
        "serial": release.serial,
        "document": text(release),
    }
