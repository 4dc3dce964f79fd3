"""The pool keeps processes warm within its budget, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Response, Status
from hub.runtime import pool as module
from hub.runtime.base import ActionProcess, LaunchFailed, Outcome, ProcessSpec
from hub.runtime.live import Live
from hub.runtime.pool import Pool

FINE = Outcome(response=Response(status=Status.SUCCESS, result={}), logs=(), run_ms=1)
BROKEN = Outcome(response=Response(status=Status.DEVELOPER_ERROR), logs=(), run_ms=1, reusable=False)


class Process:
    """Stands for a process; knows whether it was ended."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec, self.initialized, self.stopped, self.alive = spec, True, False, True
        self.places = spec.limits.concurrency

    async def init(self, start: Any) -> None:
        return None

    async def run(self, run: Any) -> Outcome:
        return FINE

    async def stop(self) -> None:
        self.stopped, self.alive = True, False


class Launches:
    """A runtime that launches at once, or fails when it is told to."""

    def __init__(self) -> None:
        self.live = Live()
        self.made: list[Process] = []
        self.fail = False

    async def open(self) -> None:
        return None

    def prepare(self, exec_: CodeExec) -> None:
        del exec_

    async def launch(self, spec: ProcessSpec) -> Process:
        if self.fail:
            raise LaunchFailed("no")
        self.made.append(Process(spec))
        return self.made[-1]

    async def close(self) -> None:
        return None


def spec(
    name: str = "a", revision: int = 1, memory: int = 256, *, concurrency: int = 1, instances: int | None = None, namespace: str = "ns"
) -> ProcessSpec:
    limits = Limits(memory=memory, concurrency=concurrency, instances=instances)
    return ProcessSpec(key=(namespace, name, revision, namespace), exec=CodeExec(kind="python:3", code=""), limits=limits)


@pytest.fixture
def launches() -> Launches:
    """What was launched."""
    return Launches()


def given_pool(launches: Launches, memory: int = 1024, idle: float = 60) -> Pool:
    return Pool(launches, memory, idle)


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_process_that_is_given_back_serves_again(launches: Launches) -> None:
    """At once, without waiting."""
    pool = given_pool(launches)
    assert pool.try_acquire(spec()) is None
    process = await pool.acquire(spec())
    pool.release(process, FINE)

    assert pool.try_acquire(spec()) is process
    assert len(launches.made) == 1


async def test_another_revision_gets_another_process(launches: Launches) -> None:
    """A process serves one key for its whole life."""
    pool = given_pool(launches)
    pool.release(await pool.acquire(spec()), FINE)

    assert pool.try_acquire(spec(revision=2)) is None
    assert (await pool.acquire(spec(revision=2))) is launches.made[1]


@pytest.mark.parametrize("outcome", [BROKEN, None])
async def test_a_process_that_must_not_serve_again_is_ended(launches: Launches, outcome: Outcome | None) -> None:
    """After a failure, and when nobody knows what became of it."""
    pool = given_pool(launches)
    pool.release(await pool.acquire(spec()), outcome)
    await turns()

    assert launches.made[0].stopped
    assert pool.try_acquire(spec()) is None


async def test_idle_ones_of_others_make_room(launches: Launches) -> None:
    """Of equal ones the longest unused first."""
    pool = given_pool(launches, memory=512)
    first, second = await pool.acquire(spec("a")), await pool.acquire(spec("b"))
    pool.release(first, FINE)
    pool.release(second, FINE)
    await pool.acquire(spec("c"))
    await turns()

    assert [process.stopped for process in launches.made] == [True, False, False]


async def test_who_finds_no_room_waits_for_it(launches: Launches) -> None:
    """And goes on as soon as there is some."""
    pool = given_pool(launches, memory=256)
    busy = await pool.acquire(spec("a"))
    waiting = asyncio.create_task(pool.acquire(spec("b")))
    await turns()
    assert not waiting.done()
    pool.release(busy, FINE)

    assert (await waiting) is launches.made[1]


