"""The outermost layer: request ids, clean paths, CORS, and OPTIONS under `/api/v1` (openwhisk-api §1.1, §1.3, §1.6)."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api import bodies, gateway, web_actions
from hub.api.errors import on_failure, on_request_error
from hub.api.hot import Question, Target, answer, target_of
from hub.api.inside import OnlyApi
from hub.domain.errors import RequestError
from hub.domain.names import new_transaction_id
from hub.services.directory import Services
from hub.telemetry.log import bind_request, unbind_request
from hub.wire import web_cors

CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"),
    (b"access-control-allow-methods", b"GET, DELETE, POST, PUT, HEAD"),
]
_PACKAGE_IN_NAMESPACE = re.compile(rb"\A((?:/runtime)?/api/v1/namespaces/[^/]+?)%2[Ff]([^/]+)/actions/([^/]+)\Z")
WEB = "/api/v1/web/"
_LONGEST_ID = 128
DEPLOY_SERVICE = "/runtime/api/"
"""Where Adobe's `aio` sends what changes something: the same API (openwhisk-api §9.1)."""


def resolved(raw: bytes) -> bytes:
    """The path without its dot segments (openwhisk-api §14.18)."""
    kept: list[bytes] = []
    for segment in raw.split(b"/")[1:]:
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment != b".":
            kept.append(segment)
    return b"/" + b"/".join(kept)


def decoded(raw: bytes) -> str | None:
    """Each segment of a path decoded once (openwhisk-api §14.12); None for a path that cannot be one."""
    try:
        segments = [unquote_to_bytes(segment).decode() for segment in raw.split(b"/")]
    except UnicodeDecodeError:
        return None
    if any("/" in segment or "\0" in segment or segment in {".", ".."} for segment in segments):
        return None
    return "/".join(segments)


def unpacked(raw: bytes) -> bytes:
    """The path of an action whose package stands with its namespace: `…/ns%2Fpkg/actions/name` is `…/ns/actions/pkg/name`.

    Rows of lists say `"namespace": "ns/pkg"` (openwhisk-api §8.3), and client-js puts a row's namespace into one segment.
    """
    return _PACKAGE_IN_NAMESPACE.sub(rb"\1/actions/\2/\3", raw)


class Edge:
    """Pure ASGI, because it runs on every request."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self.services = services

    def only_api(self) -> Edge:
        """The same for actions in their cells: nothing of the hub but what anybody may call."""
        return Edge(OnlyApi(self._app), self.services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        transaction_id = given_id(scope["headers"]) or new_transaction_id()
        scope.setdefault("state", {})["transaction_id"] = transaction_id
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        if b"%" in raw or b"/." in raw:
            raw = unpacked(resolved(raw.partition(b"?")[0]))
            scope["path"] = decoded(raw) or "/%"
        if scope["path"].startswith(DEPLOY_SERVICE):
            scope["path"] = scope["path"].removeprefix("/runtime")
        target = target_of(scope["path"]) if scope["method"] == "POST" else None
        if target is None and (serving := self._by_themselves(raw, scope, receive, send)) is not None:
            await self._answered(serving, transaction_id)
            return
        open_api = scope["path"].startswith("/api/")
        extra = [(b"x-request-id", transaction_id.encode("latin-1")), *_cors_of(scope)]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        if scope["method"] == "OPTIONS" and open_api:
            body = b"" if scope["path"].startswith(WEB) else b"OK"
            kind = [(b"content-type", b"text/plain; charset=UTF-8")] if body else []
            await send_with_headers(
                {"type": "http.response.start", "status": 200, "headers": [*kind, (b"content-length", str(len(body)).encode())]}
            )
            await send({"type": "http.response.body", "body": body})
            return
        token = bind_request(transaction_id)
        try:
            if target is None:
                await self._app(scope, receive, send_with_headers)
            else:
                await self._hot(target, scope, receive, send_with_headers)
        finally:
            unbind_request(token)

    def _by_themselves(self, raw: bytes, scope: Scope, receive: Receive, send: Send) -> Awaitable[None] | None:
        """Serving a web action or a created API, when the path is one of theirs."""
        action = web_actions.web_target_of(raw) if scope["method"] in web_actions.METHODS else None
        if action is not None:
            return web_actions.serve(self.services, action, scope, receive, send)
        created = gateway.gateway_target_of(scope["path"], raw)
        return None if created is None else gateway.serve(self.services, created, scope, receive, send)

    async def _answered(self, serving: Awaitable[None], transaction_id: str) -> None:
        """A web action or a created API, which says for itself what its answer carries."""
        token = bind_request(transaction_id)
        try:
            await serving
        finally:
            unbind_request(token)

    async def _hot(self, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
        """An invocation or a fire; what is wrong with it is told as by any other route."""

        async def read(largest: int, declared: str) -> bytes:
            return await bodies.read(receive, declared, largest)

        question = Question(target, scope["query_string"], scope["headers"], scope["state"]["transaction_id"])
        try:
            given = await answer(self.services, question, read)
        except RequestError as error:
            response = await on_request_error(Request(scope), error)
        except Exception as error:  # noqa: BLE001 - our own trouble goes to the log, and never to the caller
            response = await on_failure(Request(scope), error)
        else:
            await send({"type": "http.response.start", "status": given.status, "headers": given.headers()})
            await send({"type": "http.response.body", "body": given.body})
            return
        await response(scope, receive, send)


def _cors_of(scope: Scope) -> list[tuple[bytes, bytes]]:
    if not scope["path"].startswith("/api/"):
        return []
    if not scope["path"].startswith(WEB):
        return CORS
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in web_cors.cors_headers(web_actions.headers_of(scope))]


def given_id(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The id that the client gave its request, when it is usable as one."""
    for name, value in headers:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            usable = text and len(text) <= _LONGEST_ID and text.isprintable() and text.isascii() and not text.startswith("sid_")
            return text if usable else None
    return None
