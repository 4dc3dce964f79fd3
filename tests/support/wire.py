"""HTTP as bytes: requests that no client library would send, over connections that are kept as long as the hub keeps them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

LONGEST_WAIT = 20.0
_BODILESS = (204, 304)


@dataclass
class Answer:
    """What came back. `seconds` run from the last byte sent to the first one received; status 0: the connection ended without an answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


class Wire:
    """One connection at a time to one hub."""

    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        self._host, self._port = place.hostname or "", place.port or 80
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.hang_up()

    async def hang_up(self) -> None:
        """End the connection; the next request makes another."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
            self._writer = None

    async def ask(self, data: bytes, *, head: bool = False, then_close: bool = False) -> Answer:
        """Send bytes as they are and read one answer; `then_close`: send nothing more, as a client that is cut off."""
        fresh = self._writer is None
        answer = await self._once(data, head=head, then_close=then_close)
        if answer.status == 0 and not fresh:
            # The hub had ended an idle connection.
            answer = await self._once(data, head=head, then_close=then_close)
        return answer

    async def _once(self, data: bytes, *, head: bool, then_close: bool) -> Answer:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                self._writer.write(data)
                await self._writer.drain()
                if then_close:
                    self._writer.write_eof()
                begun = time.perf_counter()
                text = await self._reader.readuntil(b"\r\n\r\n")
                seconds = time.perf_counter() - begun
                answer = await self._rest(text, seconds, head=head)
        except (asyncio.IncompleteReadError, OSError):
            answer = Answer(0, {}, b"", time.perf_counter() - begun)
        if answer.status == 0 or then_close or answer.headers.get("connection") == "close":
            await self.hang_up()
        return answer

    async def _rest(self, text: bytes, seconds: float, *, head: bool) -> Answer:
        assert self._reader is not None
        first, *lines = text.decode("latin-1").rstrip("\r\n").split("\r\n")
        status = int(first.split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if head or status in _BODILESS:
            return Answer(status, headers, b"", seconds)
        if "content-length" in headers:
            return Answer(status, headers, await self._reader.readexactly(int(headers["content-length"])), seconds)
        parts: list[bytes] = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readexactly(2)
        return Answer(status, headers, b"".join(parts), seconds)


def request(method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes | None = None) -> bytes:
    """The bytes of a request as it should be, but for what it says."""
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"host: hub", *(name + b": " + value for name, value in headers)]
    if body is not None:
        lines.append(b"content-length: " + str(len(body)).encode())
    return b"\r\n".join([*lines, b"", body or b""])
