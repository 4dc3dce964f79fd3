"""A small load generator: keep-alive connections that send the same request again and again, bounded in count and time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Result:
    """What one run measured; times in milliseconds."""

    count: int
    seconds: float
    p50: float
    p99: float
    refused: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.count / self.seconds


def request(address: str, path: str, body: bytes, authorization: str = "") -> bytes:
    """The bytes of a POST."""
    host = urlsplit(address).netloc
    extra = f"authorization: {authorization}\r\n" if authorization else ""
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Client(asyncio.Protocol):
    """One connection; `left` is shared by all of them."""

    def __init__(self, payload: bytes, left: list[int], until: float, times: list[float], refused: list[int]) -> None:
        self.payload, self.left, self.until, self.times, self.refused = payload, left, until, times, refused
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if self.left[0] <= 0 or time.perf_counter() > self.until:
            if not self.done.done():
                self.done.set_result(None)
            self.transport.close()
            return
        self.left[0] -= 1
        self.begun = time.perf_counter()
        self.transport.write(self.payload)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lower = self.buffer[:head].lower()
        place = lower.find(b"content-length:")
        length = int(lower[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        self.times.append(time.perf_counter() - self.begun)
        if not self.buffer.startswith(b"HTTP/1.1 2"):
            self.refused[0] += 1
        self.buffer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _run(address: str, payload: bytes, clients: int, count: int, seconds: float) -> Result:
    loop = asyncio.get_running_loop()
    place = urlsplit(address)
    left, times, refused = [count], list[float](), [0]
    until = time.perf_counter() + seconds
    begun = time.perf_counter()
    protocols = [
        (await loop.create_connection(lambda: _Client(payload, left, until, times, refused), place.hostname or "", place.port or 0))[1]
        for _ in range(clients)
    ]
    await asyncio.gather(*(protocol.done for protocol in protocols))
    took = time.perf_counter() - begun
    ordered = sorted(times)
    return Result(len(times), took, _at(ordered, 0.5), _at(ordered, 0.99), refused[0])


def _at(ordered: list[float], share: float) -> float:
    """The time (ms) that this share of requests did not exceed."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 if ordered else 0.0


def measure(address: str, payload: bytes, *, clients: int, count: int, seconds: float = 20.0) -> Result:
    """Send `payload` up to `count` times or for `seconds`, whichever ends first."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(address, payload, clients, count, seconds))
