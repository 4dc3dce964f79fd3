"""APIs that people make of their web actions: create, list, remove (openwhisk-api §16.1, §16.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hub.bus.base import Bus, Message, Subject
from hub.domain.api import Api, Endpoint
from hub.domain.errors import Conflict, Malformed, NotFound, RequestError, Unprocessable
from hub.domain.identity import Identity
from hub.domain.parameters import Json
from hub.services.clock import now_ms
from hub.storage.base import Page, Store
from hub.wire.apidoc import SwaggerPut, apidoc_from_wire
from hub.wire.swagger import check, new_document, with_endpoint, without_endpoint

ATTEMPTS = 100
"""How often a change is made anew because another one came first; each round, one of them gets through."""

T = TypeVar("T")


class Apis:
    """The collection of APIs. `tenant_of` names a namespace in addresses, `base_url` is where others reach this hub."""

    def __init__(self, store: Store, bus: Bus, tenant_of: Callable[[str], str], base_url: Callable[[], str]) -> None:
        self._store = store
        self._bus = bus
        self._tenant_of = tenant_of
        self._base_url = base_url

    @property
    def base_url(self) -> str:
        """Where others reach this hub: addresses of APIs begin with it."""
        return self._base_url()

    async def listed(self, namespace: str, which: str | None = None, page: Page | None = None) -> list[Api]:
        """The APIs of a namespace by base path; `which` keeps those at a base path (it begins with `/`) or with a title."""
        found = await self._matching(namespace, which) if which else await self._store.list_apis(namespace=namespace)
        return found[page.skip : page.skip + page.limit] if page else found

    async def _matching(self, namespace: str, which: str) -> list[Api]:
        if "\0" in which:
            return []
        if which.startswith("/"):
            api = await self._store.get_api(namespace, which)
            return [api] if api else []
        return [api for api in await self._store.list_apis(namespace=namespace) if api.title == which]

    async def create(self, caller: Identity, arguments: dict[str, Json]) -> Api:
        """Add an endpoint to the API at its base path, or put a whole document there.

        Raises Malformed for arguments that cannot be read, Unprocessable for what cannot be served, each in upstream's words.
        """
        try:
            put = apidoc_from_wire(arguments, caller.namespace)
            return await _until_first(lambda: self._created(caller.namespace, put))
        except Malformed:
            raise
        except RequestError as error:
            raise Unprocessable(f"API creation failure: {error}", field=error.field) from error

    async def _created(self, namespace: str, put: Endpoint | SwaggerPut) -> Api:
        base_path = put.base_path if isinstance(put, Endpoint) else put.document["basePath"]
        if not isinstance(base_path, str):
            raise Unprocessable("The basePath of the API must be text that begins with '/'.", field="basePath")
        old = await self._store.get_api(namespace, base_path)
        if isinstance(put, Endpoint):
            document = with_endpoint(old.document if old else new_document(base_path, put.title), put, self.base_url)
        else:
            document = put.document
        check(document)
        return await self._put(namespace, base_path, document, old)

    async def _put(self, namespace: str, base_path: str, document: dict[str, Json], old: Api | None) -> Api:
        api = Api(
            namespace=namespace,
            tenant=self._tenant_of(namespace),
            base_path=base_path,
            document=document,
            updated=now_ms(),
            revision=old.revision if old else 0,
        )
        await self._store.put_api(api)
        self._announce(api)
        return api

    async def remove(self, caller: Identity, arguments: dict[str, Json]) -> None:
        """Delete the API with that base path or title; or with `relpath` one path, with `operation` one verb of it.

        Raises Malformed for arguments that are missing, NotFound for what does not exist, each in upstream's words.
        """
        which, path, verb = (_argument(arguments, name) for name in ("basepath", "relpath", "operation"))
        if not which:
            raise Malformed("basepath is required.", field="basepath")
        if verb and not path:
            raise Malformed("When specifying an operation, the path is required.", field="relpath")
        try:
            await _until_first(lambda: self._removed(caller.namespace, which, path, verb.lower()))
        except RequestError as error:
            raise type(error)(f"API deletion failure: {error}") from error

    async def _removed(self, namespace: str, which: str, path: str, verb: str) -> None:
        found = await self._matching(namespace, which)
        if not found:
            raise NotFound(f"API '{which}' does not exist.")
        api = found[0]
        document = without_endpoint(api.document, path, verb or None) if path else {}
        if document.get("paths"):
            await self._put(namespace, api.base_path, document, api)
            return
        await self._store.delete_api(api)
        self._announce(api)

    def _announce(self, api: Api) -> None:
        self._bus.publish(Message(subject=Subject.API, namespace=api.namespace, key=api.base_path))


async def _until_first(change: Callable[[], Awaitable[T]]) -> T:
    """Make a change on what is stored now; again when somebody else's change was stored meanwhile."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await change()
        except Conflict:
            continue
    return await change()


def _argument(arguments: dict[str, Json], name: str) -> str:
    value = arguments.get(name)
    return value if isinstance(value, str) else ""
