"""The page of what works as in OpenWhisk, written from the tests that show it: `python -m tests.support.compat_table` writes it anew.

A row is a test of `tests/compat`: its name is the feature, its first line says more. The suite is green before anything lands, so a row
cannot claim what does not work; a test that is expected to fail is told as not yet, with its reason.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
SUITE = ROOT / "tests" / "compat"
PAGE = ROOT / "hub" / "docs" / "compatibility.md"
_SECTION = re.compile(r"\(([^()]*§[^()]*)\)")
_HEAD = """# What works as in OpenWhisk

Every row is a test that runs against a started hub before a change lands: `make test ARGS=tests/compat`. The page is written from the suite
(`python -m tests.support.compat_table`), and a test compares the two. Sections are those of the contract the hub is built to.
"""
_DIFFERENT = """
## Where the hub means to answer otherwise

Found by sending {count} recorded requests of plain clients, `wsk` and `wskdeploy` again, in their order, and comparing status, headers and every member of
the answers.

| what | why |
| --- | --- |
"""


@dataclass(frozen=True)
class Feature:
    """One test."""

    name: str
    sentence: str
    state: str


@dataclass(frozen=True)
class Area:
    """One module of the suite."""

    file: str
    title: str
    section: str
    features: tuple[Feature, ...]

    @property
    def order(self) -> tuple[int, str]:
        """By the first section it names."""
        found = re.search(r"§(\d+)", self.section)
        return int(found[1]) if found else 99, self.file


def areas() -> list[Area]:
    """What the suite holds."""
    return sorted((_area(file) for file in SUITE.glob("test_*.py")), key=lambda area: area.order)


def _area(file: Path) -> Area:
    tree = ast.parse(file.read_text())
    text = (ast.get_docstring(tree) or file.stem).splitlines()[0]
    section = _SECTION.search(text)
    tests = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"))
    return Area(
        file=file.name,
        title=_SECTION.sub("", text).rstrip(". ").strip(),
        section=section[1] if section else "",
        features=tuple(map(_feature, tests)),
    )


def _feature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Feature:
    name = node.name.removeprefix("test_").replace("_s_", "'s ").replace("_", " ")
    name = re.sub(r" s$", "'s", name)
    sentence = (ast.get_docstring(node) or "").splitlines()[:1]
    return Feature(name[:1].upper() + name[1:], sentence[0] if sentence else "", _state(node))


def _state(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    for mark in map(ast.unparse, node.decorator_list):
        if "mark.xfail" in mark or "mark.skip" in mark:
            return f"not yet: {mark}"
    return "works"


def page() -> str:
    """The page as it should be."""
    parts = [_HEAD]
    for area in areas():
        where = f" ({area.section})" if area.section else ""
        parts.append(f"\n## {area.title}{where}\n\n| feature | state | shown by `tests/compat/{area.file}` |\n| --- | --- | --- |\n")
        parts.extend(f"| {_cell(row.name)} | {row.state} | {_cell(row.sentence)} |\n" for row in area.features)
    folder = SUITE / "exchanges"
    count = sum(len(yaml.safe_load(file.read_text())) for file in folder.glob("*.json"))
    parts.append(_DIFFERENT.format(count=count))
    for row in yaml.safe_load((folder / "differences.yaml").read_text()):
        what, why = ", ".join(f"`{place}`" for place in row["where"]), row["reason"]
        parts.append(f"| {_cell(what)} | {_cell(why)} |\n")
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
