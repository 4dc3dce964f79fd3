"""What answers inside a cell: a proxy that speaks HTTP CONNECT and plain requests, and forwarders to places that were declared.

The address that was checked is the one that is connected to; the name stays with the client, in TLS and in the Host header. Bytes flow
both ways with back-pressure; nothing of them is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from hub.runtime.egress import Denied, Gate, Place

LARGEST_HEAD = 16_384
HEAD_SECONDS = 10.0
CONNECT_SECONDS = 10.0
_HTTP = 80
_LARGEST_PORT = 65_535
_OF_ONE_HOP = {b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive", b"te", b"upgrade", b"host"}
_REASONS = {400: "Bad Request", 403: "Forbidden", 431: "Request Header Fields Too Large", 502: "Bad Gateway", 503: "Service Unavailable"}


class Side(asyncio.Protocol):
    """One of two connections whose bytes are the other's. The other one may come later: what arrives before it does is kept back."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self.early = b""
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)
        elif self.other is None and self.transport is not None:
            self.early += data
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """One direction ended; the other may go on. When both have, so has the connection."""
        self.ended = True
        if self.other is not None and self.other.transport is not None and not self.other.ended:
            with contextlib.suppress(OSError, RuntimeError):
                self.other.transport.write_eof()
            return True
        return False

    def pause_writing(self) -> None:
        """The reader of this side is slow: the other side waits."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Both end together."""
        del exc
        self.transport = None
        other, self.other = self.other, None
        if other is not None and other.transport is not None:
            other.transport.close()


class FromInside(Side):
    """A connection that a process in a cell made."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if not self._gate.enter(cast("asyncio.Transport", transport)):
            self.refuse(503, "Too many connections out of this cell at a time.")

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self.transport is not None:
            self._gate.leave(self.transport)
        if self._task is not None:
            self._task.cancel()
        super().connection_lost(exc)

    def refuse(self, status: int, sentence: str) -> None:
        """Say why not, where there are words for it, and hang up."""
        del status, sentence
        if self.transport is not None:
            self.transport.abort()

    def connected(self) -> None:
        """The other side is there; called before any bytes of it come."""

    def go(self, host: str, port: int, first: bytes) -> None:
        """Connect to a place, then let the bytes flow, `first` before all others."""
        if self.transport is not None:
            self.transport.pause_reading()
            self._task = self._loop.create_task(self._go(host, port, first))

    async def _go(self, host: str, port: int, first: bytes) -> None:
        try:
            within = self._gate.answers(host, port)
            outside = await self._call(within) if within else await self._connect(await self._gate.addresses(host, port), port)
        except Denied as denied:
            self.refuse(403, f"{host}:{port} may not be reached: {denied}")
        except (OSError, TimeoutError) as error:
            self.refuse(502, f"{host}:{port} cannot be reached: {getattr(error, 'strerror', None) or 'it did not answer in time'}.")
        else:
            self._splice(outside, first)

    async def _connect(self, addresses: list[str], port: int) -> Side:
        """A connection to the first of the checked addresses that answers. Raises OSError or TimeoutError."""
        last: Exception = TimeoutError()
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, side = await self._loop.create_connection(Side, address, port)
            except (OSError, TimeoutError) as error:
                last = error
            else:
                return side
        raise last

    async def _call(self, answers: Callable[[], asyncio.BaseProtocol]) -> Side:
        """A connection to what answers in the hub: clients that take every address to the proxy find the API as well."""
        theirs, ours = socket.socketpair()
        await self._loop.connect_accepted_socket(answers, theirs)
        _, side = await self._loop.create_unix_connection(Side, sock=ours)
        return side

    def _splice(self, outside: Side, first: bytes) -> None:
        if self.transport is None and outside.transport is not None:
            outside.transport.abort()
        if self.transport is None:
            return
        if outside.transport is None:
            self.refuse(502, "The connection was closed as soon as it was made.")
            return
        self.other, outside.other = outside, self
        self.connected()
        outside.transport.write(first + self.early)
        self.transport.write(outside.early)
        self.early = outside.early = b""
        outside.transport.resume_reading()
        self.transport.resume_reading()


class Forwarder(FromInside):
    """Connections to one declared place."""

    def __init__(self, gate: Gate, place: Place) -> None:
        super().__init__(gate)
        self._place = place

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.go(*self._place, b"")


class Proxy(FromInside):
    """An HTTP proxy. A plain request is sent on with `Connection: close`: the next one, maybe to another host, is checked as well."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate)
        self._head = bytearray()
        self._tunnel = False
        self._slow = self._loop.call_later(HEAD_SECONDS, self.refuse, 400, "The request did not arrive in time.")

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._slow.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._task is not None:
            super().data_received(data)
            return
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end >= 0:
            self._slow.cancel()
            head, rest = bytes(self._head[:end]), bytes(self._head[end + 4 :])
            self._requested(head, rest)
        elif len(self._head) > LARGEST_HEAD:
            self.refuse(431, f"The head of a request is larger than {LARGEST_HEAD} bytes.")

    def _requested(self, head: bytes, rest: bytes) -> None:
        try:
            method, target, *rows = _lines(head)
            self._tunnel = method == b"CONNECT"
            host, port, first = _tunnel(target, rest) if self._tunnel else _plain(method, target, rows, rest)
        except ValueError as error:
            self.refuse(400, str(error))
        else:
            self.go(host, port, first)

    def connected(self) -> None:
        """See `FromInside.connected`."""
        if self._tunnel and self.transport is not None:
            self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def refuse(self, status: int, sentence: str) -> None:
        """See `FromInside.refuse`."""
        if self.transport is None or self.transport.is_closing():
            return
        body = f"{sentence}\n".encode()
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        self.transport.close()


def _lines(head: bytes) -> list[bytes]:
    """Method, target and header lines. Raises ValueError with a sentence."""
    first, *rows = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise ValueError("This is no HTTP request.")
    return [words[0], words[1], *rows]


def _tunnel(target: bytes, rest: bytes) -> tuple[str, int, bytes]:
    host, port = _place(target.decode("latin-1"), None)
    return host, port, rest


def _plain(method: bytes, target: bytes, rows: list[bytes], rest: bytes) -> tuple[str, int, bytes]:
    """Where a request in absolute form goes, and what is sent there."""
    url = urlsplit(target.decode("latin-1"))
    if url.scheme != "http" or not url.netloc:
        raise ValueError("This is the way out of a cell: it takes CONNECT, and requests for http:// addresses.")
    host, port = _place(url.netloc.rpartition("@")[2], _HTTP)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [row for row in rows if row.partition(b":")[0].strip().lower() not in _OF_ONE_HOP]
    shown = url.netloc.rpartition("@")[2].encode("latin-1")
    lines = [method + b" " + path.encode("latin-1") + b" HTTP/1.1", b"host: " + shown, *kept, b"connection: close"]
    return host, port, b"\r\n".join(lines) + b"\r\n\r\n" + rest


def _place(text: str, port: int | None) -> Place:
    """`host:port`, IPv6 in brackets. Raises ValueError with a sentence."""
    host, colon, digits = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, digits = text, str(port or "")
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= _LARGEST_PORT):
        raise ValueError("The address has no usable port.")
    if not host.strip("[]"):
        raise ValueError("The address has no host.")
    return host.removeprefix("[").removesuffix("]"), int(digits)
