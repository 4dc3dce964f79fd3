"""How far an action may go: its own code to public addresses, installed packages where they declared, and inside only as allowed.

Who calls decides what is allowed inside, since the arguments are the caller's: a process serves one caller's namespace only (design §9).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from hub.domain import places
from hub.domain.action import Action
from hub.domain.identity import Identity
from hub.domain.manifest import PackageManifest
from hub.domain.parameters import Json
from hub.runtime.egress import Denied, Egress, Place
from hub.services.actions import CONNECTION_MARK, Resolved
from hub.services.installs import ANNOTATION
from hub.services.outbound import Outbound, Refused
from hub.services.trust import BUILT_IN

OWN_ANNOTATION = "egress"
_WEB_PORTS = frozenset({80, 443})
"""Whose clients know proxies."""

Fields = Callable[[str, str], Awaitable[tuple[str, dict[str, Json]] | None]]
"""The declared name and the fields of a connection, by its namespace and name."""


class Egresses:
    """Makes the way out of an action's processes. Asked when one is launched; where it may go is looked up at each connection."""

    def __init__(self, outbound: Outbound, fields_of: Fields) -> None:
        self._outbound = outbound
        self._fields_of = fields_of

    async def of(self, caller: Identity, resolved: Resolved) -> Egress:
        """For calls of that caller."""
        action = resolved.action
        declared = declared_of(action)
        if declared is None:
            return self.open(caller.namespace)
        return self.only(caller.namespace, await self._filled(action.name.namespace, declared, resolved.values))

    def open(self, namespace: str) -> Egress:
        """Any public address, and inside ones that the namespace may reach."""

        async def check(host: str, port: int) -> list[str]:
            try:
                return await self._outbound.addresses(namespace, host, port)
            except Refused as refused:
                raise Denied(str(refused)) from refused

        return Egress(check=check)

    def only(self, namespace: str, declared: tuple[str, ...]) -> Egress:
        """Only what was declared, as `host:port`; a host may begin with `*.`."""
        anywhere = self.open(namespace)

        async def check(host: str, port: int) -> list[str]:
            if not any(places.covers(place, host, port) for place in declared):
                told = ", ".join(declared) or "nothing"
                raise Denied(f"it is not among the places that were declared: {told}.")
            return await anywhere.check(host, port)

        return Egress(check=check, places=tuple(place for text in declared if (place := _named(text)) is not None))

    def of_check(self, namespace: str, package: str, manifest: PackageManifest, connection: str, fields: dict[str, Json]) -> Egress:
        """For asking a service about a connection that is not stored yet: its package's places, with its own fields in their templates."""
        if _publisher(package) == BUILT_IN:
            return self.open(namespace)
        return self.only(namespace, filled(manifest.egress, {connection: fields}))

    async def _filled(self, namespace: str, declared: tuple[str, ...], values: dict[str, Json]) -> tuple[str, ...]:
        if not any("{" in text for text in declared):
            return declared
        bound = {str(value[CONNECTION_MARK]) for value in values.values() if isinstance(value, dict) and CONNECTION_MARK in value}
        return filled(declared, dict(filter(None, [await self._fields_of(namespace, name) for name in sorted(bound)])))


def filled(declared: tuple[str, ...], connections: dict[str, dict[str, Json]]) -> tuple[str, ...]:
    """Templates with what the connections say, by their declared names; one whose connection is not bound names no place."""
    found = (places.filled(text, connections) for text in declared)
    return tuple(text for text in found if places.split(text) is not None)


def declared_of(action: Action) -> tuple[str, ...] | None:
    """The places that an action is held to; None: it may go anywhere outside. Built-in packages go where their parameters say."""
    mark = action.annotations.get(ANNOTATION)
    if isinstance(mark, dict) and isinstance(mark.get("package"), str) and _publisher(mark["package"]) != BUILT_IN:
        return places.texts(mark.get("egress"))
    own = action.annotations.get(OWN_ANNOTATION)
    return None if own is None else places.texts(own)


def _publisher(package: str) -> str:
    return package.partition("/")[0]


def _named(declared: str) -> Place | None:
    """A place that a client reaches by its name without a proxy; web clients know proxies, and an address has no name."""
    place = places.split(declared)
    if place is None or place[1] in _WEB_PORTS or "*" in place[0]:
        return None
    try:
        ipaddress.ip_address(place[0].strip("[]"))
    except ValueError:
        return place
    return None
