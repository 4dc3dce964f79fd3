"""One action version in one container."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import httpx
import msgspec

from hub.domain.activation import Response, Status
from hub.domain.parameters import Json
from hub.runtime.base import ActionProcess, LaunchFailed, Outcome, ProcessSpec, Run, Start
from hub.runtime.container.engine import Container
from hub.runtime.container.output import Output
from hub.runtime.container.protocol import ENDING, FINE, Broken, Proxy, Slow
from hub.runtime.live import Live
from hub.runtime.outcome import DIED_IN_INIT, DIED_IN_RUN, MISSING_LOGS, OUT_OF_MEMORY, fault, init_failure, run_response, too_long
from hub.runtime.process import LONGEST_LIFE, MOST_RUNS
from hub.telemetry.log import get_logger

log = get_logger(__name__)

NO_LOGS = "There was an issue while collecting your logs. Data might be missing."
NOT_PROVIDED = "Failed to provision resources to run the action."
_LAST_WORDS = 1.0
"""How long (s) the end of a container that dropped a connection may take to be told."""


class ContainerProcess:
    """See `ActionProcess`.

    `marked` says that the image ends each run with a border in its logs, `places` how many it takes at a time. `again` launches another one
    for a run that this one did not take since it is about to end; None where that was done already.
    """

    def __init__(
        self,
        spec: ProcessSpec,
        container: Container,
        *,
        marked: bool,
        places: int,
        again: Callable[[ProcessSpec], Awaitable[ActionProcess]] | None,
        live: Live,
        on_end: Callable[[ContainerProcess], None],
    ) -> None:
        self.spec = spec
        self.initialized = False
        self.alive = True
        self.places = places
        self._container = container
        self._marked = marked
        self._again = again
        self._start = Start(env={})
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._born = self._loop.time()
        self._runs = 0
        self._under_way = 0
        self._gone = asyncio.Event()
        self._proxy = Proxy(container.client(), self._gone.is_set)
        self._output = Output(container.markers, spec.limits.logs, live)
        self._reading = self._loop.create_task(self._read())
        self._stopping: asyncio.Task[None] | None = None

    async def _read(self) -> None:
        """Its output ends when it does."""
        try:
            async for name, data in self._container.output():
                self._output.add(name, data)
                if self._output.forged:
                    self.alive = False
        except httpx.HTTPError as error:
            log.warning("The output of a container cannot be read any more", reason=str(error))
        finally:
            self.alive = False
            self._gone.set()
            self._output.finish()

    async def _last_words(self) -> None:
        """A container that is going has a moment to be gone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await self._gone.wait()

    # What it is asked

    async def init(self, start: Start) -> Outcome | None:
        """See `ActionProcess.init`."""
        begun = time.monotonic()
        limit = self.spec.limits.timeout
        try:
            answer = await self._proxy.init(self._words(start), limit / 1000)
        except (Broken, Slow) as end:
            return await self._lost(end, begun, init=True)
        if answer.status != FINE:
            return await self._failed(init_failure(answer.body), begun, init=True)
        self.initialized = True
        self._start = start
        return None

    def _words(self, start: Start) -> dict[str, Json]:
        exec_ = self.spec.exec
        words: dict[str, Json] = {
            "name": self.spec.key[1].rpartition("/")[2],
            "main": exec_.main or "main",
            "binary": exec_.binary,
            "env": dict(start.env),
        }
        return words if exec_.image is not None and not exec_.code else {**words, "code": exec_.code}

    async def run(self, run: Run) -> Outcome:
        """See `ActionProcess.run`."""
        begun = time.monotonic()
        self._output.begin(run.context.get("activation_id", ""))
        self._under_way += 1
        try:
            answer = await self._proxy.run(run.value, run.context, run.deadline / 1000 - time.time())
            elapsed = int((time.monotonic() - begun) * 1000)
        except (Broken, Slow) as end:
            return await self._lost(end, begun, init=False)
        finally:
            self._under_way -= 1
        if answer.status == ENDING and self._again is not None:
            return await self._elsewhere(run, self._again)
        response = run_response(answer.body, fine=answer.status == FINE)
        extra = await self._border()
        faulty = response.status is Status.DEVELOPER_ERROR
        if faulty:
            extra = (*extra, MISSING_LOGS)
        self._output.end(run.context.get("activation_id", ""))
        logs = self._output.take(*extra, last=not self._under_way)
        self._runs += 1
        fresh = self._runs < MOST_RUNS and self._loop.time() - self._born < LONGEST_LIFE
        return Outcome(response=response, logs=logs, run_ms=elapsed, reusable=fresh and not faulty and self.alive)

    async def _elsewhere(self, run: Run, again: Callable[[ProcessSpec], Awaitable[ActionProcess]]) -> Outcome:
        """A container that is about to end says 503, which is no result: another one runs it, and ends with it (openwhisk-api §3.3)."""
        await self.stop()
        try:
            other = await again(self.spec)
        except LaunchFailed as error:
            log.warning("Another container could not be started", reason=str(error))
            return Outcome(response=Response.error(Status.WHISK_ERROR, NOT_PROVIDED), logs=(), run_ms=0, reusable=False)
        try:
            outcome = await other.init(self._start) or await other.run(run)
        finally:
            await other.stop()
        return msgspec.structs.replace(outcome, reusable=False)

    async def _border(self) -> tuple[str, ...]:
        """Wait for what the run printed; words of our own when it cannot be known."""
        if not self.spec.limits.logs:
            return ()
        if not self._marked:
            await self._output.settled()
            return ()
        return () if await self._output.answered() else (NO_LOGS,)

    async def _lost(self, end: Broken | Slow, begun: float, *, init: bool) -> Outcome:
        """No answer came."""
        slow = isinstance(end, Slow)
        words = too_long(self.spec.limits.timeout, init=init) if slow else DIED_IN_INIT if init else DIED_IN_RUN
        if not slow:
            await self._last_words()
            if await self._container.out_of_memory():
                words = OUT_OF_MEMORY
        return await self._failed(fault(words), begun, init=init, timed_out=slow)

    async def _failed(self, response: Response, begun: float, *, init: bool, timed_out: bool = False) -> Outcome:
        elapsed = int((time.monotonic() - begun) * 1000)
        if timed_out:
            elapsed = max(elapsed, self.spec.limits.timeout)  # deadlines are whole milliseconds, rounded down
        self.alive = False
        await self._output.settled()
        logs = self._output.take(MISSING_LOGS)
        await self.stop()
        return Outcome(
            response=response,
            logs=logs,
            run_ms=0 if init else elapsed,
            init_ms=max(elapsed, 1) if init else None,
            timed_out=timed_out,
            reusable=False,
        )

    # The end

    async def stop(self) -> None:
        """See `ActionProcess.stop`; who stops waiting for it does not stop it."""
        if self._stopping is None:
            self.alive = self.initialized = False
            self._stopping = self._loop.create_task(self._end())
        await asyncio.shield(self._stopping)

    async def _end(self) -> None:
        await self._container.end()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._proxy.close()
        self._on_end(self)


class UnpulledProcess:
    """Stands in for a container whose image cannot be had: the developer's error, told in upstream's words (openwhisk-api §3.3)."""

    def __init__(self, image: str) -> None:
        self.initialized = False
        self.alive = True
        self.places = 1
        self._image = image

    async def init(self, start: Start) -> Outcome:
        """How it failed."""
        del start
        self.alive = False
        return Outcome(response=fault(f"Failed to pull container image '{self._image}'."), logs=(), run_ms=0, reusable=False)

    async def run(self, run: Run) -> Outcome:
        """As `init`: nothing runs."""
        del run
        return await self.init(Start(env={}))

    async def stop(self) -> None:
        """Nothing was started."""
        self.alive = False
