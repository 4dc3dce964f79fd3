"""The port of engines: what makes, reaches, reads and ends containers (openwhisk-api §10.2)."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import httpx
import msgspec

PORT = 8080
"""Where every image listens."""
STEADY = 2.0
"""How long (s) a connection to a container is kept unused: images built on Node.js close theirs after five, without a word."""


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made once: each client makes one of its own otherwise, which takes longer than a container to answer."""


def plain_client(base_url: str, *, socket: str = "", expiry: float | None = None) -> httpx.AsyncClient:
    """A client that speaks http, to a host or a socket file. It has no time-out: each call has its own."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=expiry)
    transport = httpx.AsyncHTTPTransport(uds=socket or None, limits=limits, verify=_NO_TLS)
    return httpx.AsyncClient(transport=transport, base_url=base_url, timeout=None, trust_env=False)  # noqa: S113 - as it says


class EngineRefused(Exception):
    """The hub must not start like this; the message names the setting, what was found, and what to write instead."""


class ImageMissing(Exception):
    """The image cannot be had: the fault of who named it."""


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a container is made of.

    `action` is its full name, for who looks at the engine; `memory` in MB; `env` is there from the start; `writable` says that the image
    needs a root it can write to, and `user` who runs in it, where that is not the image's own affair.
    """

    image: str
    action: str
    memory: int
    env: dict[str, str]
    writable: bool = False
    user: str = ""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine holds actions with, as far as it tells: a level of the ladder, what that leaves open, why it is not a higher one."""

    level: int
    name: str
    leaves_open: str
    higher: dict[str, str] = {}


class Container(Protocol):
    """One that was started.

    `markers` are its streams of output, each with the number of sentinel lines that end a run on it.
    """

    markers: Mapping[str, int]

    def client(self) -> httpx.AsyncClient:
        """Speaks to it; its base URL is the container's. The caller closes it."""

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """What it prints, from start to end: the name of the stream, and bytes. Raises httpx.HTTPError when the engine goes away."""

    async def out_of_memory(self) -> bool:
        """Whether it ended because it took too much."""

    async def end(self) -> None:
        """End it at once with everything in it, and leave nothing of it behind; safe to call twice."""


class Engine(Protocol):
    """Makes containers. All carry a label with the mark of their hub, by which the next start finds what this one left."""

    async def open(self) -> Holding:
        """Find the engine, and end what a former hub of the same mark left. Raises EngineRefused."""

    async def start(self, spec: ContainerSpec) -> Container:
        """A container that was started, though it may not listen yet. Raises ImageMissing, LaunchFailed."""

    async def close(self) -> None:
        """End everything that was started."""
