"""An engine whose containers are local processes: the port of engines without an API in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx

from hub.runtime.container.engine import STEADY, ContainerSpec, Holding, ImageMissing, plain_client
from tests.support.containers import LocalContainer, can_be_had
from tests.support.servers import free_port


class LocalEngine:
    """See `hub.runtime.container.engine.Engine`."""

    def __init__(self) -> None:
        self.started: list[Local] = []

    async def open(self) -> Holding:
        return Holding(level=0, name="local process", leaves_open="everything")

    async def start(self, spec: ContainerSpec) -> Local:
        if not can_be_had(spec.image):
            raise ImageMissing(spec.image)
        inner = LocalContainer(spec.image, "127.0.0.1", free_port(), spec.memory, spec.env)
        await inner.start()
        self.started.append(Local(inner))
        return self.started[-1]

    async def close(self) -> None:
        for container in self.started:
            await container.end()


class Local:
    """See `Container`."""

    markers: Mapping[str, int] = {"stdout": 1, "stderr": 1}

    def __init__(self, inner: LocalContainer) -> None:
        self.inner = inner

    def client(self) -> httpx.AsyncClient:
        return plain_client(f"http://{self.inner.host}:{self.inner.port}", expiry=STEADY)

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        return self.inner.output()

    async def out_of_memory(self) -> bool:
        return self.inner.oom

    async def end(self) -> None:
        await self.inner.end()
