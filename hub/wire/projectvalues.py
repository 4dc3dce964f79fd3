"""Values of a project: types, defaults, variables, and what is laid over them (packages-and-feeds §11.2, §11.3, §11.8)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hub.domain.manifest import Input
from hub.domain.parameters import Json, Parameter, Parameters
from hub.domain.project import ordered
from hub.wire.interpolation import Variables, whole
from hub.wire.manifest import ManifestReader, mapping
from hub.wire.overlay import Layer, Overlay
from hub.wire.yamltree import OWN, Tree

DEFAULT = "default"
_ZERO = {"integer": 0, "number": 0.0, "boolean": False, "json": {}, "array": []}
_PARSED = {"integer", "number", "boolean", "array"}
_NOTHING = Layer({}, {}, 0)


class ValueReader(ManifestReader):
    """Reads values. `given` are those of the command line, which win over the overlay's, and those over the manifest's.

    `package` is the one that is being read, `at` the kind and the name of the entity in it.
    """

    bounds = OWN

    def __init__(self, files: Mapping[str, bytes], environment: Mapping[str, str], overlay: Overlay, given: Mapping[str, Json]) -> None:
        super().__init__(files)
        self.environment = dict(environment)
        self.variables = Variables(environment)
        self.overlay = overlay
        self.used: set[tuple[str, str, str]] = set()
        self.package_name = DEFAULT
        self.at = ("package", DEFAULT)
        self._given = given

    def know(self, values: Mapping[str, str]) -> None:
        """Other variables from here on; what is missing stays missing."""
        fresh = Variables(values)
        fresh.missing = self.variables.missing
        self.variables = fresh

    def filled(self, name: str, value: Json, line: int) -> Json:  # noqa: ARG002 - as in what it overrides
        """See `ManifestReader.filled`: here there is an environment. What is laid over a value is not asked for."""
        return None if name in self._given or name in self._laid_over().inputs else self.variables.fill(value)

    def inputs(self, tree: Tree | None) -> tuple[Input, ...]:
        """Inputs with values: the given one, else the default, else the zero of the type."""
        if tree is not None:
            self._fall_back(tree)
        return tuple(self._valued(item) for item in super().inputs(tree))

    def _fall_back(self, tree: Tree) -> None:
        """A value that is a variable which is not set leaves the word to the default."""
        for member in tree.members().values():
            members = member.members()
            name = whole(members["value"].value()) if "value" in members and "default" in members else None
            if name and not self.variables.has(name):
                member.drop("value")

    def _valued(self, item: Input) -> Input:
        value = item.value
        if isinstance(value, str) and item.type in _PARSED and value:
            value = self._parsed(item, value)
        return item if value is None else msgspec.structs.replace(item, value=value)

    def _parsed(self, item: Input, text: str) -> Json:
        """What came from a variable is text; the declared type says how it is read. The text itself is not told: it may be a secret."""
        try:
            value = msgspec.json.decode(text.encode())
        except msgspec.DecodeError:
            value = text
        wanted = {"integer": int, "number": (int, float), "boolean": bool, "array": list}[item.type]
        if not isinstance(value, wanted) or (isinstance(value, bool) and item.type != "boolean"):  # type: ignore[arg-type]
            self.say("input_type", f"input {item.name!r} is declared {item.type}, and its value is none", item.line)
        return value

    def parameters(self, inputs: tuple[Input, ...], line: int) -> Parameters:
        """The parameters that the inputs of the entity mean. Required ones without a value are a finding."""
        values = {item.name: self._value(item) for item in inputs}
        values |= self._laid_over().inputs
        values |= {key: value for key, value in self._given.items() if key in values}
        unset = [item.name for item in inputs if item.required and values[item.name] in ("", {}, [])]
        if unset:
            what = f"{self.at[0].removesuffix('s')} {self.at[1]!r}"
            self.say("required_input", f"{what} requires values for {', '.join(unset)}", line, "Give them with --param NAME=VALUE.")
        return ordered(Parameter(key=key, value=value) for key, value in values.items())

    def _value(self, item: Input) -> Json:
        """Of a package the default is the variable of the same name."""
        if item.value is None and self.at[0] == "package" and self.variables.has(item.name):
            return self.variables.get(item.name)
        return _ZERO.get(item.type, "") if item.value is None else item.value

    def _laid_over(self) -> Layer:
        place = (self.package_name, *self.at)
        self.used.add(place)
        return self.overlay.get(place, _NOTHING)

    def annotated(self, annotations: Mapping[str, Json]) -> Parameters:
        """The annotations of the entity."""
        found = mapping(self.variables.fill(dict(annotations))) | self._laid_over().annotations
        return ordered(Parameter(key=key, value=value) for key, value in found.items())
