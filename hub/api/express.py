"""The fast lane of the two hot calls: no ASGI in between, the body in hand before anything starts, one write for the whole answer.

A request takes it when it is as nearly all of them are: its path plain, its body short and of a known length, nothing else under way on
its connection. Any other goes through `hub.api.edge`, and is answered alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from hub.api import bodies
from hub.api.edge import CORS, given_id
from hub.api.errors import on_failure, on_request_error
from hub.api.hot import Answer, Begun, Question, Target, answer, begin, ended, overdue, target_of
from hub.domain.activation import Activation
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
        self._path = protocol.url.partition(b"?")[0]
        self._question = Question(*route, protocol.headers, given_id(protocol.headers) or new_transaction_id())
        self._begun: Begun | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The body has come. What is remembered is started at once, anything else in a task of its own."""
        self.more_body = False
        token = bind_request(self._question.transaction_id)
        try:
            self._begun = begin(self._services, self._question, bytes(self.body))
        except Exception as error:  # noqa: BLE001 - told as by any other route
            self._in_task(self._refuse(error))
        else:
            if self._begun is None:
                self._in_task(self._answer(answer(self._services, self._question, self._read)))
            else:
                self._wait_for(self._begun)
        finally:
            unbind_request(token)

    def _in_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._protocol.loop.create_task(work)
        self._drained_with(task)
        return task

    def _drained_with(self, task: asyncio.Task[Any]) -> None:
        """A server that stops waits for it."""
        self._protocol.tasks.add(task)
        task.add_done_callback(self._protocol.tasks.discard)

    def _wait_for(self, begun: Begun) -> None:
        self._drained_with(begun.running.task)
        begun.running.task.add_done_callback(self._ended)
        self._timer = self._protocol.loop.call_later(begun.wait, self._late)

    def _ended(self, task: asyncio.Task[Activation]) -> None:
        if self._timer is None or self._begun is None:
            return
        self._timer.cancel()
        if task.cancelled() or task.exception() is not None:
            self._in_task(self._refuse(task.exception() if not task.cancelled() else asyncio.CancelledError()))
        elif self._protocol.flow.write_paused:
            self._in_task(self._answer(_given(ended(self._begun, task.result()))))
        else:
            self._send(ended(self._begun, task.result()))

    def _late(self) -> None:
        """The wait is over, the run is not."""
        self._timer = None
        if self._begun is not None:
            self._in_task(self._answer(overdue(self._services, self._begun)))

    async def _answer(self, coming: Awaitable[Answer]) -> None:
        try:
            given = await coming
        except Exception as error:  # noqa: BLE001 - told as by any other route
            await self._refuse(error)
        else:
            await self._drain()
            self._send(given)

    async def _read(self, largest: int, declared: str) -> bytes:
        bodies.check_size(int(declared), largest)
        return bytes(self.body)

    async def _refuse(self, error: BaseException | None) -> None:
        """What is wrong with it; our own trouble goes to the log, and never to the caller."""
        state = {"transaction_id": self._question.transaction_id}
        request = Request(
            {"type": "http", "method": "POST", "path": self._path.decode(), "headers": self._question.headers, "state": state}
        )
        if isinstance(error, RequestError):
            response = await on_request_error(request, error)
        else:
            response = await on_failure(request, error if isinstance(error, Exception) else RuntimeError("the run was cancelled"))
        await self._drain()
        self._write(response.status_code, response.raw_headers, bytes(response.body))

    async def _drain(self) -> None:
        """Wait until the client has read what it was sent before."""
        if self._protocol.flow.write_paused and not self.disconnected:
            await self._protocol.flow.drain()

    def _send(self, given: Answer) -> None:
        self._write(given.status, given.headers(), given.body)

    def _write(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Everything in one write: the client is woken once."""
        if self.disconnected:
            return
        protocol = self._protocol
        self.response_started = self.response_complete = True
        transaction_id = self._question.transaction_id.encode("latin-1")
        rows = [*protocol.server_state.default_headers, *headers, (b"x-request-id", transaction_id)]
        if not self.keep_alive:
            rows.append((b"connection", b"close"))
        head = b"".join([b"%s: %s\r\n" % row for row in rows])
        protocol.transport.write(b"%s%s%s\r\n%s" % (STATUS_LINE[status], head, _SHARED, body))
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


async def _given(known: Answer) -> Answer:
    return known
