"""A small load generator: keep-alive connections that send the same request again and again, bounded in count and time."""

from __future__ import annotations

import asyncio
import base64
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


def authorization(auth: str) -> str:
    """The header of a key."""
    return "Basic " + base64.b64encode(auth.encode()).decode()


def request(address: str, path: str, body: bytes = b"", authorization: str = "", *, method: str = "POST") -> bytes:
    """The bytes of a request."""
    host = urlsplit(address).netloc
    extra = f"authorization: {authorization}\r\n" if authorization else ""
    if method == "POST":
        extra += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{extra}\r\n".encode() + body


class _Client(asyncio.Protocol):
    """One connection; `left` is shared by all of them.

    `every` (s) is how long after a request the next one follows at the earliest;
    the first one goes out `after` (s) so long, so that clients do not march in step.
    """

    def __init__(
        self, payload: bytes, left: list[int], until: float, times: list[float], refused: list[int], every: float, after: float
    ) -> None:
        self.payload, self.left, self.until, self.times, self.refused, self.every, self.after = (
            payload,
            left,
            until,
            times,
            refused,
            every,
            after,
        )
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self.loop.create_future()
        self.buffer = b""
        self.begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.loop.call_later(self.after, self.send)

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
        wait = self.begun + self.every - time.perf_counter() if self.every else 0
        if wait > 0:
            self.loop.call_later(wait, self.send)
        else:
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _run(address: str, payload: bytes, clients: int, count: int, seconds: float, every: float) -> Result:
    loop = asyncio.get_running_loop()
    place = urlsplit(address)
    left, times, refused = [count], list[float](), [0]
    until = time.perf_counter() + seconds
    begun = time.perf_counter()
    protocols = []
    for number in range(clients):
        client = _Client(payload, left, until, times, refused, every, every * number / clients)
        await loop.create_connection(lambda client=client: client, place.hostname or "", place.port or 0)  # type: ignore[misc]
        protocols.append(client)
    await asyncio.gather(*(protocol.done for protocol in protocols))
    took = time.perf_counter() - begun
    ordered = [took * 1000 for took in sorted(times)]
    return Result(len(times), took, at_share(ordered, 0.5), at_share(ordered, 0.99), refused[0])


def at_share(ordered: list[float], share: float) -> float:
    """The value that this share of the ordered ones did not exceed."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def measure(address: str, payload: bytes, *, clients: int, count: int, seconds: float = 20.0, rate: float = 0) -> Result:
    """Send `payload` up to `count` times or for `seconds`, whichever ends first; at most `rate` a second, if one is given."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(address, payload, clients, count, seconds, clients / rate if rate else 0))
