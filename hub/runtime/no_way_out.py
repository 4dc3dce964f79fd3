"""What answers at a cell's way out while nothing is let through: a refusal in words."""

from __future__ import annotations

import asyncio
from typing import cast

SENTENCE = "This hub lets actions reach its own API and nothing else: there is no way out of a cell yet.\n"
_ANSWER = (
    "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    f"Content-Length: {len(SENTENCE)}\r\n\r\n{SENTENCE}"
).encode()


class NoWayOut(asyncio.Protocol):
    """An HTTP proxy that refuses the first request it hears of, whatever it is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        del data
        self._transport.write(_ANSWER)
        self._transport.close()
