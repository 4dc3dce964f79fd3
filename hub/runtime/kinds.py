"""Which kinds really run here, found by asking the programs (openwhisk-api §2.4, §10.1; design §9 "Kinds")."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from hub.domain.errors import Malformed
from hub.runtime import installations
from hub.runtime.installations import Installation, Version
from hub.wire.json import cut

_KIND = re.compile(r"\A([a-z]+):(\d{1,4})(?:\.(\d{1,4}))?\Z", re.ASCII)
WITHOUT_RUNTIME = ("sequence", "blackbox")
SPOKEN_FOR = ("actionloop.py", "wasm.py")
"""Launchers that run more than one language, and are told how."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind as it is stored, and what runs it. `real` is the kind that says what that is."""

    name: str
    runs: Installation

    @property
    def family(self) -> str:
        """The language."""
        return self.runs.family

    @property
    def real(self) -> str:
        """The kind of what really runs."""
        return self.runs.kind

    @property
    def launcher(self) -> str:
        """The name of the file that speaks to the hub."""
        return self.runs.launcher

    @property
    def program(self) -> str:
        """What runs the launcher."""
        return self.runs.starts

    @property
    def copied(self) -> bool:
        """Whether its launcher can be a copy of the zygote."""
        return not self.runs.own

    @property
    def sort(self) -> str:
        """What waits for its first frame is the same for kinds of one sort."""
        return self.launcher if self.copied else self.program

    def flags(self, memory: int) -> list[str]:
        """What its program is started with; `memory` in MB. Python sees nothing but its standard library."""
        return [flag.format(memory=memory) for flag in self.runs.flags]

    @property
    def environment(self) -> dict[str, str]:
        """What its launcher finds in its environment, and takes out of it."""
        return {"__HUB_MODULE": self.runs.module} if self.runs.module else {}

    def words(self, memory: int) -> dict[str, object]:
        """What init says of how code of this kind is run; `memory` in MB."""
        runs = self.runs
        if runs.launcher not in SPOKEN_FOR:
            return {}
        words = {**runs.tools, "memory": str(memory)}
        return {"exec": {"command": runs.exec, "source": runs.source, "each": runs.each, "words": words}}


class Kinds:
    """The table of kinds: for each family its installations, the default one first."""

    runs_images = False

    def __init__(self, families: dict[str, list[Installation]]) -> None:
        self._families = families

    @classmethod
    def discover(cls, node: str | None = None, remembered: Path | None = None) -> Kinds:
        """Ask the machine; `node` is the path of another Node.js program, `remembered` a file that keeps what programs said."""
        return cls(installations.find(node, remembered))

    @property
    def interpreter(self) -> str:
        """The Python that actions run on, and what builds the cells."""
        return installations.python()

    def readable(self) -> list[str]:
        """What the kinds are made of, files and folders."""
        return [path for found in self._families.values() for installation in found for path in installation.readable()]

    def builder(self, launcher: str) -> Kind:
        """What runs a launcher that is no action's."""
        return Kind(name="build", runs=installations.of_python(launcher))

    def names(self) -> list[str]:
        """Every kind that is listed, for texts and checks."""
        return [f"{name}:{version}" for name, found in self._families.items() for one in found for version in one.listed]

    def resolve(self, kind: str) -> Kind:
        """The kind to store for a kind that was sent: `family:default` becomes the real one. Raises Malformed with the valid kinds."""
        name, _, version = kind.partition(":")
        found = self._families.get(name)
        if found is None:
            raise self._unsupported(kind)
        if version == "default":
            return Kind(name=found[0].kind, runs=found[0])
        runs = next((one for one in found if version in one.listed), None) or _older(kind, found)
        if runs is None:
            raise self._unsupported(kind)
        return Kind(name=kind, runs=runs)

    def runs(self, kind: str) -> bool:
        """Whether a stored kind can be run here now; the machine may have lost its program since."""
        try:
            self.resolve(kind)
        except Malformed:
            return False
        return True

    def needs_main(self, kind: str) -> bool:
        """Whether actions of that kind must name their `main`."""
        return self.runs(kind) and self.resolve(kind).runs.main

    def compiles(self, kind: str) -> bool:
        """Whether its sources have to be compiled."""
        return self.runs(kind) and self.resolve(kind).runs.build is not None

    def runs_on(self, kind: str) -> str | None:
        """What really runs an older kind; None when the kind is listed."""
        if not self.runs(kind):
            return None
        runs = self.resolve(kind).runs
        return None if kind.partition(":")[2] in runs.listed else runs.kind

    def manifest(self) -> dict[str, list[dict[str, Any]]]:
        """The `runtimes` of `GET /` (openwhisk-api §1.2)."""
        return {
            name: [
                {
                    "kind": f"{name}:{version}",
                    "image": f"whiskhub/{one.image}:process",
                    "deprecated": False,
                    "default": one is found[0] and version == one.default,
                    "attached": True,
                    "requireMain": one.main,
                }
                for one in found
                for version in one.listed
            ]
            for name, found in self._families.items()
        }

    def _unsupported(self, kind: str) -> Malformed:
        valid = ", ".join(f"'{name}'" for name in (*self.names(), *WITHOUT_RUNTIME))
        words = f"The specified runtime '{cut(kind)}' is not supported by this platform. Valid values are: {valid}."
        return Malformed(f"The request content was malformed:\n{words}", field="exec.kind")


def _older(kind: str, found: list[Installation]) -> Installation | None:
    """What runs an earlier version of the family: the default one unless it is too old itself, then the first that is not."""
    match = _KIND.match(kind)
    if match is None:
        return None
    version: Version = tuple(int(part) for part in match.groups()[1:] if part is not None)
    newer = [one for one in found if one.oldest <= version and version[: len(version)] <= one.version[: len(version)]]
    return newer[0] if newer and newer[0] is found[0] else min(newer, key=lambda one: one.version, default=None)
