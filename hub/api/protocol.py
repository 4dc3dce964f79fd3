"""HTTP as it comes in: what is no request, too large or too slow is refused before any route sees it (reliability §7)."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hub.api.express import Express, is_short, route_of
from hub.domain.names import new_transaction_id
from hub.wire.json import encode

LONGEST_URL = 8_192
LARGEST_HEAD = 32_768
HEAD_SECONDS = 10
BODY_SECONDS = 60
_LOOK_SECONDS = 5

NO_REQUEST = "The request contains bad syntax or cannot be fulfilled."
TOO_LONG = f"The address of the request is longer than {LONGEST_URL} bytes."
TOO_MANY_HEADERS = f"The headers of the request are larger than {LARGEST_HEAD} bytes."
TOO_SLOW = "The request did not arrive in time."


class _RefusedError(Exception):
    """Stops the parser; what is said instead stands in `_refusal`."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Refusals are of the form that clients of `/api/v1` read, and end the connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._services = getattr(self.config.app, "services", None)
        self._refusal = (400, NO_REQUEST)
        self._in_head = True
        self._since = self.loop.time()
        self._chunk = self._first = self._unread = 0
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there; a request has to follow."""
        super().connection_made(transport)
        self._watch = self.loop.call_later(_LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes; the parser keeps a part of a head for itself, so its size is looked at here, too."""
        self._chunk = len(data)
        self._unread += self._chunk
        super().data_received(data)
        if self._in_head and self._unread > LARGEST_HEAD + LONGEST_URL and not self.transport.is_closing():
            self._refuse(431, TOO_MANY_HEADERS)

    def on_message_begin(self) -> None:
        """A request begins; what came before it in the same bytes is not its own."""
        super().on_message_begin()
        self._in_head = True
        self._first, self._unread = self._chunk, 0
        self._since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        super().on_url(url)
        if len(self.url) > LONGEST_URL:
            self._refusal = (414, TOO_LONG)
            raise _RefusedError

    def on_headers_complete(self) -> None:
        """The head is complete: now the routes get it. Headers that come after the body (trailers) are nobody's."""
        came = self._first + self._unread
        if came > LARGEST_HEAD and sum(len(name) + len(value) for name, value in self.headers) > LARGEST_HEAD:
            self._refusal = (431, TOO_MANY_HEADERS)
            raise _RefusedError
        self._in_head = False
        if not self._take_express():
            super().on_headers_complete()
        self.headers = []

    def _take_express(self) -> bool:
        """Whether this is a hot call as nearly all of them are; it is started when its body has come."""
        services = self._services
        if (
            services is None
            or self.parser.get_method() != b"POST"
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
        ):
            return False
        route = route_of(self.url)
        if route is None or not is_short(self.headers) or not (self.cycle is None or self.cycle.response_complete):
            return False
        self.cycle = Express(self, services, route)  # type: ignore[assignment]
        return True

    def on_message_complete(self) -> None:
        """The body is complete."""
        if isinstance(self.cycle, Express) and self.cycle.more_body:
            self.cycle.start()
        else:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser gave up; `msg` is its word for it."""
        del msg
        self._refuse(*self._refusal)

    def _look(self) -> None:
        """Whether the client keeps us waiting: 10 s for a head, 60 s for a body (reliability §7)."""
        self._watch = self.loop.call_later(_LOOK_SECONDS, self._look)
        waited = self.loop.time() - self._since
        in_body = self.cycle is not None and self.cycle.more_body
        if (self._in_head and waited >= HEAD_SECONDS) or (not self._in_head and in_body and waited >= BODY_SECONDS):
            self._refuse(408, TOO_SLOW)

    def _refuse(self, status: int, message: str) -> None:
        """Say it, unless an answer is on its way, and hang up."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started):
            code = new_transaction_id()
            body = encode({"error": message, "code": code})
            head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nx-request-id: {code}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.close()
