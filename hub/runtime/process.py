"""`process:` — each action version in a child process of its own that stays warm (openwhisk-api §10; isolation comes with cells).

The warm path is one send and one receive on a socket: no thread, no task, no stream object. Several runs at a time share the socket.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from hub.domain.activation import Response
from hub.domain.errors import Malformed
from hub.runtime.base import LaunchFailed, Outcome, ProcessSpec, Run, Start
from hub.runtime.child import Child
from hub.runtime.door import Door, Unanswered, Why
from hub.runtime.kinds import Kinds
from hub.runtime.logs import Logs, Stream
from hub.runtime.outcome import DIED_IN_INIT, DIED_IN_RUN, MISSING_LOGS, OUT_OF_MEMORY, fault, init_failure, run_response, too_long
from hub.runtime.unpack import BadArchive, is_archive, unpack

INIT, RUN = 0, 1
FINE = 0
WATCH_EVERY = 0.05
_LAUNCHERS = Path(__file__).with_name("launchers")


class ProcessRuntime:
    """Makes child processes. `work` is a folder below which each gets its own; `api_host` says where actions reach the hub."""

    def __init__(self, kinds: Kinds, work: Path, api_host: Callable[[], str]) -> None:
        self._kinds = kinds
        self._work = work
        self._api_host = api_host
        self._living: set[ChildProcess] = set()

    async def open(self) -> None:
        """See `Runtime.open`; what a former hub left in the work folder goes."""
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
        self._work.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def launch(self, spec: ProcessSpec) -> ChildProcess:
        """See `Runtime.launch`."""
        try:
            kind = self._kinds.resolve(spec.exec.kind)
        except Malformed as error:
            raise LaunchFailed(f"{spec.exec.kind} does not run here any more") from error
        folder = self._work / secrets.token_hex(8)
        flags = ["-I", "-S"] if kind.family == "python" else [f"--max-old-space-size={max(spec.limits.memory, 64)}"]
        command = [kind.program, *flags, str(_LAUNCHERS / kind.launcher)]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "__OW_API_HOST": self._api_host(),
        }
        if spec.limits.concurrency > 1:
            environment["__OW_ALLOW_CONCURRENT"] = "true"
        try:
            folder.mkdir(mode=0o700, parents=True)
            child = Child(command, folder, environment)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise LaunchFailed(f"{kind.program} could not be started: {error.strerror}") from error
        process = ChildProcess(spec, folder, child, on_end=self._living.discard)
        self._living.add(process)
        return process

    async def close(self) -> None:
        """See `Runtime.close`."""
        await asyncio.gather(*(process.stop() for process in tuple(self._living)))
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)


class Initialized(msgspec.Struct):
    """What a launcher says of an action that is ready: whether several runs of it may be under way at a time."""

    concurrent: bool = False


class ChildProcess:
    """One child with its process group. See `ActionProcess`."""

    def __init__(self, spec: ProcessSpec, folder: Path, child: Child, *, on_end: Callable[[ChildProcess], None]) -> None:
        self.spec = spec
        self.initialized = False
        self.alive = True
        self.places = 1
        self._folder = folder
        self._child = child
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._door = Door(child.door, self._died)
        self._logs = Logs(*child.pipes(), spec.limits.logs)
        self._stopping: asyncio.Task[None] | None = None
        for stream in self._logs.streams:
            self._loop.add_reader(stream.pipe, self._log_readable, stream)

    def _log_readable(self, stream: Stream) -> None:
        if not self._logs.read(stream):
            self._loop.remove_reader(stream.pipe)

    def _died(self, why: Why = Why.ENDED) -> None:
        """It ended, or it must: nobody may ask it again, and what it started ends with it."""
        self.alive = False
        if self._stopping is None:
            self._child.kill()
        self._door.lose(why)

    # What it is asked

    async def _ask(self, what: int, value: object, seconds: float) -> tuple[int, bytes]:
        """Raises Unanswered when the process ends first, be it that it took too long or too much."""
        if not self._door.waiting:
            self._watching = self._loop.call_later(max(min(seconds, WATCH_EVERY), 0), self._watch)
        try:
            return await self._door.ask(what, value, self._loop.time() + seconds)
        finally:
            if not self._door.waiting:
                self._watching.cancel()

    def _watch(self) -> None:
        """While runs are under way their time and the memory of the process, children included, are looked at."""
        left = self._door.next_deadline() - self._loop.time()
        if left <= 0:
            self._died(Why.TIME)
        elif self._child.resident() > self.spec.limits.memory * 1_048_576:
            self._died(Why.MEMORY)
        else:
            self._watching = self._loop.call_later(min(left, WATCH_EVERY), self._watch)

    async def init(self, start: Start) -> Outcome | None:
        """See `ActionProcess.init`."""
        begun = time.monotonic()
        limit = self.spec.limits.timeout
        try:
            value = {"main": self.spec.exec.main, "env": start.env, **await self._code()}
            what, body = await self._ask(INIT, value, limit / 1000)
        except BadArchive as error:
            return await self._failed(fault(f"Initialization has failed due to: {error}"), begun, init=True)
        except Unanswered as end:
            response = _death(end.why, DIED_IN_INIT, too_long(limit, init=True))
            return await self._failed(response, begun, init=True, timed_out=end.why is Why.TIME)
        if what != FINE:
            return await self._failed(init_failure(body), begun, init=True)
        if self.spec.limits.concurrency > 1 and msgspec.json.decode(body, type=Initialized).concurrent:
            self.places = self.spec.limits.concurrency
        self.initialized = True
        return None

    async def _code(self) -> dict[str, str]:
        exec_ = self.spec.exec
        if not exec_.binary:
            return {"code": exec_.code}
        data = await asyncio.to_thread(exec_.data)
        if not is_archive(data):
            return {"code": data.decode(errors="replace")}
        folder = self._folder / "action"
        await asyncio.to_thread(unpack, data, folder)
        return {"folder": str(folder)}

    async def run(self, run: Run) -> Outcome:
        """See `ActionProcess.run`."""
        begun = time.monotonic()
        seconds = run.deadline / 1000 - time.time()
        try:
            what, body = await self._ask(RUN, {"value": run.value, "context": run.context}, seconds)
        except Unanswered as end:
            response = _death(end.why, DIED_IN_RUN, too_long(self.spec.limits.timeout, init=False))
            return await self._failed(response, begun, init=False, timed_out=end.why is Why.TIME)
        response = run_response(body, fine=what == FINE)
        extra = (MISSING_LOGS,) if response.status == 2 else ()  # noqa: PLR2004 - Status.DEVELOPER_ERROR, without an import on the warm path
        elapsed = int((time.monotonic() - begun) * 1000)
        return Outcome(response=response, logs=self._logs.take(*extra, last=not self._door.waiting), run_ms=elapsed, reusable=not extra)

    async def _failed(self, response: Response, begun: float, *, init: bool, timed_out: bool = False) -> Outcome:
        logs = self._logs.take(MISSING_LOGS)
        elapsed = int((time.monotonic() - begun) * 1000)
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
        self._child.kill()
        for stream in self._logs.streams:
            self._loop.remove_reader(stream.pipe)
        self._door.close()
        await asyncio.to_thread(self._reap)
        self._logs.close()
        self._on_end(self)

    def _reap(self) -> None:
        self._child.reap()
        shutil.rmtree(self._folder, ignore_errors=True)


def _death(why: Why, died: str, timed_out: str) -> Response:
    """The words for a run whose process ended."""
    return fault({Why.TIME: timed_out, Why.MEMORY: OUT_OF_MEMORY, Why.ENDED: died}[why])
