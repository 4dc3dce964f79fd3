"""What was measured, beside what is to be reached and what the last run said."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

LAST = Path(".bench.json")
Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure and where it has to be: at least or at most `value`."""

    figure: str
    value: float
    at_least: bool = False

    def holds(self, measured: float) -> bool:
        """Whether it was reached."""
        return measured >= self.value if self.at_least else measured <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


def _most(figure: str, value: float) -> Goal:
    return Goal(figure=figure, value=value)


def _least(figure: str, value: float) -> Goal:
    return Goal(figure=figure, value=value, at_least=True)


GOALS = {
    goal.figure: goal
    for goal in (
        _least("warm Python over the echo, 16 clients", 0.5),
        _least("warm Node.js over the echo, 16 clients", 0.5),
        _least("web action over the echo, 16 clients", 0.4),
        _most("added by a warm Python call, 1 client, p50, ms", 1.5),
        _most("added by a warm Node.js call, 1 client, p50, ms", 1.5),
        _most("added by a warm Python call, 16 clients, p99, ms", 10),
        _most("added by a warm Node.js call, 16 clients, p99, ms", 10),
        _least("fires answered 202, a second", 3000),
        _least("fires executed and recorded, a second", 2000),
        _most("fires lost", 0),
        _most("accepted to started at 500/s, p50, ms", 5),
        _most("accepted to started at 500/s, p99, ms", 25),
        _most("cost of a fire with 100,000 triggers and rules over 10", 1.1),
        _most("idle memory of the tree, MB", 120),
        _most("start to ready, s", 1),
        _most("cold python over warm with a ready cell, p50 ms", 10),
        _most("cold nodejs over warm with a ready cell, p50 ms", 50),
        _most("cold wasm over warm with a ready cell, p50 ms", 2),
        _least("claims of ready cells within 1 ms, share", 0.5),
        _least("1000 blocked nodejs calls: held to their end", 1000),
        _most("1000 blocked nodejs calls: MB over idle", 300),
        _most("quiet call beside 8 hogs, p99 of alone", 2),
        _most("ten times that: other answers", 0),
        _most("ten times that: accepted and lost", 0),
        _most("ten times that: calm again after, s", 5),
        _most("an action over its 1 s limit, answered after, s", 1.2),
        _most("an action that exits, answered after, s", 0.2),
        _most("activation list with 1,000,000 records, p95, ms", 10),
        _most("activation get with 1,000,000 records, p95, ms", 10),
    )
}


def report(figures: Figures) -> int:
    """Print all of them, keep them for the next run, and say how many goals were missed."""
    last = json.loads(LAST.read_text()) if LAST.exists() else {}
    missed = 0
    sys.stdout.write(f"{'':74}{'reach':>10}{'now':>12}{'last':>12}\n")
    for name, value in figures.items():
        goal = GOALS.get(name)
        reach = str(goal) if goal else ""
        fine = goal is None or goal.holds(value)
        missed += not fine
        before = f"{last[name]:12.2f}" if name in last else " " * 12
        sys.stdout.write(f"{name:74}{reach:>10}{value:12.2f}{before}{'' if fine else '  missed'}\n")
    sys.stdout.write(f"{sum(name in figures for name in GOALS) - missed} goals reached, {missed} missed\n")
    LAST.write_text(json.dumps({**last, **figures}, indent=1))
    return missed
