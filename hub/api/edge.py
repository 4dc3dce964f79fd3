"""The outermost layer: request ids, clean paths, CORS, and OPTIONS under `/api/v1` (openwhisk-api §1.1, §1.3, §1.6)."""

from __future__ import annotations

import secrets
import string
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.telemetry.log import bind_request, unbind_request

_ALPHABET = string.ascii_letters + string.digits
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"),
    (b"access-control-allow-methods", b"GET, DELETE, POST, PUT, HEAD"),
]
_LONGEST_ID = 128


def new_transaction_id() -> str:
    """32 random letters and digits."""
    number = secrets.randbits(192)
    letters = []
    for _ in range(32):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def clean_path(raw: bytes) -> str | None:
    """Resolve dot segments, then decode each segment once (openwhisk-api §14.12, §14.18); None for a path that cannot be one."""
    kept: list[bytes] = []
    for segment in raw.split(b"/")[1:]:
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment != b".":
            kept.append(segment)
    try:
        segments = [unquote_to_bytes(segment).decode() for segment in kept]
    except UnicodeDecodeError:
        return None
    if any("/" in segment or "\0" in segment or segment in {".", ".."} for segment in segments):
        return None
    return "/" + "/".join(segments)


class Edge:
    """Pure ASGI, because it runs on every request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        transaction_id = _given_id(scope) or new_transaction_id()
        scope.setdefault("state", {})["transaction_id"] = transaction_id
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        if b"%" in raw or b"/." in raw:
            scope["path"] = clean_path(raw.partition(b"?")[0]) or "/%"
        open_api = scope["path"].startswith("/api/")
        extra = [(b"x-request-id", transaction_id.encode("latin-1")), *(_CORS if open_api else ())]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        if scope["method"] == "OPTIONS" and open_api:
            await send_with_headers(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain; charset=UTF-8"), (b"content-length", b"2")]}
            )
            await send({"type": "http.response.body", "body": b"OK"})
            return
        token = bind_request(transaction_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            unbind_request(token)


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            usable = text and len(text) <= _LONGEST_ID and text.isprintable() and text.isascii() and not text.startswith("sid_")
            return text if usable else None
    return None
