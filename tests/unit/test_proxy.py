"""The proxy in a cell: what it takes, what it bounds, and that bytes flow as they should (design §9 "Cells")."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest

from hub.runtime import proxy
from hub.runtime.egress import MOST_CONNECTIONS, Denied, Egress, Gate
from hub.runtime.proxy import LARGEST_HEAD, Forwarder, Proxy

pytestmark = pytest.mark.timeout(20)
MANY = 8_000_000
FLOOD = 100_000_000
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Place(NamedTuple):
    """A server outside, and what it saw."""

    port: int
    heads: list[bytes]
    flooded: asyncio.Future[int]


async def anywhere(host: str, _port: int) -> list[str]:
    """What a test may reach."""
    if host == "denied.example":
        raise Denied("it is a test.")
    return ["127.0.0.1"]


@contextlib.asynccontextmanager
async def serving(answers: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A server for the time of a block."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await answers(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture
async def outside() -> AsyncIterator[Place]:
    """Echoes; `GET /` is answered, `GET /flood` with as much as is taken, of which there is an end."""
    heads: list[bytes] = []
    flooded: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readline()
        if not first.startswith(b"GET"):
            while first:
                writer.write(first)
                await writer.drain()
                first = await reader.read(65_536)
            return
        heads.append(first + await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        if b"flood" in first:
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < FLOOD:
                    writer.write(bytes(65_536))
                    sent += 65_536
                    async with asyncio.timeout(0.5):
                        await writer.drain()
            flooded.set_result(sent)
        writer.write(b"answered")
        await writer.drain()

    async with serving(answers) as port:
        yield Place(port, heads, flooded)


@pytest.fixture
def gate() -> Gate:
    """The way out of a cell that was claimed."""
    made = Gate()
    made.claim(Egress(check=anywhere))
    return made


@pytest.fixture
async def door(gate: Gate) -> AsyncIterator[int]:
    """The port of the proxy."""
    server = await asyncio.get_running_loop().create_server(lambda: Proxy(gate), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        gate.close()
        server.close()


async def asked(door: int, request: bytes) -> bytes:
    """Everything that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door)
    writer.write(request)
    try:
        return await reader.read()
    finally:
        writer.close()


async def tunnel(door: int, port: int, host: str = "somewhere.example") -> Streams:
    """A tunnel to a place."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door)
    writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    return reader, writer


async def test_a_tunnel_carries_bytes_as_they_are(door: int, outside: Place) -> None:
    """Megabytes, both ways at once, to the end of each."""
    reader, writer = await tunnel(door, outside.port)
    data = b"\n" + hashlib.sha256(b"x").digest() * (MANY // 32)

    async def send() -> None:
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    _, back = await asyncio.gather(send(), reader.read())
    writer.close()

    assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


async def test_bytes_that_come_with_the_request_are_not_lost(door: int, outside: Place) -> None:
    """Clients need not wait for the answer of the proxy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door)
    writer.write(f"CONNECT somewhere.example:{outside.port} HTTP/1.1\r\n\r\nearly\n".encode())
    writer.write_eof()

    assert await reader.read() == b"HTTP/1.1 200 Connection established\r\n\r\nearly\n"
    writer.close()


async def test_a_plain_request_goes_to_one_host_only(door: int, outside: Place) -> None:
    """In the form that servers expect, without what is between client and proxy; a second one needs another connection."""
    url = f"http://user:secret@somewhere.example:{outside.port}"
    first = (
        f"GET {url}/a?b=c HTTP/1.1\r\nHost: other.example\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: x\r\nX-Mine: 1\r\n\r\n"
    )
    told = await asked(door, (first + f"GET http://denied.example:{outside.port}/ HTTP/1.1\r\n\r\n").encode())

    assert told.endswith(b"answered")
    assert outside.heads == [
        f"GET /a?b=c HTTP/1.1\r\nhost: somewhere.example:{outside.port}\r\nX-Mine: 1\r\nconnection: close\r\n\r\n".encode()
    ]


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, b"way out of a cell"),
        (b"GET https://a.example/ HTTP/1.1\r\n\r\n", 400, b"way out of a cell"),
        (b"GET ftp://a.example/ HTTP/1.1\r\n\r\n", 400, b"way out of a cell"),
        (b"GET http:///x HTTP/1.1\r\n\r\n", 400, b"way out of a cell"),
        (b"GET http://[::1/ HTTP/1.1\r\n\r\n", 400, b""),
        (b"CONNECT a.example HTTP/1.1\r\n\r\n", 400, b"no usable port"),
        (b"CONNECT a.example:0 HTTP/1.1\r\n\r\n", 400, b"no usable port"),
        (b"CONNECT a.example:65536 HTTP/1.1\r\n\r\n", 400, b"no usable port"),
        (b"CONNECT a.example:\xb2 HTTP/1.1\r\n\r\n", 400, b"no usable port"),
        (b"CONNECT :80 HTTP/1.1\r\n\r\n", 400, b"no host"),
        (b"CONNECT a.example:80\r\n\r\n", 400, b"no HTTP request"),
        (b"\x16\x03\x01\r\n\r\n", 400, b"no HTTP request"),
        (b"CONNECT denied.example:80 HTTP/1.1\r\n\r\n", 403, b"denied.example:80 may not be reached: it is a test."),
        (b"GET http://denied.example/ HTTP/1.1\r\n\r\n", 403, b"denied.example:80 may not be reached: it is a test."),
        (b"GET http://a.example/ HTTP/1.1\r\nx: " + b"x" * LARGEST_HEAD, 431, b"larger than"),
    ],
)
async def test_what_cannot_be_done_is_answered_in_words(door: int, request_: bytes, status: int, words: bytes) -> None:
    """With a status that clients understand."""
    told = await asked(door, request_)

    assert told.startswith(f"HTTP/1.1 {status} ".encode())
    assert words in told.partition(b"\r\n\r\n")[2]


