"""A namespace that takes more than its part of the processor yields to the others."""

from __future__ import annotations

from hub.runtime.fair_share import EVERY, OF_LATE, FairShare


class Process:
    """Uses a part of a processor, and remembers what it was told."""

    def __init__(self, namespace: str, *, relents: bool = True) -> None:
        self.namespace, self.relents, self.yields, self.used = namespace, relents, False, 0

    def cpu(self) -> int:
        return self.used

    def give_way(self, *, yields: bool) -> None:
        self.yields = yields


def passes(shares: FairShare, seconds: float, **use: tuple[Process, float]) -> None:
    """Time goes by in which each process uses so many processors."""
    for _ in range(round(seconds / EVERY)):
        for process, cores in use.values():
            process.used += round(cores * EVERY * 1e9)
        IDLE[0] += (CORES - sum(cores for _, cores in use.values())) * EVERY
        NOW[0] += EVERY
        shares.look(EVERY, NOW[0])


NOW, IDLE = [1000.0], [0.0]
CORES = 2


def given(*processes: Process) -> FairShare:
    shares = FairShare(lambda: IDLE[0])
    for process in processes:
        shares.add(process)
    return shares


async def test_who_takes_all_yields_once_another_works() -> None:
    """The quiet one does not, and a process that is started later yields as well."""
    hogs, quiet = [Process("noisy"), Process("noisy")], Process("quiet")
    shares = given(*hogs, quiet)
    passes(shares, 1, a=(hogs[0], 1), b=(hogs[1], 0.95), c=(quiet, 0.05))
    late = Process("noisy")
    shares.add(late)
    passes(shares, EVERY, a=(hogs[0], 1), b=(hogs[1], 0.95))

    assert [process.yields for process in (*hogs, late, quiet)] == [True, True, True, False]


async def test_what_others_on_the_machine_take_is_not_there_to_be_shared() -> None:
    """Who takes most of the rest takes more than its part, be it less than a processor."""
    hog, quiet = Process("noisy"), Process("quiet")
    shares = given(hog, quiet)
    for _ in range(20):
        IDLE[0] -= 1.2 * EVERY
        passes(shares, EVERY, a=(hog, 0.7), b=(quiet, 0.1))

    assert hog.yields


async def test_a_short_rush_bothers_nobody() -> None:
    """Starting something takes all there is for a moment."""
    one, other = Process("a"), Process("b")
    shares = given(one, other)
    passes(shares, 2)
    passes(shares, 0.1, a=(one, 1.9), b=(other, 0.1))

    assert not one.yields


async def test_who_takes_its_part_only_does_not_yield() -> None:
    """One processor of two is the part of one of two."""
    one, other = Process("a"), Process("b")
    shares = given(one, other)
    passes(shares, 2, a=(one, 0.6), b=(other, 0.6))

    assert [one.yields, other.yields] == [False, False]


async def test_who_takes_less_again_yields_no_longer() -> None:
    """As soon as it is below its part."""
    one, other = Process("a"), Process("b")
    shares = given(one, other)
    passes(shares, 1, a=(one, 1.9), b=(other, 0.1))
    assert one.yields
    passes(shares, 1)

    assert not one.yields


async def test_without_a_way_back_who_is_alone_does_not_yield() -> None:
    """It would cost its process and help nobody."""
    one, other = Process("a", relents=False), Process("b", relents=False)
    shares = given(one, other)
    passes(shares, 1, a=(one, 2))
    assert not one.yields
    passes(shares, 1, a=(one, 1.9), b=(other, 0.1))

    assert one.yields


async def test_what_has_ended_and_who_was_not_here_for_long_is_forgotten() -> None:
    """Nothing is kept for each namespace that ever was."""
    processes = [Process(f"n{number}") for number in range(100)]
    shares = given(*processes)
    passes(shares, EVERY, **{process.namespace: (process, 0.01) for process in processes})
    for process in processes:
        shares.remove(process)
    passes(shares, OF_LATE + 1)

    assert (shares._use, shares._worked, shares._members) == ({}, {}, {})
