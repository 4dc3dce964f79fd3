"""Cells: what each level holds, tried by attacking from inside (reliability §5)."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from hub.runtime.cells import ladder
from hub.runtime.cells.promises import PROMISES
from tests.support.cells import plan_for, probe, users
from tests.support.peers import absent

KINDS = ["python", "nodejs"]
LEVELS = [ladder.LIMITS, ladder.FENCE, ladder.CELL, ladder.CELL_WITH_GROUP]


def attacked(who: str, level: int, kind: str) -> Any:
    """What every attack got away with at that level; skips where the level cannot be had."""
    node = shutil.which("node")
    if kind == "nodejs" and node is None:
        absent("there is no Node.js")
    with plan_for(who, everybody=level < ladder.CELL) as plan:
        answer = probe(who, plan, level=level, attack=kind, commands={"nodejs": [node, "--max-old-space-size=256"]})
    if "refused" in answer:
        assert level == ladder.CELL_WITH_GROUP, answer
        if who == "root":
            absent(f"no control groups: {answer['refused']}")
        pytest.skip(answer["refused"])
    return answer["found"]


@pytest.fixture(params=users())
def who(request: pytest.FixtureRequest) -> Any:
    """Who runs the hub."""
    return request.param


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_level_holds_what_it_promises(who: str, kind: str, level: int) -> None:
    """All 44 attacks come to nothing from the level on that the table names, for Python and for Node.js."""
    found = attacked(who, level, kind)
    promised = {name for name, promise in PROMISES.items() if promise.holds_at(level, root=who == "root")}

    assert set(found) == set(PROMISES)
    assert {name: did for name, did in found.items() if did and name in promised} == {}


def test_the_attacks_work_where_nothing_holds_them() -> None:
    """At level 1 most succeed: what is held above is held by the level, not by an attack that does not work."""
    found = attacked("user", ladder.LIMITS, "python")
    kept = {name for name, promise in PROMISES.items() if promise.user == ladder.LIMITS}

    assert {name for name, did in found.items() if not did} - kept <= {
        "bpf",
        "io_uring",
        "metadata",
        "trace",
        "interpreter",
        "architecture",
    }


def test_there_are_forty_four_attacks_and_most_are_tried_at_every_start() -> None:
    """39 are quick."""
    assert (len(PROMISES), sum(promise.quick for promise in PROMISES.values())) == (44, 39)


def test_the_highest_level_that_holds_is_taken() -> None:
    """And why a higher one is not."""
    with plan_for("user", everybody=True) as plan:
        found = probe("user", plan, highest=ladder.HIGHEST)

    assert found["level"] == ladder.CELL
    assert "cgroups" in found["refused"]["4"]
    assert found["open"] == []


def test_a_level_above_the_wish_is_not_tried() -> None:
    """A forced level goes down, never up."""
    with plan_for("user", everybody=True) as plan:
        found = probe("user", plan, highest=ladder.FENCE)

    assert (found["level"], found["refused"]) == (ladder.FENCE, {})
    assert set(found["open"]) <= {"processes", "connections", "message_queue", "signal"}
