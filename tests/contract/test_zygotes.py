"""Zygotes are replaced without a gap, since all copies of one share the seed of their hashes (reliability §5.2)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hub.runtime.cells import ladder, packets
from hub.runtime.cells.probe import Cell, Warden, _order
from tests.support.cells import plan_for, users
from tests.support.eventually import eventually

MOST = 4
PATIENCE = 400


@pytest.fixture
def warden() -> Iterator[Warden]:
    """One that replaces its zygote after few copies."""
    with plan_for(users()[-1], everybody=False) as plan:
        found = Warden(plan.words(level=ladder.CELL, most_copies=MOST))
        yield found
        found.close()


class Series:
    """Cells made one after another; each is ended before the next, unless it is kept."""

    def __init__(self, warden: Warden) -> None:
        self.warden = warden
        self.zygotes: list[int] = []

    def make(self, *, keep: bool = False) -> Cell:
        """One more; whose copy it is is written down."""
        cell = Cell(self.warden, len(self.zygotes), _order({}, "python"))
        self.zygotes.append(psutil.Process(cell.message["keeper"]).ppid())
        if not keep:
            assert cell.end()
        return cell


def of_warden(warden: Warden) -> set[int]:
    """The zygotes that there are."""
    return {child.pid for child in psutil.Process(warden._process.pid).children()}


def test_a_zygote_is_replaced_and_no_cell_waits_for_the_next(warden: Warden) -> None:
    """The old one goes on making cells while the next one starts: that takes longer than a cell, so it made more than it should have."""
    series = Series(warden)
    while len(set(series.zygotes)) < 3 and len(series.zygotes) < PATIENCE:
        series.make()
    made = Counter(series.zygotes)

    assert len(made) == 3
    assert series.zygotes == sorted(series.zygotes, key=list(made).index)
    assert made[series.zygotes[0]] > MOST
    eventually(lambda: len(of_warden(warden)) <= 2, what="the end of the former zygotes")


def test_a_cell_outlives_the_replacement_of_its_zygote(warden: Warden) -> None:
    """The former zygote ends with its last cell."""
    series = Series(warden)
    kept = series.make(keep=True)
    first = series.zygotes[0]
    while series.zygotes[-1] == first and len(series.zygotes) < PATIENCE:
        series.make()

    assert first in of_warden(warden)
    assert kept.ask(0, {"code": "def main(args):\n    return {'still': 'here'}\n", "main": "main", "env": {}})["ok"]
    assert kept.ask(1, {"value": {}, "context": {}}) == {"still": "here"}
    assert kept.end()
    eventually(lambda: first not in of_warden(warden), what="the end of the former zygote")


def test_a_lost_successor_changes_nothing(warden: Warden) -> None:
    """The old zygote goes on, and another one is tried."""
    series = Series(warden)
    series.make()
    first = series.zygotes[0]
    lost = _starting(series, first)
    psutil.Process(lost).kill()
    while series.zygotes[-1] == first and len(series.zygotes) < PATIENCE:
        series.make()

    assert series.zygotes[-1] not in {first, lost}


def _starting(series: Series, first: int) -> int:
    """A zygote beside the first one, just started."""
    while len(series.zygotes) < PATIENCE:
        series.make()
        others = of_warden(series.warden) - {first}
        if others:
            return others.pop()
    raise AssertionError("there was no other zygote")


def test_an_order_cannot_say_what_holds_its_cell(warden: Warden) -> None:
    """Level, user and what may be read are the warden's: whoever speaks for the hub cannot have root make a cell that holds nothing."""
    order = {**_order({}, "python"), "level": 1, "slot": None, "readable": ["/"]}
    packets.send(warden.way, {"do": "make", "cell": 0, "memory": 128, "order": order})
    message, passed = warden.hear("made")
    first = psutil.Process(message["first"])
    for number in passed:
        os.close(number)

    if ladder.is_root():
        assert first.uids().real >= ladder.first_slot()
    mine, theirs = (psutil.Process().pid, first.pid)
    assert _namespace(mine) != _namespace(theirs)


def _namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/mnt").readlink())
