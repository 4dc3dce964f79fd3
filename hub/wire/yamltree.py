"""YAML as a tree that knows its lines: no duplicate keys, text kept as it was written, and bounded (packages-and-feeds §11.1)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import yaml

from hub.domain.parameters import Json


class BadYaml(Exception):
    """The text is no YAML we read; `line` is where, counted from 1."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class Tree:
    """One node with its line."""

    def __init__(self, node: yaml.Node) -> None:
        self._node = node
        self.line: int = node.start_mark.line + 1

    @property
    def is_map(self) -> bool:
        """Whether it has members."""
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self._node, yaml.SequenceNode)

    @property
    def is_null(self) -> bool:
        """Whether nothing is written there."""
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == "tag:yaml.org,2002:null"

    def members(self) -> dict[str, Tree]:
        """The members of a map, keys as text; of anything else none."""
        if not isinstance(self._node, yaml.MappingNode):
            return {}
        return {str(key.value): Tree(value) for key, value in self._node.value}

    def key_line(self, name: str) -> int:
        """Where a key of the map stands."""
        if isinstance(self._node, yaml.MappingNode):
            for key, _ in self._node.value:
                if key.value == name:
                    return int(key.start_mark.line) + 1
        return self.line

    def drop(self, name: str) -> None:
        """Read on as if the key were not there."""
        if isinstance(self._node, yaml.MappingNode):
            self._node.value = [(key, value) for key, value in self._node.value if key.value != name]

    def items(self) -> list[Tree]:
        """The items of a list; of anything else none."""
        return [Tree(item) for item in self._node.value] if isinstance(self._node, yaml.SequenceNode) else []

    def text(self) -> str:
        """A scalar as it was written; empty for null and for what is no scalar."""
        return "" if self.is_null or not isinstance(self._node, yaml.ScalarNode) else str(self._node.value)

    def value(self) -> Json:
        """The JSON value: numbers and booleans as JSON would have them; dates and `yes` stay text."""
        if isinstance(self._node, yaml.MappingNode):
            return {key: member.value() for key, member in self.members().items()}
        if isinstance(self._node, yaml.SequenceNode):
            return [item.value() for item in self.items()]
        return self._scalar()

    def _scalar(self) -> Json:
        tag = self._node.tag.rpartition(":")[2]
        text = str(self._node.value)
        if tag == "null":
            return None
        if tag == "bool" and text.lower() in {"true", "false"}:
            return text.lower() == "true"
        if tag in {"int", "float"}:
            try:
                number = int(text) if tag == "int" else float(text)
            except ValueError:
                return text
            return number if math.isfinite(number) else text
        return text


class Bounds(NamedTuple):
    """How much of a document is read: bytes, levels, values."""

    largest: int
    deepest: int
    most: int


UPLOADED = Bounds(1_048_576, 40, 50_000)
OWN = Bounds(64 * 1_048_576, 120, 5_000_000)
"""Of a file on one's own disk."""


def parse(data: bytes, bounds: Bounds = UPLOADED) -> Tree:
    """Read one document. Raises BadYaml."""
    if len(data) > bounds.largest:
        raise BadYaml(f"the file is larger than {bounds.largest} bytes", None)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadYaml("the file is not UTF-8", data[: error.start].count(b"\n") + 1) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(f"this is no YAML: {error.problem or error.context}", mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadYaml(f"this is no YAML: {str(error).splitlines()[0] if str(error) else 'nested too deep'}", None) from error
    if node is None:
        raise BadYaml("the file is empty", 1)
    _check(node, bounds)
    return Tree(node)


def _check(root: yaml.Node, bounds: Bounds) -> None:
    """Bounds, and keys that stand twice. An alias counts each time it is used, so a bomb of aliases ends here."""
    waiting: list[tuple[yaml.Node, int]] = [(root, 0)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        line = node.start_mark.line + 1
        if depth > bounds.deepest:
            raise BadYaml(f"nested deeper than {bounds.deepest} levels", line)
        if seen > bounds.most:
            raise BadYaml(f"more than {bounds.most} values", line)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            waiting.extend((value, depth + 1) for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend((item, depth + 1) for item in node.value)


def _check_keys(node: Any) -> None:
    known: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadYaml("a key must be text", line)
        if key.value in known:
            raise BadYaml(f"the key {key.value!r} stands twice", line)
        known.add(key.value)
