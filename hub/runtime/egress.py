"""The way out of one cell: closed until an action claims it, then as far as that action may go (design §9 "Cells", reliability §5.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

MOST_CONNECTIONS = 64
"""Connections out of one cell at a time."""
Place = tuple[str, int]
"""A host, by name or address, and a port."""


class Denied(Exception):
    """A place may not be reached; the message is a sentence that says what to do."""


class Egress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an action may go. `check` answers the addresses to connect to, or raises Denied; it resolves a name once.

    `places` are those that get listeners of their own in the cell, for clients that know no proxy: mail, queues, databases.
    """

    check: Callable[[str, int], Awaitable[list[str]]]
    places: tuple[Place, ...] = ()


class Gate:
    """What stands behind the listeners of one cell. `api` is where the hub's API is inside, and `call_api` what answers there."""

    def __init__(self, api: Place | None = None, call_api: Callable[[], asyncio.BaseProtocol] | None = None) -> None:
        self._api = api
        self._call_api = call_api
        self._egress: Egress | None = None
        self._open: set[asyncio.Transport] = set()
        self.on_denied: Callable[[str], None] = lambda _line: None
        """Told of each place that was denied, in a line for the log of the activation."""

    def claim(self, egress: Egress | None) -> None:
        """The cell is an action's from now on; None lets nothing out."""
        self._egress = egress

    def enter(self, transport: asyncio.Transport) -> bool:
        """A connection came from inside; False when there are too many."""
        if len(self._open) >= MOST_CONNECTIONS:
            return False
        self._open.add(transport)
        return True

    def leave(self, transport: asyncio.Transport) -> None:
        """It is closed."""
        self._open.discard(transport)

    def answers(self, host: str, port: int) -> Callable[[], asyncio.BaseProtocol] | None:
        """What answers at that place in the hub itself; None for all places but the API."""
        return self._call_api if (host, port) == self._api else None

    async def addresses(self, host: str, port: int) -> list[str]:
        """Where to connect to. Raises Denied, after it was told."""
        check = self._egress.check if self._egress is not None else _nowhere
        try:
            return await check(host, port)
        except Denied as denied:
            self.on_denied(f"egress: {_shown(host)}:{port} refused: {denied}")
            raise

    def close(self) -> None:
        """The cell is gone, and with it all that it held open."""
        for transport in tuple(self._open):
            transport.abort()
        self._egress = None


async def _nowhere(_host: str, _port: int) -> list[str]:
    raise Denied("this code may not go out.")


def _shown(host: str) -> str:
    """A host as it may stand in a log: the action wrote it."""
    return "".join(letter if letter.isprintable() else "?" for letter in host[:255])
