"""The fast lane of the two hot calls: no ASGI in between, the body in hand before anything starts, one write for the whole answer.

A request takes it when it is as nearly all of them are: its path plain, its body short and of a known length, nothing else under way on
its connection. Any other goes through `hub.api.edge`, and is answered alike.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from hub.api import bodies
from hub.api.edge import CORS, given_id
from hub.api.errors import on_failure, on_request_error
from hub.api.hot import Question, Target, answer, target_of
from hub.domain.errors import RequestError
from hub.domain.names import new_transaction_id
from hub.telemetry.log import bind_request, unbind_request

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from hub.services.directory import Services

LARGEST = 65_536
"""Bytes of a body that is kept whole before the caller is known."""
_DIGITS = len(str(LARGEST))
_UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
_SHARED = b"".join(b"%s: %s\r\n" % row for row in CORS)


@lru_cache(maxsize=8192)
def route_of(url: bytes) -> tuple[Target, bytes] | None:
    """What a plain address of a hot call names, and its query."""
    path, _, query = url.partition(b"?")
    if b"%" in path or b"/." in path or not path.isascii():
        return None
    target = target_of(path.decode())
    return (target, query) if target is not None else None


def is_short(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the body is of a known, small length, and the client waits for nothing before it sends it."""
    length = None
    for name, value in headers:
        if name == b"content-length":
            length = value
        elif name in _UNUSUAL:
            return False
    return length is not None and len(length) <= _DIGITS and int(length) <= LARGEST


class _Bell:
    """Nobody waits in the middle of a body."""

    def set(self) -> None:
        """Something changed."""


_BELL = _Bell()


class Express:
    """One request and its answer; takes the place of uvicorn's cycle in the protocol, which reads and sets its public attributes."""

    def __init__(self, protocol: HttpToolsProtocol, services: Services, route: tuple[Target, bytes]) -> None:
        self.message_event = _BELL
        self.keep_alive = True
        self.disconnected = False
        self.body = bytearray()
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        self._protocol = protocol
        self._services = services
        self._route = route
        self._headers = protocol.headers

    async def run_asgi(self, _app: Any) -> None:
        """Answer it; called when the body has come."""
        transaction_id = given_id(self._headers) or new_transaction_id()
        token = bind_request(transaction_id)
        try:
            target, query = self._route
            given = await answer(self._services, Question(target, query, self._headers, transaction_id), self._read)
        except RequestError as error:
            await self._refuse(await on_request_error(self._request(transaction_id), error), transaction_id)
        except Exception as error:  # noqa: BLE001 - our own trouble goes to the log, and never to the caller
            await self._refuse(await on_failure(self._request(transaction_id), error), transaction_id)
        else:
            await self._send(given.status, given.headers(), given.body, transaction_id)
        finally:
            unbind_request(token)

    async def _read(self, largest: int, declared: str) -> bytes:
        bodies.check_size(int(declared), largest)
        return bytes(self.body)

    def _request(self, transaction_id: str) -> Request:
        path = self._protocol.url.partition(b"?")[0].decode()
        state = {"transaction_id": transaction_id}
        return Request({"type": "http", "method": "POST", "path": path, "headers": self._headers, "state": state})

    async def _refuse(self, response: Response, transaction_id: str) -> None:
        await self._send(response.status_code, response.raw_headers, bytes(response.body), transaction_id)

    async def _send(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, transaction_id: str) -> None:
        """Everything in one write: the client is woken once."""
        protocol = self._protocol
        if protocol.flow.write_paused and not self.disconnected:
            await protocol.flow.drain()
        if self.disconnected:
            return
        self.response_started = self.response_complete = True
        rows = [*protocol.server_state.default_headers, *headers, (b"x-request-id", transaction_id.encode("latin-1"))]
        if not self.keep_alive:
            rows.append((b"connection", b"close"))
        head = b"".join([b"%s: %s\r\n" % row for row in rows])
        protocol.transport.write(b"%s%s%s\r\n%s" % (STATUS_LINE[status], head, _SHARED, body))
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()