async def test_a_waiter_that_is_cancelled_leaks_nothing(launches: Launches) -> None:
    """The next one gets the room."""
    pool = given_pool(launches, memory=256)
    busy = await pool.acquire(spec("a"))
    gone, waiting = asyncio.create_task(pool.acquire(spec("b"))), asyncio.create_task(pool.acquire(spec("c")))
    await turns()
    gone.cancel()
    await turns()
    pool.release(busy, FINE)

    assert (await waiting) is launches.made[1]


async def test_a_failing_launch_gives_its_room_back(launches: Launches) -> None:
    """Otherwise the budget would shrink with every failure."""
    pool = given_pool(launches, memory=256)
    launches.fail = True
    for _ in range(3):
        with pytest.raises(LaunchFailed):
            await pool.acquire(spec())
    launches.fail = False

    assert await pool.acquire(spec())


async def test_many_callers_are_all_served_within_the_budget(launches: Launches) -> None:
    """Whatever they ask for; never more memory than there is."""
    pool = given_pool(launches, memory=768)

    async def one(number: int) -> None:
        process = await pool.acquire(spec("abcde"[number % 5]))
        living = [made for made in launches.made if not made.stopped]
        assert len(living) <= 3 + 1  # one may be ending
        await asyncio.sleep(0)
        pool.release(process, FINE if number % 7 else BROKEN)

    async with asyncio.timeout(20):
        await asyncio.gather(*(one(number) for number in range(200)))


async def test_a_changed_action_ends_its_idle_processes(launches: Launches) -> None:
    """The others stay warm."""
    pool = given_pool(launches)
    for name in ("a", "b"):
        pool.release(await pool.acquire(spec(name)), FINE)
    pool.forget("ns", "a")
    await turns()

    assert [process.stopped for process in launches.made] == [True, False]


async def test_what_is_not_used_is_ended(launches: Launches) -> None:
    """After the idle time."""
    pool = given_pool(launches, idle=0.05)
    process = await pool.acquire(spec())
    pool.release(process, FINE)
    async with asyncio.timeout(5):
        while not launches.made[0].stopped:  # noqa: ASYNC110 - the timer of the pool is what is waited for
            await asyncio.sleep(0.01)

    assert pool.try_acquire(spec()) is None


async def test_a_busy_key_does_not_keep_the_others_waiting(launches: Launches) -> None:
    """However fast its callers come back, another key gets its turn."""
    pool = given_pool(launches, memory=256)
    served = []

    async def ask(name: str) -> None:
        process = pool.try_acquire(spec(name)) or await pool.acquire(spec(name))
        await asyncio.sleep(0)
        served.append(name)
        pool.release(process, FINE)

    async def keep_asking() -> None:
        while "b" not in served and len(served) < 1000:
            await ask("a")

    async with asyncio.timeout(20):
        await asyncio.gather(keep_asking(), keep_asking(), asyncio.create_task(ask("b")))

    assert "b" in served[:-2]


async def test_callers_of_one_key_share_a_process_before_it_makes_room(launches: Launches) -> None:
    """A start costs more than a turn: the others follow when it had its time."""
    pool = given_pool(launches, memory=256)
    busy = await pool.acquire(spec("a"))
    order: list[str] = []

    async def ask(name: str) -> None:
        process = await pool.acquire(spec(name))
        order.append(name)
        pool.release(process, FINE)

    asked = [asyncio.create_task(ask(name)) for name in ("b", "a", "a", "b")]
    await turns()
    pool.release(busy, FINE)
    async with asyncio.timeout(20):
        await asyncio.gather(*asked)

    assert order == ["a", "a", "b", "b"]
    assert len(launches.made) == 2


