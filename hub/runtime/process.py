"""`process:` — each action version in a process of its own that stays warm (openwhisk-api §10). What holds it is the spawner's.

The warm path is one send and one receive on a socket: no thread, no task, no stream object. Several runs at a time share the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import msgspec

from hub.domain.action import CodeExec
from hub.domain.activation import Response
from hub.domain.errors import Malformed
from hub.runtime.base import LaunchFailed, Outcome, ProcessSpec, Run, Start
from hub.runtime.code import Code
from hub.runtime.compilers import Compilers
from hub.runtime.door import Door, Unanswered, Why
from hub.runtime.fair_share import FairShare
from hub.runtime.kinds import Kinds
from hub.runtime.live import Live
from hub.runtime.logs import Logs
from hub.runtime.outcome import DIED_IN_INIT, DIED_IN_RUN, MISSING_LOGS, OUT_OF_MEMORY, fault, init_failure, run_response, too_long
from hub.runtime.spawn import Spawned, Spawner, Wanted

INIT, RUN, ARCHIVE = 0, 1, 2
FINE = 0
PART = 1 << 20
MOST_RUNS = 1000
LONGEST_LIFE = 3600
"""After so many runs, or seconds, a process is replaced (reliability §5.4)."""


class ProcessRuntime:
    """Makes processes of what the spawner starts."""

    def __init__(self, kinds: Kinds, spawner: Spawner, compilers: Compilers | None = None) -> None:
        self._kinds = kinds
        self._spawner = spawner
        self._compilers = compilers
        self._preparing: set[asyncio.Task[None]] = set()
        self.live = Live()
        self._living: set[LaunchedProcess] = set()
        self._shares = FairShare()

    async def open(self) -> None:
        """See `Runtime.open`."""
        await self._spawner.open()
        if self._compilers is not None:
            await self._compilers.open()

    async def launch(self, spec: ProcessSpec) -> LaunchedProcess:
        """See `Runtime.launch`."""
        try:
            kind = self._kinds.resolve(spec.exec.kind)
        except Malformed as error:
            raise LaunchFailed(f"{spec.exec.kind} does not run here any more") from error
        code = await asyncio.to_thread(Code.of, spec.exec) if spec.exec.binary else Code.of(spec.exec)
        if self._compilers is not None:
            code = await self._compilers.compiled(kind, spec.exec, code)
        wanted = Wanted(kind=kind, memory=spec.limits.memory, unpacked=code.size, files=code.files, egress=spec.egress, layers=spec.layers)
        spawned = await self._spawner.spawn(wanted)
        words = {**code.words(self._kinds.interpreter), **kind.words(spec.limits.memory)}
        process = LaunchedProcess(spec, code, words, spawned, self._shares, self.live, on_end=self._living.discard)
        self._living.add(process)
        await process.open()
        return process

    def prepare(self, exec_: CodeExec) -> None:
        """Begin what has to be done once before code can run, such as compiling it; returns at once."""
        if self._compilers is not None and not self._compilers.busy and self._kinds.compiles(exec_.kind):
            task = asyncio.get_running_loop().create_task(self._prepare(exec_, self._compilers))
            self._preparing.add(task)
            task.add_done_callback(self._preparing.discard)

    async def _prepare(self, exec_: CodeExec, compilers: Compilers) -> None:
        code = await asyncio.to_thread(Code.of, exec_)
        with contextlib.suppress(LaunchFailed):
            await compilers.compiled(self._kinds.resolve(exec_.kind), exec_, code)

    async def close(self) -> None:
        """See `Runtime.close`."""
        for task in tuple(self._preparing):
            task.cancel()
        if self._compilers is not None:
            await self._compilers.close()
        self._shares.close()
        await asyncio.gather(*(process.stop() for process in tuple(self._living)))
        await self._spawner.close()


class Initialized(msgspec.Struct):
    """What a launcher says of an action that is ready: whether several runs of it may be under way at a time."""

    concurrent: bool = False


class LaunchedProcess:
    """One launcher with everything it starts. See `ActionProcess`. `words` are what its init says of the code and of how it is run."""

    def __init__(
        self,
        spec: ProcessSpec,
        code: Code,
        words: dict[str, object],
        spawned: Spawned,
        shares: FairShare,
        live: Live,
        *,
        on_end: Callable[[LaunchedProcess], None],
    ) -> None:
        self.spec = spec
        self.initialized = False
        self.alive = True
        self.places = 1
        self._code: Code | None = code
        self._words = words
        self._spawned = spawned
        self._runs = 0
        self._out_of_memory = False
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._born = self._loop.time()
        self._meter = spawned.meter()
        self.namespace = spec.key[3]
        self.relents = spawned.relents
        self.yields = False
        self._shares = shares
        shares.add(self)
        self._since: int | None = None
        self._door = Door(self._died)
        self._logs = Logs(*spawned.pipes(), spec.limits.logs, live)
        spawned.gate.on_denied = self._logs.note
        self._watching: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._loop.add_reader(self._logs.fileno(), self._logs.read)

    async def open(self) -> None:
        """Open the door to it."""
        await self._door.open(self._spawned.door)

    def _died(self, why: Why = Why.ENDED) -> None:
        """It ended, or it must: nobody may ask it again, and what it started ends with it."""
        self.alive = False
        self._meter.cpu()  # the last chance
        if self._stopping is None:
            self._spawned.kill()
        self._door.lose(why)

    # What it is asked

    async def _ask(self, what: int, value: object, seconds: float) -> tuple[int, bytes]:
        """Raises Unanswered when the process ends first, be it that it took too long or too much."""
        if self._watching is None:
            self._watching = self._loop.call_later(max(min(seconds, self._spawned.watch_every), 0), self._watch)
        return await self._door.ask(what, value, self._loop.time() + seconds)

    def _watch(self) -> None:
        """While runs are under way their time and the memory of the process, children included, are looked at.

        The timer of a run that ended serves the next one: it is due before any time limit (100 ms at least) is over.
        """
        self._watching = None
        self._shares.wake()
        if not self._door.waiting:
            return
        left = self._door.next_deadline() - self._loop.time()
        if left <= 0:
            self._died(Why.TIME)
        elif self._takes_too_much():
            self._died(Why.MEMORY)
        else:
            self._watching = self._loop.call_later(min(left, self._spawned.watch_every), self._watch)

    def cpu(self) -> int:
        """See `Member.cpu`."""
        return self._meter.cpu()

    def give_way(self, *, yields: bool) -> None:
        """See `Member.give_way`."""
        self.yields = yields
        self._spawned.weigh(yields=yields)

    def _takes_too_much(self) -> bool:
        resident = self._spawned.resident()
        self._meter.see(resident)
        self._meter.cpu()
        return resident > self.spec.limits.memory * 1_048_576

    async def init(self, start: Start) -> Outcome | None:
        """See `ActionProcess.init`."""
        begun = time.monotonic()
        self._since = self._meter.cpu()
        code, self._code = self._code or Code(), None
        words, self._words = self._words, {}
        if start.secrets:
            self._logs.conceal(start.secrets)
        self._logs.begin(start.env.get("__OW_ACTIVATION_ID", ""))
        if code.problem is not None:
            return await self._failed(fault(f"Initialization has failed due to: {code.problem}"), begun, since=self._run_since(), init=True)
        try:
            for first in range(0, len(code.archive), PART):
                self._door.tell(ARCHIVE, code.archive[first : first + PART])
            what, body = await self._ask(INIT, self._init(words, start), self.spec.limits.timeout / 1000)
        except Unanswered as end:
            return await self._lost(end.why, begun, since=self._run_since(), init=True)
        if what != FINE:
            return await self._failed(init_failure(body), begun, since=self._run_since(), init=True)
        if self.spec.limits.concurrency > 1 and msgspec.json.decode(body, type=Initialized).concurrent:
            self.places = self.spec.limits.concurrency
        self.initialized = True
        return None

    def _init(self, words: dict[str, object], start: Start) -> dict[str, object]:
        env = {**start.env, "__OW_ALLOW_CONCURRENT": "true"} if self.spec.limits.concurrency > 1 else start.env
        places = {"layers": self._spawned.layers, "modules": self._spawned.modules}
        return {"main": self.spec.exec.main, "env": env, **places, **words}

    async def run(self, run: Run) -> Outcome:
        """See `ActionProcess.run`."""
        begun = time.monotonic()
        seconds = run.deadline / 1000 - time.time()
        since = self._run_since()
        activation_id = run.context.get("activation_id", "")
        if run.secrets:
            self._logs.conceal(run.secrets)
        self._logs.begin(activation_id)
        try:
            what, body = await self._ask(RUN, {"value": run.value, "context": run.context}, seconds)
        except Unanswered as end:
            self._logs.end(activation_id)
            return await self._lost(end.why, begun, since=since, init=False)
        response = run_response(body, fine=what == FINE)
        extra = (MISSING_LOGS,) if response.status == 2 else ()  # noqa: PLR2004 - Status.DEVELOPER_ERROR, without an import on the warm path
        took = time.monotonic() - begun
        self._runs += 1
        fresh = self._runs < MOST_RUNS and self._loop.time() - self._born < LONGEST_LIFE and (self.relents or not self.yields)
        self._logs.end(activation_id)
        logs = self._logs.take(*extra, last=not self._door.waiting)
        usage = self._meter.usage(since, took)
        return Outcome(response=response, logs=logs, run_ms=int(took * 1000), reusable=fresh and not extra, usage=usage)

    def _run_since(self) -> int:
        """What the processor time of a run is counted from; the first one is charged with the init."""
        since, self._since = self._since, None
        return self._meter.cpu() if since is None else since

    async def _lost(self, why: Why, begun: float, *, since: int, init: bool) -> Outcome:
        """No answer came. What a group of the kernel ended for its memory is known once it is gone."""
        outcome = await self._failed(fault(""), begun, since=since, init=init, timed_out=why is Why.TIME)
        if why is Why.ENDED and self._out_of_memory:
            why = Why.MEMORY
        died = DIED_IN_INIT if init else DIED_IN_RUN
        words = {Why.TIME: too_long(self.spec.limits.timeout, init=init), Why.MEMORY: OUT_OF_MEMORY, Why.ENDED: died}
        return msgspec.structs.replace(outcome, response=fault(words[why]))

    async def _failed(self, response: Response, begun: float, *, since: int, init: bool, timed_out: bool = False) -> Outcome:
        logs = self._logs.take(MISSING_LOGS)
        took = time.monotonic() - begun
        usage = self._meter.usage(since, took)
        elapsed = int(took * 1000)
        if timed_out:
            elapsed = max(elapsed, self.spec.limits.timeout)  # deadlines are whole milliseconds, rounded down
        await self.stop()
        return Outcome(
            response=response,
            logs=logs,
            run_ms=0 if init else elapsed,
            init_ms=max(elapsed, 1) if init else None,
            timed_out=timed_out,
            reusable=False,
            usage=usage,
        )

    # The end

    async def stop(self) -> None:
        """See `ActionProcess.stop`; who stops waiting for it does not stop it."""
        if self._stopping is None:
            self.alive = self.initialized = False
            self._stopping = self._loop.create_task(self._end())
        await asyncio.shield(self._stopping)

    async def _end(self) -> None:
        self._shares.remove(self)
        self._spawned.kill()
        if self._watching is not None:
            self._watching.cancel()
        self._loop.remove_reader(self._logs.fileno())
        self._door.close()
        self._out_of_memory = await self._spawned.gone()
        self._logs.close()
        self._meter.close()
        self._on_end(self)
