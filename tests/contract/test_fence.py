"""Level 2 has no network of its own, and yet two ways out only: the API and the proxy (hub/docs/isolation.md)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.domain.action import CodeExec, Limits
from hub.runtime.base import ProcessSpec, Run, Start
from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.cells import ladder
from hub.runtime.egress import Denied, Egress
from hub.runtime.kinds import Kinds
from hub.runtime.process import ProcessRuntime
from tests.support.cells import plan_for, users

STRAIGHT = """
import http.client, os, socket
def asked(port, path):
    way = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    way.request("GET", path)
    answer = way.getresponse()
    return [answer.status, answer.read().decode().strip()]
def main(a):
    proxy, api = (int(os.environ[name].rpartition(":")[2]) for name in ("http_proxy", "__OW_API_HOST"))
    with socket.socket() as way:
        straight = way.connect_ex(("127.0.0.1", a["port"]))
    return {"api": asked(api, "/"), "out": asked(proxy, "http://somewhere.example:%d/" % a["port"]), "denied": asked(proxy, "http://denied.example/")[0], "straight": straight}
"""


class Says(asyncio.Protocol):
    """A web server that says one thing."""

    def __init__(self, words: str) -> None:
        self._words = words.encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        del data
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(self._words) + self._words)


async def anywhere_but(host: str, _port: int) -> list[str]:
    """What an action may reach here."""
    if host == "denied.example":
        raise Denied("it is a test.")
    return ["127.0.0.1"]


@contextlib.asynccontextmanager
async def fenced() -> AsyncIterator[ProcessRuntime]:
    """What runs actions at level 2."""
    with plan_for(users()[-1], everybody=True) as plan:
        doors = Doors()
        doors.api = lambda: Says("the API")
        spawner = CellSpawner(plan, ladder.FENCE, doors, api_host=lambda: "http://hub.example", port=3233, idle=600)
        runtime = ProcessRuntime(Kinds.discover(), spawner)
        await runtime.open()
        try:
            yield runtime
        finally:
            await runtime.close()


@pytest.mark.timeout(60)
async def test_behind_a_fence_there_are_the_api_and_the_proxy() -> None:
    """Every other port of the machine's loopback is cut off, the hub's own among them."""
    loop = asyncio.get_running_loop()
    outside = await loop.create_server(lambda: Says("outside"), "127.0.0.1", 0)
    port = outside.sockets[0].getsockname()[1]
    spec = ProcessSpec(
        key=("ns", "straight", 1, "ns"),
        exec=CodeExec(kind="python:3", code=STRAIGHT),
        limits=Limits(timeout=20_000),
        egress=Egress(check=anywhere_but),
    )
    async with fenced() as runtime:
        process = await runtime.launch(spec)
        assert await process.init(Start(env={})) is None
        outcome = await process.run(Run(value={"port": port}, context={}, deadline=int(time.time() * 1000) + 20_000))
        await process.stop()
    outside.close()
    found: Any = outcome.response.result

    assert found == {"api": [200, "the API"], "out": [200, "outside"], "denied": 403, "straight": errno.EACCES}, outcome
    assert [line[31:] for line in outcome.logs] == ["stderr: egress: denied.example:80 refused: it is a test."]
