"""The pool keeps processes warm within its budget, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Response, Status
from hub.runtime.base import LaunchFailed, Outcome, ProcessSpec
from hub.runtime.pool import Pool

FINE = Outcome(response=Response(status=Status.SUCCESS, result={}), logs=(), run_ms=1)
BROKEN = Outcome(response=Response(status=Status.DEVELOPER_ERROR), logs=(), run_ms=1, reusable=False)


class Process:
    """Stands for a process; knows whether it was ended."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec, self.initialized, self.stopped = spec, True, False

    async def init(self, start: Any) -> None:
        return None

    async def run(self, run: Any) -> Outcome:
        return FINE

    async def stop(self) -> None:
        self.stopped = True


class Launches:
    """A runtime that launches at once, or fails when it is told to."""

    def __init__(self) -> None:
        self.made: list[Process] = []
        self.fail = False

    async def open(self) -> None:
        return None

    async def launch(self, spec: ProcessSpec) -> Process:
        if self.fail:
            raise LaunchFailed("no")
        self.made.append(Process(spec))
        return self.made[-1]

    async def close(self) -> None:
        return None


def spec(name: str = "a", revision: int = 1, memory: int = 256) -> ProcessSpec:
    return ProcessSpec(key=("ns", name, revision), exec=CodeExec(kind="python:3", code=""), limits=Limits(memory=memory))


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
    """The longest unused first."""
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
