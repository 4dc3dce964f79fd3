"""Serving created APIs: from an address to the web action behind it (openwhisk-api §16.4)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from hub.bus.base import Bus, Message, Subject
from hub.domain.errors import NotAllowed, Unauthenticated
from hub.domain.identity import Identity
from hub.domain.web import WebRequest, WebResponse
from hub.services.routing import Route, Table
from hub.storage.base import Store
from hub.telemetry.redact import remember_secret
from hub.wire.assembly import Backend

REMEMBERED = 10_000
AUTHORIZATION = "authorization"
FORWARDED_URL = "x-forwarded-url"
_TENANT = re.compile(r"[0-9a-f]{32}\Z")


class WebCalls(Protocol):
    """Runs web actions."""

    async def call(self, request: WebRequest) -> WebResponse:
        """The action's answer. Raises NotFound, TooLarge, Throttled."""


class GatewayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a created API.

    `method` is in capitals, `path` what follows the tenant, percent-encoded; `query` is as sent, `url` the whole address that was asked
    for. `headers` have lower-case names and may repeat.
    """

    method: str
    path: str
    query: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    transaction_id: str


class Gateway:
    """Looks routes up in memory; what a change makes stale is dropped by the message that follows its commit."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        tenant_of: Callable[[str], str],
        web: WebCalls,
        authenticate: Callable[[str], Awaitable[Identity]],
    ) -> None:
        self._store = store
        self._tenant_of = tenant_of
        self._web = web
        self._authenticate = authenticate
        self._tables: dict[str, Table] = {}
        self._changes = 0
        bus.subscribe(Subject.API, self._forget)

    def _forget(self, message: Message) -> None:
        self._changes += 1
        self._tables.pop(self._tenant_of(message.namespace), None)

    async def find(self, tenant: str, path: str) -> Route | None:
        """The route of a decoded path of a tenant, or None."""
        if not _TENANT.match(tenant):
            return None
        table = self._tables.get(tenant)
        if table is None:
            table = await self._read(tenant)
        return table.find(path)

    async def _read(self, tenant: str) -> Table:
        seen = self._changes
        table = Table(await self._store.list_apis(tenant=tenant))
        for value in table.header_values():
            remember_secret(value)
        if len(self._tables) >= REMEMBERED:
            self._tables.clear()
        if seen == self._changes:
            self._tables[tenant] = table
        return table

    async def call(self, backend: Backend, request: GatewayRequest) -> WebResponse:
        """What the action behind an operation answers. Raises what `WebCalls.call` raises."""
        added = (*backend.headers, (FORWARDED_URL, request.url))
        replaced = {name for name, _ in added}
        headers = (*(header for header in request.headers if header[0] not in replaced), *added)
        return await self._web.call(
            WebRequest(
                method=backend.verb or request.method,
                name=backend.action,
                transaction_id=request.transaction_id,
                extension=backend.extension,
                path=backend.path + (request.path if backend.forwards_path else ""),
                query=request.query,
                headers=headers,
                body=request.body,
                caller=await self._caller(dict(headers).get(AUTHORIZATION)),
            )
        )

    async def _caller(self, authorization: str | None) -> Identity | None:
        """Who calls; somebody whose credentials are not valid is nobody (openwhisk-api §7.1)."""
        if authorization is None:
            return None
        try:
            return await self._authenticate(authorization)
        except (Unauthenticated, NotAllowed):
            return None