async def test_keys_take_turns_when_a_process_had_its_time(launches: Launches, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that waits longest comes first, then the next."""
    monkeypatch.setattr(module, "TENURE", -1.0)
    pool = given_pool(launches, memory=256)
    busy = await pool.acquire(spec("a"))
    order: list[str] = []

    async def ask(name: str) -> None:
        process = await pool.acquire(spec(name))
        order.append(name)
        pool.release(process, FINE)

    asked = [asyncio.create_task(ask(name)) for name in ("b", "b", "c", "a")]
    await turns()
    pool.release(busy, FINE)
    async with asyncio.timeout(20):
        await asyncio.gather(*asked)

    assert order == ["b", "c", "a", "b"]


async def test_a_namespace_with_many_actions_gets_no_more_turns_than_one_with_a_single_action(launches: Launches) -> None:
    """Room goes to the namespace that holds the least, however many wait before it."""
    pool = given_pool(launches, memory=512)
    busy = [await pool.acquire(spec(name, namespace="many")) for name in ("first", "second")]
    many = [asyncio.create_task(pool.acquire(spec(f"action{number}", namespace="many"))) for number in range(50)]
    one = asyncio.create_task(pool.acquire(spec("only", namespace="one")))
    await turns()
    pool.release(busy[0], BROKEN)

    assert (await one).spec.key[0] == "one"  # type: ignore[attr-defined]
    assert not any(task.done() for task in many)
    pool.release(busy[1], BROKEN)
    await turns()
    assert [task.done() for task in many] == [True] + [False] * 49
    for task in many:
        task.cancel()


async def test_the_least_useful_makes_room_first(launches: Launches) -> None:
    """What was used once goes before what is used all the time, although that was given back earlier; what is larger goes first, too."""
    pool = given_pool(launches, memory=1024)
    often = await pool.acquire(spec("often"))
    for _ in range(100):
        pool.release(often, FINE)
        assert pool.try_acquire(spec("often")) is often
    once, large = await pool.acquire(spec("once")), await pool.acquire(spec("large", memory=512))
    for process in (often, once, large):
        pool.release(process, FINE)
    await pool.acquire(spec("next"))
    await turns()
    assert [process.stopped for process in launches.made] == [False, False, True, False]
    await pool.acquire(spec("more", memory=512))
    await turns()

    assert [process.stopped for process in launches.made] == [False, True, True, False, False]
    assert pool.evicted == 2


async def test_ten_thousand_actions_leave_nothing_behind(launches: Launches) -> None:
    """What was ended is known to nobody any more."""
    pool = given_pool(launches, memory=1024)
    for number in range(10_000):
        pool.release(await pool.acquire(spec(f"action{number}")), FINE)

    assert len(pool._shelves) == len(pool._homes) == 4
    assert len(pool._turns._held) == 1


async def test_a_process_that_died_while_idle_is_not_handed_out(launches: Launches) -> None:
    """Neither at once nor to somebody who waits."""
    pool = given_pool(launches, memory=256)
    process = await pool.acquire(spec())
    pool.release(process, FINE)
    launches.made[0].alive = False

    assert pool.try_acquire(spec()) is None
    fresh = await pool.acquire(spec())
    waiting = asyncio.create_task(pool.acquire(spec()))
    await turns()
    launches.made[1].alive = False
    pool.release(fresh, FINE)
    assert (await waiting) is launches.made[2]


async def test_an_action_that_changed_while_it_ran_does_not_serve_again(launches: Launches) -> None:
    """Not even when another of the same name and revision has taken its place."""
    pool = given_pool(launches)
    old = await pool.acquire(spec())
    pool.forget("ns", "a")
    new = await pool.acquire(spec())
    pool.release(old, FINE)
    await turns()

    assert new is not old
    assert pool.try_acquire(spec()) is None
    assert [process.stopped for process in launches.made] == [True, False]


@pytest.mark.parametrize("name", ["a", "b"])
async def test_what_was_given_to_a_cancelled_caller_goes_to_the_next(launches: Launches, name: str) -> None:
    """Be it a process or room for one, handed over just before."""
    pool = given_pool(launches, memory=256)
    busy = await pool.acquire(spec("a"))
    gone, waiting = asyncio.create_task(pool.acquire(spec(name))), asyncio.create_task(pool.acquire(spec("a")))
    await turns()
    pool.release(busy, FINE)
    gone.cancel()

    async with asyncio.timeout(5):
        assert (await waiting).alive
    assert gone.cancelled()


async def test_nobody_waits_for_a_closed_pool(launches: Launches) -> None:
    """Who does is told."""
    pool = given_pool(launches, memory=256)
    await pool.acquire(spec("a"))
    waiting = asyncio.create_task(pool.acquire(spec("b")))
    await turns()
    await pool.close()

    with pytest.raises(LaunchFailed):
        await waiting
    with pytest.raises(LaunchFailed):
        await pool.acquire(spec("c"))


# Several runs in one process


async def given_shared(pool: Pool, concurrency: int, name: str = "a") -> ActionProcess:
    """A process at work that takes more."""
    process = await pool.acquire(spec(name, concurrency=concurrency))
    pool.ready(process)
    return process


async def test_a_process_takes_as_many_runs_as_its_action_allows(launches: Launches) -> None:
    """Before another is started; its memory is counted once."""
    pool = given_pool(launches, memory=512)
    process = await given_shared(pool, 3)
    assert [pool.try_acquire(spec(concurrency=3)) for _ in range(3)] == [process, process, None]
    second = await pool.acquire(spec(concurrency=3))
    assert second is not process
    pool.release(process, FINE)

    assert pool.try_acquire(spec(concurrency=3)) is process
    assert pool._used == 512


async def test_those_who_come_while_a_process_starts_wait_for_it(launches: Launches) -> None:
    """As many as it will have places for; one more starts another."""
    pool = given_pool(launches)
    first = await pool.acquire(spec(concurrency=3))
    waiting = [asyncio.create_task(pool.acquire(spec(concurrency=3))) for _ in range(3)]
    await turns()
    assert [task.done() for task in waiting] == [False, False, True]
    pool.ready(first)

    assert [await task for task in waiting] == [first, first, launches.made[1]]


async def test_those_who_waited_for_room_share_the_process_that_got_it(launches: Launches) -> None:
    """Room for one is enough for all of them."""
    pool = given_pool(launches, memory=512)
    busy = [await pool.acquire(spec("b")) for _ in range(2)]
    waiting = [asyncio.create_task(pool.acquire(spec("a", concurrency=9))) for _ in range(5)]
    await turns()
    pool.release(busy[0], None)
    pool.release(busy[1], None)
    await turns()
    pool.ready(launches.made[2])

    assert {id(await task) for task in waiting} == {id(launches.made[2])}
    assert len(launches.made) == 3


@pytest.mark.parametrize("fails", ["launch", "init"])
async def test_those_who_waited_for_one_that_did_not_start_try_again(launches: Launches, fails: str) -> None:
    """Each failure is told to one of them only."""
    pool = given_pool(launches)
    launches.fail = fails == "launch"
    first = asyncio.create_task(pool.acquire(spec(concurrency=5)))
    waiting = [asyncio.create_task(pool.acquire(spec(concurrency=5))) for _ in range(2)]
    if fails == "launch":
        await asyncio.gather(first, *waiting, return_exceptions=True)
        assert all(isinstance(task.exception(), LaunchFailed) for task in (first, *waiting))
    else:
        pool.release(await first, BROKEN)
        await turns()
        assert [task.done() for task in waiting] == [True, False]
        pool.ready(launches.made[1])
        assert await waiting[1] is launches.made[1]


async def test_one_that_turns_out_to_take_one_run_only_keeps_nobody_waiting(launches: Launches) -> None:
    """Others get processes of their own."""
    pool = given_pool(launches)
    first = await pool.acquire(spec(concurrency=5))
    waiting = asyncio.create_task(pool.acquire(spec(concurrency=5)))
    await turns()
    launches.made[0].places = 1
    pool.ready(first)

    assert await waiting is launches.made[1]


@pytest.mark.parametrize("dies", [False, True])
async def test_a_process_that_must_not_serve_again_ends_with_its_last_run(launches: Launches, dies: bool) -> None:  # noqa: FBT001 - a column of the table
    """It takes no further one, and its room is free only then."""
    pool = given_pool(launches)
    process = await given_shared(pool, 3)
    assert pool.try_acquire(spec(concurrency=3)) is process
    launches.made[0].alive = not dies
    pool.release(process, BROKEN)
    await turns()

    assert pool.try_acquire(spec(concurrency=3)) is None
    assert (launches.made[0].stopped, pool._used) == (False, 256)
    pool.release(process, FINE)
    await turns()
    assert (launches.made[0].stopped, pool._used) == (True, 0)


async def test_a_shared_process_that_had_its_time_takes_no_more_while_others_wait(
    launches: Launches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would never be idle, and they would wait for ever."""
    monkeypatch.setattr(module, "TENURE", -1.0)
    pool = given_pool(launches, memory=256)
    process = await given_shared(pool, 3)
    other = asyncio.create_task(pool.acquire(spec("b")))
    await turns()
    assert pool.try_acquire(spec(concurrency=3)) is None
    pool.release(process, FINE)

    assert await other is launches.made[1]


async def test_an_action_that_changed_is_not_shared_any_more(launches: Launches) -> None:
    """Those who wait for the old one get the new."""
    pool = given_pool(launches)
    old = await pool.acquire(spec(concurrency=3))
    waiting = asyncio.create_task(pool.acquire(spec(concurrency=3)))
    await turns()
    pool.forget("ns", "a")
    pool.ready(old)
    await turns()

    assert await waiting is launches.made[1]
    pool.release(old, FINE)
    await turns()
    assert launches.made[0].stopped


async def test_no_more_processes_of_an_action_than_it_may_have(launches: Launches) -> None:
    """Who finds them all busy waits, and others are not kept waiting by that."""
    pool = given_pool(launches)
    limited = spec(instances=1)
    first = await pool.acquire(limited)
    waiting = [asyncio.create_task(pool.acquire(limited)) for _ in range(2)]
    await turns()
    assert await pool.acquire(spec("b")) is launches.made[1]
    assert not any(task.done() for task in waiting)
    pool.release(first, FINE)
    assert await waiting[0] is first
    pool.release(first, BROKEN)

    assert await waiting[1] is launches.made[2]


async def test_those_who_wait_for_a_place_are_told_when_the_pool_closes(launches: Launches) -> None:
    """As those who wait for room."""
    pool = given_pool(launches)
    await pool.acquire(spec(instances=1))
    waiting = asyncio.create_task(pool.acquire(spec(instances=1)))
    await turns()
    await pool.close()

    with pytest.raises(LaunchFailed):
        await waiting


@pytest.mark.parametrize("seed", range(12))
async def test_no_mixture_of_calls_leaks_room(launches: Launches, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures, cancellations, deaths and changes: in the end all room is free again."""
    chance = random.Random(seed)  # noqa: S311 - a failure can be repeated
    monkeypatch.setattr(module, "TENURE", chance.choice([-1.0, 0.001, 1.0]))
    monkeypatch.setattr(module, "PATIENCE", 0.001)
    pool = given_pool(launches, memory=768)
    pool._enough = 2
    shares: dict[str, dict[str, Any]] = {"a": {"concurrency": 3}, "b": {"instances": 1}, "c": {}, "d": {"concurrency": 2, "instances": 2}}
    told: list[ActionProcess] = []
    runs: Counter[ActionProcess] = Counter()

    async def one() -> None:
        name = chance.choice("abcd")
        memory = {"a": 128, "b": 256, "c": 512, "d": 1024}[name]
        limits = Limits(memory=memory, **shares[name])
        process = await pool.acquire(msgspec.structs.replace(spec(name), limits=limits))
        outcome = None
        runs[process] += 1
        try:
            assert runs[process] <= process.places
            await turns(chance.randrange(4))
            if process not in told and chance.random() > 0.2:
                told.append(process)
                pool.ready(process)
            await turns(chance.randrange(4))
            outcome = chance.choice([FINE, FINE, FINE, BROKEN, None])
            process.alive = chance.random() > 0.1
            if chance.random() < 0.1:
                pool.forget("ns", name)
        finally:
            runs[process] -= 1
            pool.release(process, outcome)

    async def cancelled(task: asyncio.Task[None]) -> None:
        await turns(chance.randrange(20))
        if chance.random() < 0.3:
            task.cancel()

    tasks = [asyncio.create_task(one()) for _ in range(300)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(cancelled(task) for task in tasks))
        await asyncio.gather(*tasks, return_exceptions=True)
    for name in "abcd":
        pool.forget("ns", name)
    await turns()

    assert (pool._used, pool._shelves, pool._homes, bool(pool._turns)) == (0, {}, {}, False)
    assert not pool._turns._held
    assert all(process.stopped for process in launches.made)
