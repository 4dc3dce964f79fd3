"""Whatever is asked of the pool in whatever order: nobody is forgotten, and there is never more than there is room for."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Response, Status
from hub.runtime.base import ActionProcess, Outcome, ProcessSpec
from hub.runtime.live import Live
from hub.runtime.pool import Pool

BUDGET = 1024
FINE = Outcome(response=Response(status=Status.SUCCESS, result={}), logs=(), run_ms=1)
BROKEN = Outcome(response=Response(status=Status.DEVELOPER_ERROR), logs=(), run_ms=1, reusable=False)
NAMESPACES, ACTIONS = st.sampled_from("nm"), st.sampled_from("abcd")
MEMORY = {"a": 128, "b": 256, "c": 512, "d": 256}
CONCURRENCY = {"a": 1, "b": 3, "c": 1, "d": 2}


class Process:
    """Stands for a process."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec, self.initialized, self.alive, self.places, self.runs = spec, True, True, spec.limits.concurrency, 0

    async def init(self, start: Any) -> None:
        return None

    async def run(self, run: Any) -> Outcome:
        return FINE

    async def stop(self) -> None:
        self.alive = False


class Launches:
    """A runtime that remembers what lives."""

    def __init__(self) -> None:
        self.live = Live()
        self.made: list[Process] = []

    async def open(self) -> None:
        return None

    def prepare(self, exec_: CodeExec) -> None:
        del exec_

    async def launch(self, spec: ProcessSpec) -> Process:
        self.made.append(Process(spec))
        return self.made[-1]

    async def close(self) -> None:
        return None


class PoolMachine(RuleBasedStateMachine):
    """Calls come, are served, fail, give up; processes die; actions change."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.launches = Launches()
        self.pool: Pool = self.loop.run_until_complete(self.given_pool())
        self.asked: list[asyncio.Task[ActionProcess]] = []
        self.serving: list[tuple[ActionProcess, bool]] = []

    async def given_pool(self) -> Pool:
        pool = Pool(self.launches, BUDGET, 600)
        pool._enough = 1000  # nobody waits for a time
        return pool

    def turns(self) -> None:
        """What can happen without anybody's doing happens; who is served takes note."""

        async def some() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(some())
        for task in [task for task in self.asked if task.done()]:
            self.asked.remove(task)
            if not task.cancelled():
                process = task.result()
                process.runs += 1  # type: ignore[attr-defined]
                self.serving.append((process, False))

    @rule(namespace=NAMESPACES, action=ACTIONS)
    def call(self, namespace: str, action: str) -> None:
        limits = Limits(memory=MEMORY[action], concurrency=CONCURRENCY[action])
        spec = ProcessSpec(key=(namespace, action, 1, namespace), exec=CodeExec(kind="python:3", code=""), limits=limits)
        self.asked.append(self.loop.create_task(self.pool.acquire(spec)))
        self.turns()

    @rule(which=st.integers(0, 30))
    def is_ready(self, which: int) -> None:
        if self.serving:
            process, told = self.serving[which % len(self.serving)]
            if not told and not any(known for other, known in self.serving if other is process):
                self.loop.call_soon(self.pool.ready, process) if not self._started(process) else None
                self.serving[which % len(self.serving)] = (process, True)
                self.turns()

    def _started(self, process: ActionProcess) -> bool:
        return bool(self.pool._homes[id(process)].places)

    @rule(which=st.integers(0, 30), outcome=st.sampled_from([FINE, FINE, FINE, BROKEN, None]))
    def ends(self, which: int, outcome: Outcome | None) -> None:
        if self.serving:
            process, _ = self.serving.pop(which % len(self.serving))
            process.runs -= 1  # type: ignore[attr-defined]
            self.loop.call_soon(self.pool.release, process, outcome)
            self.turns()

    @rule(which=st.integers(0, 30))
    def gives_up(self, which: int) -> None:
        if self.asked:
            self.asked[which % len(self.asked)].cancel()
            self.turns()

    @rule(which=st.integers(0, 30), outcome=st.sampled_from([FINE, BROKEN]))
    def all_give_up_when_it_is_their_turn(self, which: int, outcome: Outcome) -> None:
        """At the same moment as another ends, before it could take note."""
        if self.serving and self.asked:
            process, _ = self.serving.pop(which % len(self.serving))
            process.runs -= 1  # type: ignore[attr-defined]
            self.loop.call_soon(self.pool.release, process, outcome)
            for task in self.asked:
                self.loop.call_soon(task.cancel)
            self.turns()

    @rule(which=st.integers(0, 30))
    def dies(self, which: int) -> None:
        if self.launches.made:
            self.launches.made[which % len(self.launches.made)].alive = False

    @rule(namespace=NAMESPACES, action=ACTIONS)
    def changes(self, namespace: str, action: str) -> None:
        self.loop.call_soon(self.pool.forget, namespace, action)
        self.turns()

    @invariant()
    def is_within_the_budget(self) -> None:
        assert self.pool._used <= BUDGET
        assert self.pool._used == sum(home.shelf.memory for home in self.pool._homes.values())

    @invariant()
    def no_process_has_more_runs_than_places(self) -> None:
        assert all(process.runs <= process.places for process in self.launches.made)

    @invariant()
    def nobody_waits_while_there_is_nothing(self) -> None:
        """Who waits, waits for somebody: with no run under way everybody was served."""
        assert self.serving or not self.asked

    def teardown(self) -> None:
        while self.serving:
            self.ends(0, FINE)
        assert not self.asked
        for namespace in "nm":
            for action in "abcd":
                self.changes(namespace, action)
        assert (self.pool._used, self.pool._shelves, self.pool._homes, bool(self.pool._turns)) == (0, {}, {}, False)
        self.loop.run_until_complete(self.pool.close())
        self.loop.close()


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
