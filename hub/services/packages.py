"""Packages and bindings: put, get, list, remove (openwhisk-api §5)."""

from __future__ import annotations

from hub.domain.action import Action
from hub.domain.errors import Conflict, Malformed, NotFound, not_authorized
from hub.domain.identity import Identity
from hub.domain.names import FullName, check_entity_name, check_namespace
from hub.domain.package import Binding, Package
from hub.domain.parameters import EMPTY, Parameters, effective
from hub.services.access import own_entity, provider_of, readable_package, shown
from hub.services.actions import check_entity_sizes
from hub.services.entities import Entities, head_of, keep_secrets
from hub.storage.base import EntityWrite, Page
from hub.wire.entities import UNSET, PackagePut

ALL = Page(limit=10_000)


class Packages:
    """The collection of packages."""

    def __init__(self, entities: Entities) -> None:
        self._entities = entities

    async def get(self, caller: Identity, name: FullName) -> tuple[Package, Parameters, list[Action]]:
        """The package, its effective parameters as far as the caller may see them, and its actions: a binding's are its provider's."""
        package = await readable_package(self._entities, caller, name)
        provider, bound = await provider_of(self._entities, caller, package)
        actions = await self._entities.listed(provider.name.namespace, Action, package=provider.name.name, page=ALL)
        parameters = effective(provider.parameters, bound)
        own = provider.name.namespace == caller.namespace
        return package, parameters if own else shown(parameters, bound), actions

    async def listed(self, caller: Identity, namespace: str, page: Page) -> list[Package]:
        """Own packages and bindings; of a foreign namespace the published ones that are no bindings."""
        published = None if caller.namespace == namespace else True
        return await self._entities.listed(namespace, Package, published=published, page=page)

    async def count(self, caller: Identity, namespace: str) -> int:
        """How many `list` would find."""
        published = None if caller.namespace == namespace else True
        return await self._entities.count(namespace, Package, published=published)

    async def put(self, caller: Identity, name: FullName, put: PackagePut, *, overwrite: bool) -> Package:
        """Create or (with `overwrite`) update."""
        own_entity(caller, name)
        check_entity_sizes(caller, put.parameters, put.annotations)
        if name.name == "default":
            raise Malformed(f"Package name '{name.name}' is reserved.")
        binding = await self._binding(caller, name, put.binding) if put.binding not in (UNSET, None) else None
        old = await self._entities.find_kind(name, Package)
        if old is not None and not overwrite:
            raise Conflict
        if old is not None and old.binding is None and binding is not None:
            raise Conflict("Resource is a package and cannot be converted into a binding.")
        package = _built(name, put, old, binding or (old.binding if old else None))
        await self._entities.write(EntityWrite(name=name, expected=old.revision if old else 0, entity=package))
        return package

    async def _binding(self, caller: Identity, name: FullName, binding: Binding | object | None) -> Binding:
        if not isinstance(binding, Binding):
            raise Malformed("Binding references a package that does not exist.")
        namespace = name.namespace if binding.namespace == "_" else check_namespace(binding.namespace)
        target = FullName(namespace, check_entity_name(binding.name))
        found = await self._entities.find(target)
        own = namespace == caller.namespace
        if not own and not (isinstance(found, Package) and found.publish):
            raise not_authorized(str(target))
        if found is None:
            raise Malformed("Binding references a package that does not exist.")
        if not isinstance(found, Package):
            raise Conflict("Cannot bind to a resource that is not a package.")
        if found.binding:
            raise Malformed("Cannot bind to another package binding.")
        return Binding(namespace, binding.name)

    async def remove(self, caller: Identity, name: FullName, *, force: bool) -> Package:
        """Delete and return; a package with actions only with `force`, which deletes them in the same commit."""
        own_entity(caller, name)
        package = await self._entities.find_kind(name, Package)
        if package is None:
            raise NotFound
        actions = [] if package.binding else await self._entities.listed(name.namespace, Action, package=name.name, page=ALL)
        if actions and not force:
            entities = "entity" if len(actions) == 1 else "entities"
            raise Conflict(f"Package not empty (contains {len(actions)} {entities}). Set force param or delete package contents.")
        gone = [EntityWrite(name=entity.name, expected=entity.revision, entity=None) for entity in (*actions, package)]
        await self._entities.write(*gone)
        return package


def _built(name: FullName, put: PackagePut, old: Package | None, binding: Binding | None) -> Package:
    annotations = put.annotations if put.annotations is not UNSET else old.annotations if old else EMPTY
    annotations = annotations.without("binding")
    if binding:
        annotations = annotations.with_value("binding", {"name": binding.name, "namespace": binding.namespace})
    parameters = put.parameters if put.parameters is not UNSET else old.parameters if old else EMPTY
    return Package(
        name=name,
        **head_of(put, old),
        annotations=annotations,
        parameters=keep_secrets(parameters, old.parameters if old else EMPTY, annotations),
        binding=binding,
    )
