"""Who may touch what (openwhisk-api §9.2)."""

from __future__ import annotations

import msgspec

from hub.domain.entity import Entity
from hub.domain.errors import NotFound, Unprocessable, not_authorized
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.package import Package
from hub.domain.parameters import EMPTY, Parameters, effective
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


async def provider_of(entities: Entities, caller: Identity, package: Package) -> tuple[Package, Parameters]:
    """The package behind a binding, and what the bindings on the way to it give; the package itself and nothing when it is none.

    A binding stays when its provider is deleted, and that name may become a binding itself (openwhisk-api §5.2). Raises NotFound or
    NotAllowed when a package on the way is no longer there or no longer readable, Unprocessable when the way leads back.
    """
    bound = EMPTY
    seen = {package.name}
    while package.binding is not None:
        bound = effective(package.parameters, bound)
        package = await readable_package(entities, caller, FullName(package.binding.namespace, package.binding.name))
        if package.name in seen:
            raise Unprocessable(f"Package binding '{package.name}' contains a circular reference.")
        seen.add(package.name)
    return package, bound


def shown(parameters: Parameters, bound: Parameters) -> Parameters:
    """Of a foreign package only the keys, except for what the caller bound (design §9 "Secrets")."""
    own = bound.values()
    return Parameters(tuple(msgspec.structs.replace(item, value=own.get(item.key)) for item in parameters.items))
