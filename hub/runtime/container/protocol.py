"""The protocol that images speak: `POST /init` once, then any number of `POST /run`, JSON in and JSON out (openwhisk-api §10.2-10.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import httpx
import msgspec

from hub.domain.parameters import Json

FINE = 200
ENDING = 503
LARGEST_ANSWER = 64 * 1024 * 1024
BOOT_SECONDS = 60.0
"""How long a fresh container may take until it listens."""
_KNOCK_EVERY = 0.02
_encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """A status and the bytes of a body."""

    status: int
    body: bytes


class Broken(Exception):
    """The connection ended before an answer was whole, or the answer makes no sense."""


class Slow(Exception):
    """There was no answer in time."""


class Proxy:
    """The server in a container. `client` is its own; `ended` says whether the container is gone."""

    def __init__(self, client: httpx.AsyncClient, ended: Callable[[], bool]) -> None:
        self._client = client
        self._ended = ended

    async def init(self, value: dict[str, Json], seconds: float) -> Answer:
        """Hand over the code. Raises Broken, Slow.

        A container that was just started does not listen yet, and some engines take the connection and drop it then: it is asked again
        until it answers, and each time it has the whole time.
        """
        body = _encode({"value": value})
        knocking_until = asyncio.get_running_loop().time() + BOOT_SECONDS
        while True:
            try:
                return await self._post("/init", body, seconds)
            except Broken:
                if self._ended() or asyncio.get_running_loop().time() > knocking_until:
                    raise
            await asyncio.sleep(_KNOCK_EVERY)

    async def run(self, value: Json, context: dict[str, str], seconds: float) -> Answer:
        """Run once; every member of `context` becomes `__OW_<UPPER>`. Raises Broken, Slow."""
        return await self._post("/run", _encode({"value": value, **context}), seconds)

    async def _post(self, path: str, body: bytes, seconds: float) -> Answer:
        if self._client.is_closed:
            raise Broken("it was ended")
        try:
            async with asyncio.timeout(max(seconds, 0)):
                async with self._client.stream("POST", path, content=body, headers={"content-type": "application/json"}) as response:
                    return Answer(response.status_code, await _read(response))
        except TimeoutError as error:
            raise Slow from error
        except httpx.HTTPError as error:
            raise Broken(str(error)) from error

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()


async def _read(response: httpx.Response) -> bytes:
    """The body, whatever its length says; one without end is none."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LARGEST_ANSWER:
            raise Broken("the answer has no end")
    return bytes(body)
