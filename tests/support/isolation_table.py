"""Writes the tables of `hub/docs/isolation.md` from the code. Started as `python -m tests.support.isolation_table`."""

from __future__ import annotations

from pathlib import Path

from hub.runtime.cells.ladder import LEVELS
from hub.runtime.cells.promises import PROMISES

PAGE = Path(__file__).parent.parent.parent / "hub" / "docs" / "isolation.md"
_LEVELS = "| level | is made of | leaves open |"
_PROMISES = "| an action … | as an ordinary user | as root |"


def tables() -> dict[str, list[str]]:
    """Rows by the head of their table."""
    return {
        _LEVELS: [f"| {level.number} {level.name} | {level.content} | {level.leaves_open} |" for level in LEVELS],
        _PROMISES: [f"| {promise.says} | {promise.user} | {promise.root} |" for promise in PROMISES.values()],
    }


def page(text: str) -> str:
    """The page with its tables written anew."""
    lines = text.splitlines()
    for head, rows in tables().items():
        first = lines.index(head) + 2
        last = next((number for number in range(first, len(lines)) if not lines[number]), len(lines))
        lines[first:last] = rows
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
