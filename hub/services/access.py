"""Who may touch what (openwhisk-api §9.2)."""

from __future__ import annotations

from hub.domain.entity import Entity
from hub.domain.errors import NotFound, not_authorized
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.package import Package
from hub.services.entities import Entities


def own_space(caller: Identity, namespace: str) -> None:
    """Raise NotAllowed unless the namespace is the caller's."""
    if caller.namespace != namespace:
        raise not_authorized(namespace)


def own_entity(caller: Identity, name: FullName) -> None:
    """Raise NotAllowed unless the entity lies in the caller's namespace."""
    if caller.namespace != name.namespace:
        raise not_authorized(str(name))


async def readable_package(entities: Entities, caller: Identity, name: FullName) -> Package:
    """A package or binding that the caller may use.

    Raises NotFound for an own one that is missing, NotAllowed for a foreign one that is missing, private or a binding.
    """
    own = caller.namespace == name.namespace
    found: Entity | None = await entities.find(name)
    if not own and not (isinstance(found, Package) and found.publish and found.binding is None):
        raise not_authorized(str(name))
    if found is None:
        raise NotFound(f"The requested resource '{name}' does not exist.") if own else not_authorized(str(name))
    return await entities.get(name, Package)


async def provider_of(entities: Entities, caller: Identity, package: Package) -> Package:
    """The package behind a binding (itself when it is none); it must still be there and readable (openwhisk-api §5.2)."""
    if package.binding is None:
        return package
    return await readable_package(entities, caller, FullName(package.binding.namespace, package.binding.name))
