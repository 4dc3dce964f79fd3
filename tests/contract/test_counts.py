"""Counts and far pages of records agree with the records, whatever was added, repeated or removed (openwhisk-api §8.1)."""

from __future__ import annotations

import asyncio
import random

import msgspec

from hub.domain.names import activation_ids_before
from hub.storage.base import ActivationFilter, Ending, Page, RetentionCut, Store
from hub.storage.sql.counts import FAR, SPAN
from tests.contract.test_storage import activation

FIRST = 1_000 * SPAN
LAST = FIRST + 20 * SPAN
MOMENTS = (None, FIRST, FIRST + 1, FIRST + 5 * SPAN - 1, FIRST + 5 * SPAN + 7, LAST, LAST + 3 * SPAN)


async def filled(store: Store, count: int = 1_500) -> list[tuple[int, str]]:
    """Start and path of records all over twenty spans, written by many at a time, some of them twice."""
    chance = random.Random(7)  # noqa: S311 - nothing is secret
    starts = [chance.choice([FIRST, LAST, chance.randrange(FIRST, LAST)]) for _ in range(count)]
    rows = [
        activation("a", start, path=chance.choice(["a", "pkg/a"]), activation_id=f"{activation_ids_before(start)[:12]}{number:020x}")
        for number, start in enumerate(starts)
    ]
    endings = [Ending(activation=row) for row in rows]
    await asyncio.gather(*(store.finish(endings[place : place + 100]) for place in range(0, count, 100)))
    await store.finish(endings[:50])
    await store.finish(
        [
            Ending(activation=msgspec.structs.replace(rows[0], name="other")),
            Ending(activation=activation("b", FIRST, activation_id="f" * 32)),
        ]
    )
    return [(row.start, row.path) for row in rows] + [(FIRST, "b")]


def fits(row: tuple[int, str], where: ActivationFilter) -> bool:
    start, path = row
    return (where.path in (None, path)) and (where.since is None or start >= where.since) and (where.upto is None or start <= where.upto)


async def check(store: Store, rows: list[tuple[int, str]]) -> None:
    for path in (None, "pkg/a", "b"):
        for since in MOMENTS:
            for upto in MOMENTS:
                where = ActivationFilter(path=path, since=since, upto=upto)
                assert await store.count_activations("ns", where) == sum(fits(row, where) for row in rows), where


async def test_counts_are_those_of_the_records(store: Store) -> None:
    """For every filter, at the borders of what is counted together and within, also after some were removed."""
    rows = await filled(store)
    await check(store, rows)
    before = FIRST + 7 * SPAN + 12_345
    while await store.sweep(RetentionCut(activations_before=before, batch=90)):
        pass
    rows = [row for row in rows if row[0] >= before or row[1] == "b"]

    await check(store, rows)
    assert await store.count_activations("else", ActivationFilter()) == 0


async def test_a_far_page_is_the_page(store: Store) -> None:
    """However many rows are passed over, and whatever the filter."""
    rows = await filled(store)
    for where in (
        ActivationFilter(),
        ActivationFilter(path="a"),
        ActivationFilter(since=FIRST + 3),
        ActivationFilter(upto=LAST - SPAN // 2),
        ActivationFilter(path="pkg/a", since=FIRST + SPAN + 1, upto=LAST + 1),
    ):
        starts = sorted((row[0] for row in rows if fits(row, where)), reverse=True)
        for skip in (0, FAR - 1, FAR, FAR + 1, FAR + 137, len(starts) - 1, len(starts), len(starts) + FAR):
            found = await store.list_activations("ns", where, Page(skip=max(skip, 0), limit=30))
            assert [row.start for row in found] == starts[max(skip, 0) : max(skip, 0) + 30], (where, skip)


async def test_a_list_may_leave_out_the_logs(store: Store) -> None:
    """They are large, and rows of a list do not show them."""
    record = msgspec.structs.replace(activation(), logs=("one",))
    await store.finish([Ending(activation=record)])

    assert (await store.list_activations("ns", ActivationFilter(), Page()))[0].logs == ("one",)
    assert (await store.list_activations("ns", ActivationFilter(), Page(), logs=False))[0].logs == ()
