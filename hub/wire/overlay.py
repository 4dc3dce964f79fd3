"""The deployment file that is laid over a manifest: values for one environment (packages-and-feeds §11.8)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

import msgspec

from hub.domain.parameters import Json
from hub.wire.interpolation import Variables, whole
from hub.wire.manifest import ManifestReader, mapping, scalar
from hub.wire.yamltree import OWN, Tree


class Layer(NamedTuple):
    """What is laid over one package, action or trigger; `line` is where it stands."""

    inputs: dict[str, Json]
    annotations: dict[str, Json]
    line: int


Overlay = Mapping[tuple[str, str, str], Layer]
"""By package, kind (`package`, `actions`, `triggers`) and name."""


class OverlayReader(ManifestReader):
    """Reads a deployment file; here the packages of the project win."""

    bounds = OWN

    def __init__(self, file: str, data: bytes, variables: Variables) -> None:
        super().__init__({file: data})
        self.file = file
        self.project_name = ""
        self.variables = variables

    def read(self) -> Overlay:
        """Everything that it says."""
        tree = self.tree(self.file)
        if tree is None:
            return {}
        members = self.known(tree, "root", "the deployment file")
        project = self.known(members["project"], "project", "project") if "project" in members else {}
        self.project_name = scalar(project, "name")
        packages = project.get("packages") or members.get("packages")
        found: dict[tuple[str, str, str], Layer] = {}
        for name, package in packages.members().items() if packages else ():
            place = self.variables.text(name)
            found[place, "package", place] = self._layer(package)
            for kind in ("actions", "triggers"):
                rows = package.members().get(kind)
                for entity, member in rows.members().items() if rows else ():
                    found[place, kind, entity] = self._layer(member)
        return found

    def _layer(self, tree: Tree) -> Layer:
        members = tree.members()
        inputs = members["inputs"].members() if "inputs" in members else {}
        annotations = mapping(members["annotations"].value()) if "annotations" in members else {}
        return Layer({name: self._value(member) for name, member in inputs.items()}, mapping(self.variables.fill(annotations)), tree.line)

    def _value(self, tree: Tree) -> Json:
        """Only the single-line form, or `value`, counts; only whole texts are variables."""
        members = tree.members()
        value = members["value"].value() if "value" in members else tree.value()
        name = whole(value)
        return self.variables.get(name) if name else value


def given_on_the_line(texts: list[str]) -> dict[str, Json]:
    """`name=value` texts of a command line; a value may be JSON. Raises ValueError with the one that is none."""
    found: dict[str, Json] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise ValueError(text)
        try:
            found[name] = msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            found[name] = value
    return found


def inside(path: str) -> str | None:
    """A path of a manifest, relative to its folder; None when it leads out of it."""
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        if part == ".." and parts:
            parts.pop()
        elif part in {"..", "/"}:
            return None
        else:
            parts.append(part)
    return "/".join(parts)
