"""Makes action processes that are containers; see `hub.runtime.base.Runtime`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from hub.domain.action import CodeExec
from hub.domain.errors import Malformed
from hub.runtime import isolation
from hub.runtime.base import ActionProcess, LaunchFailed, ProcessSpec
from hub.runtime.container.engine import ContainerSpec, Engine, Holding, ImageMissing
from hub.runtime.container.images import Images, Runtime
from hub.runtime.container.process import ContainerProcess, UnpulledProcess
from hub.runtime.live import Live
from hub.telemetry.log import get_logger

log = get_logger(__name__)

_LOOPBACK = ("127.", "localhost", "::1")


class ContainerRuntime:
    """Everything that runs here runs in a container of the engine.

    `engine` makes the engine when the hub is opened; `api_host` says where actions reach the hub; `remembered` is the file that keeps the
    level of isolation, which is not lowered in silence.
    """

    def __init__(
        self, images: Images, engine: Callable[[], Engine], choice: isolation.Choice, remembered: Path, *, api_host: Callable[[], str]
    ) -> None:
        self._images = images
        self._make_engine = engine
        self._engine: Engine | None = None
        self._choice = choice
        self._remembered = remembered
        self._api_host = api_host
        self._holding = Holding(level=0, name="container", leaves_open="everything, until the engine was asked")
        self.live = Live()
        self._living: set[ContainerProcess] = set()

    async def open(self) -> None:
        """See `Runtime.open`. Raises EngineRefused, IsolationRefused."""
        self._engine = self._make_engine()
        try:
            self._holding = await self._engine.open()
            found = isolation.Isolation(level=self._holding.level, refused=self._holding.higher)
            isolation.settle(found, self._choice, self._remembered)
        except BaseException:
            await self.close()
            raise
        log.info("Actions run in containers", **self.details())
        if (urlsplit(self._api_host()).hostname or "").startswith(_LOOPBACK):
            log.warning("Actions cannot reach the hub: HUB_BASE_URL is on loopback, which is a container's own", base_url=self._api_host())

    @property
    def level(self) -> int:
        """What actions are isolated at."""
        return self._holding.level

    @property
    def outage(self) -> str | None:
        """An engine that does not answer is told by the runs that it fails."""
        return None

    def open_attacks(self) -> list[str]:
        """Nothing was tried."""
        return []

    def details(self) -> dict[str, object]:
        """For the log, `/ready` and the operator's page. The level is what the engine says of itself."""
        holding = self._holding
        return {
            "level": holding.level,
            "name": holding.name,
            "leaves_open": holding.leaves_open,
            "higher": holding.higher,
            "found": "told by the engine, not tried",
        }

    def prepare(self, exec_: CodeExec) -> None:
        """See `Runtime.prepare`: an image does what it has to when its container is initialised."""

    async def launch(self, spec: ProcessSpec) -> ActionProcess:
        """See `Runtime.launch`."""
        return await self._launch(spec, again=partial(self._launch, again=None))

    async def _launch(self, spec: ProcessSpec, *, again: Callable[[ProcessSpec], Awaitable[ActionProcess]] | None) -> ActionProcess:
        try:
            runtime = self._images.of(spec.exec)
        except Malformed as error:
            raise LaunchFailed(f"{spec.exec.kind} does not run here any more") from error
        if self._engine is None:
            raise LaunchFailed("the engine is not open")
        wanted = self._wanted(spec, runtime)
        try:
            container = await self._engine.start(wanted)
        except ImageMissing:
            return UnpulledProcess(wanted.image)
        places = spec.limits.concurrency if runtime.concurrent else 1
        marked = runtime.sentinelled_logs
        process = ContainerProcess(spec, container, marked=marked, places=places, again=again, live=self.live, on_end=self._living.discard)
        self._living.add(process)
        return process

    def _wanted(self, spec: ProcessSpec, runtime: Runtime) -> ContainerSpec:
        environment = {"__OW_API_HOST": self._api_host()}
        if spec.limits.concurrency > 1 and runtime.concurrent:
            environment["__OW_ALLOW_CONCURRENT"] = "true"
        namespace, path, *_ = spec.key
        return ContainerSpec(
            image=runtime.image.reference,
            action=f"/{namespace}/{path}",
            memory=spec.limits.memory,
            env=environment,
            writable=runtime.writable,
            user=runtime.user,
        )

    async def close(self) -> None:
        """See `Runtime.close`."""
        await asyncio.gather(*(process.stop() for process in tuple(self._living)))
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()
