"""Connections: declared, tested before they are stored, sealed, never readable again (marketplace §5, design §2.10)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from hub.bus.base import Bus, Message, Subject
from hub.domain.activation import Status
from hub.domain.connection import Connection, ConnectionState, ConnectionType
from hub.domain.errors import Conflict, Malformed, NotFound, Unprocessable
from hub.domain.identity import Identity
from hub.domain.manifest import PackageManifest
from hub.domain.names import check_entity_name
from hub.domain.parameters import Json
from hub.runtime.egress import Egress
from hub.services.catalog import action_exec
from hub.services.clock import now_ms
from hub.services.trial import Trial
from hub.storage.base import Store
from hub.telemetry.redact import redact_text, remember_secret

if TYPE_CHECKING:
    from hub.services.catalog import Catalog

MARK = "$connection"


class Refused(Unprocessable):
    """The service does not take these fields; nothing was stored."""


class Unreachable(Conflict):
    """The service could not be asked; stored only after a yes."""


class Connections:
    """The connections of all namespaces."""

    def __init__(self, store: Store, bus: Bus, trial: Trial) -> None:
        self._store = store
        self._bus = bus
        self._trial = trial
        self._known: dict[tuple[str, str], Connection | None] = {}
        self.catalog: Catalog | None = None
        self.egress_of: Callable[[str, str, PackageManifest, str, dict[str, Json]], Egress] | None = None
        bus.subscribe(Subject.CONNECTION, self._forget)

    def _forget(self, message: Message) -> None:
        self._known.pop((message.namespace, message.key), None)

    def _announce(self, namespace: str, name: str) -> None:
        self._bus.publish(Message(subject=Subject.CONNECTION, namespace=namespace, key=name))

    async def _find(self, namespace: str, name: str) -> Connection | None:
        key = (namespace, name)
        if key not in self._known:
            self._known[key] = await self._store.get_connection(namespace, name)
        return self._known[key]

    async def get(self, caller: Identity, name: str) -> Connection:
        """One connection of the caller's namespace. Raises NotFound."""
        found = await self._find(caller.namespace, name)
        if found is None:
            raise NotFound(f"There is no connection {name}.", field="name")
        return found

    async def listed(self, caller: Identity) -> list[Connection]:
        """The caller's, by name."""
        return await self._store.list_connections(caller.namespace)

    async def add(
        self, caller: Identity, package: str, declared: str | None, name: str, fields: Mapping[str, Json], *, accept_untested: bool = False
    ) -> Connection:
        """Check the fields, ask the service, then store. Raises Refused or Unreachable; nothing is stored then."""
        check_entity_name(name)
        if self.catalog is None:
            raise RuntimeError("connections are not wired")
        release = await self.catalog.parse_reference(package)
        manifest, files = await self.catalog.opened(release)
        type_ = _declared(manifest, declared)
        values = _checked(type_, fields)
        if await self._store.get_connection(caller.namespace, name) is not None:
            raise Conflict(f"There is a connection named {name} already; choose another name, or remove it first.", field="name")
        for field in type_.secret_fields:
            remember_secret(values.get(field))
        state, account, message = await self._tested(caller, release.full_name, manifest, files, type_, values)
        if state == ConnectionState.BROKEN:
            raise Refused(f"The service refused the connection, so it was not stored: {message}")
        if state == ConnectionState.UNTESTED and type_.check and not accept_untested:
            raise Unreachable(f"The service could not be asked ({message}); say that you accept it untested to store it all the same.")
        connection = Connection(
            connection_id=secrets.token_hex(16),
            namespace=caller.namespace,
            name=name,
            package=release.full_name,
            type=type_,
            fields=values,
            state=state,
            changed=now_ms(),
            account=account,
            message=message,
        )
        await self._store.put_connection(connection)
        self._announce(caller.namespace, name)
        return connection

    async def check(self, caller: Identity, name: str) -> Connection:
        """Ask the service again and remember what it said."""
        connection = await self.get(caller, name)
        if self.catalog is None:
            raise RuntimeError("connections are not wired")
        manifest, files = await self.catalog.opened(await self.catalog.parse_reference(connection.package))
        state, account, message = await self._tested(caller, connection.package, manifest, files, connection.type, connection.fields)
        checked = msgspec.structs.replace(connection, state=state, account=account or connection.account, message=message)
        await self._store.put_connection(checked)
        self._announce(caller.namespace, name)
        return checked

    async def _tested(
        self,
        caller: Identity,
        package: str,
        manifest: PackageManifest,
        files: Mapping[str, bytes],
        type_: ConnectionType,
        values: dict[str, Json],
    ) -> tuple[ConnectionState, str, str]:
        """State, account and words. Secrets are masked in the words."""
        action = manifest.action(type_.check) if type_.check else None
        if action is None:
            return ConnectionState.UNTESTED, "", "the package declares no check"
        arguments = {parameter: values[field] for parameter, field in type_.parameters.items() if field in values}
        egress = self.egress_of(caller.namespace, package, manifest, type_.name, values) if self.egress_of is not None else None
        exec_ = action_exec(action, files)
        response = await self._trial.run(exec_, arguments, namespace=caller.namespace, name=action.name, egress=egress)
        result = response.result if isinstance(response.result, dict) else {}
        if response.status == Status.SUCCESS:
            return ConnectionState.OK, str(result.get("account") or ""), ""
        told = result.get("error")
        words = redact_text(told if isinstance(told, str) else msgspec.json.encode(told).decode())
        away = response.status in {Status.WHISK_ERROR, Status.DEVELOPER_ERROR} or "cannot be reached" in words
        return (ConnectionState.UNTESTED if away else ConnectionState.BROKEN), "", words

    async def remove(self, caller: Identity, name: str, *, force: bool = False) -> list[str]:
        """Forget a connection; the installs that used it. Raises Conflict, which names them, unless forced."""
        await self.get(caller, name)
        users = [install.name for install in await self._store.list_installs(caller.namespace) if name in install.connections.values()]
        if users and not force:
            raise Conflict(
                f"The connection {name} is used by {', '.join(users)}, which would stop working; force it to remove it all the same."
            )
        await self._store.delete_connection(caller.namespace, name)
        self._announce(caller.namespace, name)
        return users

    async def fields_of(self, namespace: str, name: str) -> tuple[str, dict[str, Json]] | None:
        """The declared name of a connection, and its fields."""
        found = await self._find(namespace, name)
        return None if found is None else (found.type.name, found.fields)

    async def resolve(self, namespace: str, values: dict[str, Json]) -> dict[str, Json]:
        """The values with every `{"$connection": name, "field": f}` replaced. Raises NotFound for a connection that is gone."""
        if not any(isinstance(value, dict) and MARK in value for value in values.values()):
            return values
        resolved: dict[str, Json] = {}
        for key, value in values.items():
            if not (isinstance(value, dict) and MARK in value):
                resolved[key] = value
                continue
            connection = await self._find(namespace, str(value[MARK]))
            if connection is None:
                raise NotFound(f"The connection {value[MARK]} is gone; bind another to go on.")
            field = str(value.get("field"))
            if field in connection.fields:
                resolved[key] = connection.fields[field]
                if field in connection.type.secret_fields:
                    remember_secret(connection.fields[field])
        return resolved


