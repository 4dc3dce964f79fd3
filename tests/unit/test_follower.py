"""Followers: who is slow loses the oldest and hears how many, who comes back goes on where it was."""

from __future__ import annotations

import asyncio

import pytest

from hub.domain.activation import Activation, Response, Status
from hub.services.follower import KEPT, LARGEST_QUEUE, LARGEST_QUEUE_BYTES, ROWS, ActivationFollower, Follower, Ring


async def all_of(follower: Follower) -> tuple[list[str], int]:
    """Marks of what waits, and how many were dropped; nothing else will come."""
    if not follower.closed:
        follower.end()
    marks: list[str] = []
    dropped = 0
    while True:
        batch = await follower.batch()
        assert len(batch.rows) <= follower.most + 1
        marks += [row.mark for row in batch.rows]
        dropped += batch.dropped
        if batch.last:
            return marks, dropped


def record(*logs: str) -> Activation:
    return Activation(
        activation_id="a", namespace="ns", name="x", path="x", version="0.0.1", subject="ns", start=1, end=2, duration=1, logs=logs,
        response=Response(status=Status.SUCCESS, result={}),
    )  # fmt: skip


async def test_history_comes_first_then_what_is_new_then_the_end() -> None:
    """Lines are numbered as in the log, and what the record has more is told before the end."""
    follower = ActivationFollower()
    follower.past(("1", "2"))
    follower.add(["3"])
    follower.ended(record("1", "2", "3", "4"))

    assert await all_of(follower) == (["1", "2", "3", "4", "end"], 0)


@pytest.mark.parametrize(("after", "marks"), [(1, ["2", "3", "4"]), (3, ["4"]), (4, []), (9, [])])
async def test_who_comes_back_goes_on(after: int, marks: list[str]) -> None:
    """Be it within what was printed before or after."""
    follower = ActivationFollower(after)
    follower.past(("1", "2"))
    follower.add(["3", "4"])
    follower.ended(record("1", "2", "3", "4"))

    assert await all_of(follower) == ([*marks, "end"], 0)


async def test_a_slow_reader_costs_no_more_than_its_queue() -> None:
    """In rows and in bytes; the newest are kept, and the end always comes."""
    follower = ActivationFollower()
    follower.add(str(number) for number in range(LARGEST_QUEUE + 100))
    follower.ended(record())
    marks, dropped = await all_of(follower)
    wide = ActivationFollower()
    wide.add("x" * 300_000 for _ in range(100))

    assert (len(marks), dropped, marks[0], marks[-1]) == (LARGEST_QUEUE + 1, 100, "101", "end")
    assert (await all_of(wide))[1] == 100 - LARGEST_QUEUE_BYTES // 300_000


async def test_a_long_history_is_given_whole() -> None:
    """It is there already, so it costs nothing to keep."""
    follower = ActivationFollower()
    follower.past(tuple("x" for _ in range(3 * LARGEST_QUEUE)))
    follower.ended(record(*(("x",) * 3 * LARGEST_QUEUE)))

    assert (await all_of(follower))[0][-2:] == [str(3 * LARGEST_QUEUE), "end"]


async def test_a_follower_waits_without_asking() -> None:
    """Until something comes, or it is ended."""
    follower = Follower()
    first = await follower.batch()
    waiting = asyncio.create_task(follower.batch())
    await asyncio.sleep(0)
    assert (first.rows, waiting.done()) == ([], False)
    follower.end()

    assert (await waiting).last


async def test_a_namespace_is_watched_by_action() -> None:
    """Each sees what it asked for, fifty rows at a time."""
    ring = Ring()
    everything, one = ring.follow(None, ""), ring.follow("pkg/a", "")
    for number in range(2 * ROWS):
        ring.add("pkg/a" if number % 2 else "b", "line", {"line": str(number)})

    assert len((await everything.batch()).rows) == ROWS
    assert len((await all_of(one))[0]) == ROWS


async def test_a_ring_remembers_a_little() -> None:
    """Who comes back in time misses nothing; later it is told how much, or that nobody knows."""
    ring = Ring()
    seen = ring.follow(None, "")
    for number in range(10):
        ring.add("a", "line", {"line": str(number)})
    third = (await seen.batch()).rows[2].mark
    back = ring.follow(None, third)
    assert len((await all_of(back))[0]) == 7
    for number in range(KEPT):
        ring.add("a", "line", {"line": str(number)})

    assert [await all_of(ring.follow(None, mark)) for mark in ("", "other-3", "rubbish")] == [([], 0), ([], -1), ([], -1)]
    marks, dropped = await all_of(ring.follow(None, third))
    assert (len(marks), dropped) == (KEPT, 7)
