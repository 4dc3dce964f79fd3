"""Writes the table of `hub/docs/kinds.md` from `kinds.yaml`. Started as `python -m tests.support.kinds_table`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.runtime.installations import table

PAGE = Path(__file__).parent.parent.parent / "hub" / "docs" / "kinds.md"
_HEAD = "| family | is offered when these are found | also taken | source |"


def rows() -> list[str]:
    """One for each family."""
    return [f"| `{name}` | {_needs(name, row)} | {_oldest(name, row)} | {row['says']} |" for name, row in table().items()]


def _needs(name: str, row: dict[str, Any]) -> str:
    if name == "python":
        return "always: the hub's own interpreter, and any other `python3.N`"
    tools = [
        " or ".join(dict.fromkeys(f"`{Path(path).name}`" for path in names))
        for names in (row.get("program", ()), *row.get("beside", {}).values())
        if names
    ]
    if "module" in row:
        tools.append(f"the Python module `{row['module']}`")
    return ", ".join(dict.fromkeys(tools)) or "always"


def _oldest(name: str, row: dict[str, Any]) -> str:
    return "none" if row["default"] == row["listed"][0] and "version" in row else f"from `{name}:{'.'.join(map(str, row['oldest']))}`"


def page(text: str) -> str:
    """The page with its table written anew."""
    lines = text.splitlines()
    first = lines.index(_HEAD) + 2
    last = next((number for number in range(first, len(lines)) if not lines[number]), len(lines))
    lines[first:last] = rows()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