async def test_a_place_that_does_not_answer_is_told_as_such(door: int, outside: Place) -> None:
    """It is no refusal of ours."""
    async with serving(lambda _reader, _writer: asyncio.sleep(0)) as port:
        pass
    told = await asked(door, f"CONNECT somewhere.example:{port} HTTP/1.1\r\n\r\n".encode())

    assert told.startswith(b"HTTP/1.1 502 ")


async def test_a_request_that_takes_too_long_is_hung_up_on(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow head holds nothing open."""
    monkeypatch.setattr(proxy, "HEAD_SECONDS", 0.1)
    server = await asyncio.get_running_loop().create_server(lambda: Proxy(gate), "127.0.0.1", 0)

    assert b"did not arrive in time" in await asked(server.sockets[0].getsockname()[1], b"CONNECT a.exam")
    server.close()


async def test_a_slow_reader_holds_the_sender_back(door: int, outside: Place) -> None:
    """What is not read is not kept in the hub: no more is taken than buffers hold."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", door, limit=1_024)
    writer.write(f"GET http://somewhere.example:{outside.port}/flood HTTP/1.1\r\n\r\n".encode())
    taken = await outside.flooded
    writer.transport.abort()

    assert taken < FLOOD / 4


async def test_a_cell_holds_so_many_connections_and_no_more(door: int, outside: Place) -> None:
    """One that was closed makes room."""
    open_ = [await tunnel(door, outside.port) for _ in range(MOST_CONNECTIONS)]
    told = await asked(door, b"CONNECT a.example:80 HTTP/1.1\r\n\r\n")
    open_[0][1].close()
    while b" 503 " in await asked(door, b"CONNECT denied.example:80 HTTP/1.1\r\n\r\n"):
        pass

    assert told.startswith(b"HTTP/1.1 503 ")
    for _, writer in open_:
        writer.close()


async def test_all_ends_with_the_cell(gate: Gate, door: int, outside: Place) -> None:
    """Tunnels are cut, on both sides; nothing goes out after that."""
    reader, writer = await tunnel(door, outside.port)
    gate.close()
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()

    assert (await asked(door, f"CONNECT a.example:{outside.port} HTTP/1.1\r\n\r\n".encode())).startswith(b"HTTP/1.1 403 ")


async def test_a_cell_of_nobody_lets_nothing_out(outside: Place) -> None:
    """And says so once for each place, until an action claims it."""
    gate, told = Gate(), list[str]()
    gate.on_denied = told.append
    server = await asyncio.get_running_loop().create_server(lambda: Proxy(gate), "127.0.0.1", 0)
    door = server.sockets[0].getsockname()[1]
    before = await asked(door, f"GET http://a.example:{outside.port}/ HTTP/1.1\r\n\r\n".encode())
    gate.claim(Egress(check=anywhere))
    after = await asked(door, f"GET http://a.example:{outside.port}/ HTTP/1.1\r\n\r\n".encode())
    server.close()

    assert before.startswith(b"HTTP/1.1 403 ")
    assert told == [f"egress: a.example:{outside.port} refused: this code may not go out."]
    assert after.endswith(b"answered")


async def test_a_server_that_speaks_first_is_heard(gate: Gate) -> None:
    """As those of mail do, through the listener of a declared place."""

    async def greets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        await writer.drain()

    async with serving(greets) as port:
        server = await asyncio.get_running_loop().create_server(lambda: Forwarder(gate, ("mail.example", port)), "127.0.0.1", 0)
        for _ in range(50):
            assert await asked(server.sockets[0].getsockname()[1], b"") == b"220 mail.example\r\n"
        server.close()


async def test_a_client_that_speaks_first_is_heard(gate: Gate, outside: Place) -> None:
    """Through the same listener: what it sends before the other side is there is kept."""
    server = await asyncio.get_running_loop().create_server(lambda: Forwarder(gate, ("somewhere.example", outside.port)), "127.0.0.1", 0)
    for _ in range(50):
        assert (await asked(server.sockets[0].getsockname()[1], b"GET / HTTP/1.1\r\na: b\r\n\r\n")).endswith(b"answered")
    server.close()