def _declared(manifest: PackageManifest, name: str | None) -> ConnectionType:
    if not manifest.connections:
        raise Malformed(f"The package {manifest.name} declares no connection.", field="package")
    if name is None:
        if len(manifest.connections) > 1:
            names = ", ".join(connection.name for connection in manifest.connections)
            raise Malformed(f"The package {manifest.name} declares several connections ({names}); say which.", field="connection")
        return manifest.connections[0]
    found = manifest.connection(name)
    if found is None:
        names = ", ".join(connection.name for connection in manifest.connections)
        raise Malformed(f"The package {manifest.name} declares no connection {name!r}; it declares {names}.", field="connection")
    return found


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def _checked(type_: ConnectionType, fields: Mapping[str, Json]) -> dict[str, Json]:
    known = {field.name: field for field in type_.fields}
    for name in fields:
        if name not in known:
            raise Malformed(f"The connection {type_.name} has no field {name!r}; it has {', '.join(known)}.", field=name)
    values: dict[str, Json] = {}
    for name, field in known.items():
        value = fields.get(name, field.default)
        if value in (None, ""):
            if field.required:
                raise Malformed(f"The connection {type_.name} needs the field {name!r}.", field=name)
            continue
        wanted = _TYPES.get(field.type)
        if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)):
            raise Malformed(f"The field {name!r} must be of type {field.type}.", field=name)
        values[name] = value
    return values


def references(type_: ConnectionType, name: str) -> dict[str, Json]:
    """The parameters that a package gets from a connection, as references that are resolved at each call."""
    return {parameter: {MARK: name, "field": field} for parameter, field in type_.parameters.items()}
