"""A door in front of a server that a test can slam: what passes through is cut, and who comes again gets through."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator


class _Door:
    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways, until either side ends."""
        there, away = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, away]
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pump(reader, away), self._pump(there, writer))

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        writer.close()

    def slam(self) -> None:
        """Cut everything that passes through now."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@contextlib.contextmanager
def cutting(port: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of the door, and what slams it."""
    loop = asyncio.new_event_loop()
    door = _Door(port)
    server = loop.run_until_complete(asyncio.start_server(door.pass_on, "127.0.0.1", 0))
    turning = threading.Thread(target=loop.run_forever, daemon=True)
    turning.start()

    def slam() -> None:
        loop.call_soon_threadsafe(door.slam)

    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", slam
    finally:
        slam()
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        turning.join(5)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
