"""Who may wait for a process, and who hears at once that it is not worth it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from hub.domain.errors import Throttled, Unavailable
from hub.services.backlog import ALWAYS, FEW_ACCEPTED, STARTING, WORTH_WAITING, Backlog


class World:
    """A clock and a count of ended runs that tests move."""

    def __init__(self) -> None:
        self.now, self.served = 1000.0, 0

    def backlog(self, memory: int = 1_000_000) -> Backlog:
        return Backlog(lambda: self.served, memory, lambda: self.now)


@pytest.fixture
def world() -> World:
    """Time stands still in it."""
    return World()


@pytest.fixture
def waiting() -> ExitStack:
    """Calls that wait until the end of the test."""
    return ExitStack()


def given_waiting(waiting: ExitStack, backlog: Backlog, namespace: str, count: int) -> None:
    for _ in range(count):
        waiting.enter_context(backlog.waiting(namespace))


def test_some_may_always_wait(world: World, waiting: ExitStack) -> None:
    """However slow the action is."""
    backlog = world.backlog()
    given_waiting(waiting, backlog, "a", ALWAYS - 1)
    world.now += 50

    backlog.admit("a")


def test_everybody_may_wait_while_processes_start(world: World, waiting: ExitStack) -> None:
    """A thousand calls of a sleeping action come at once, and a few processes will take them all."""
    backlog = world.backlog()
    given_waiting(waiting, backlog, "a", 5 * ALWAYS)
    backlog.admit("a")
    world.now += STARTING

    with pytest.raises(Throttled) as refusal:
        backlog.admit("a")
    assert refusal.value.retry_after >= 1


def test_the_faster_work_is_done_the_more_may_wait(world: World, waiting: ExitStack) -> None:
    """What comes last should not wait longer than it is worth."""
    backlog = world.backlog()
    given_waiting(waiting, backlog, "a", int(1000 * WORTH_WAITING) - 1)
    world.now, world.served = world.now + 10, 10_000
    backlog.admit("a")
    given_waiting(waiting, backlog, "a", 1)

    with pytest.raises(Throttled):
        backlog.admit("a")


def test_a_namespace_that_fills_the_queue_leaves_the_others_their_part(world: World, waiting: ExitStack) -> None:
    """Only the one that has more than its part is refused."""
    backlog = world.backlog()
    given_waiting(waiting, backlog, "noisy", 3 * ALWAYS)
    world.now += STARTING

    backlog.admit("quiet")
    with pytest.raises(Throttled):
        backlog.admit("noisy")


def test_who_waits_no_longer_does_not_count(world: World) -> None:
    """Be it that it was served, or gave up."""
    backlog = world.backlog()
    with ExitStack() as stack:
        given_waiting(stack, backlog, "a", 2 * ALWAYS)
        world.now += STARTING
        assert backlog.figures() == {"waiting": 2 * ALWAYS, "age": STARTING, "refused": 0}

    backlog.admit("a")
    assert backlog.figures() == {"waiting": 0, "age": 0, "refused": 0}


def test_a_hub_without_memory_lets_nobody_wait(world: World, waiting: ExitStack) -> None:
    """Neither calls nor what would be accepted, but for the first of each."""
    backlog = world.backlog(memory=0)
    given_waiting(waiting, backlog, "a", ALWAYS)
    world.now += STARTING
    backlog.admit_accepted(FEW_ACCEPTED - 1)

    with pytest.raises(Unavailable):
        backlog.admit("b")
    with pytest.raises(Unavailable):
        backlog.admit_accepted(FEW_ACCEPTED)
