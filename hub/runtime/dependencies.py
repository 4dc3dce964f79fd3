"""What an action's archive says it depends on, and how that becomes a layer (openwhisk-api §10.5, §10.6; design §9 "Cells").

A zip with a `requirements.txt` (Python) or with `dependencies` in its `package.json` (Node.js) at its root has them built, unless they are
shipped: in `virtualenv/`, in `node_modules/`. Only its directory is looked at, and these few files are read.
"""

from __future__ import annotations

import io
import json
import re
import zipfile

import msgspec

from hub.domain.action import CodeExec
from hub.domain.build import BuildFailed

ZIP = b"PK\x03\x04"
REQUIREMENTS = "requirements.txt"
PACKAGE = "package.json"
LOCKS = ("npm-shrinkwrap.json", "package-lock.json")
LARGEST_LIST, LARGEST_LOCK = 1 << 16, 8 << 20
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError)
_OPTION = re.compile(r"--(hash[= ]|require-hashes\b|pre\b|prefer-binary\b)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Dependencies(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be installed: the `family` that it is for, the `files` that say it, and the `names` that are asked for."""

    family: str
    files: dict[str, str]
    names: tuple[str, ...]

    @property
    def locked(self) -> bool:
        """Whether every version is settled."""
        return any(lock in self.files for lock in LOCKS)


def dependencies_of(exec_: CodeExec) -> Dependencies | None:
    """What the code of an action depends on; None when there is nothing to build. Takes as long as the code is large.

    Raises BuildFailed.
    """
    family = exec_.kind.partition(":")[0]
    read = {"python": _of_python, "nodejs": _of_node}.get(family)
    if read is None or not exec_.binary:
        return None
    data = exec_.data()
    if not data.startswith(ZIP):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return read(archive)
    except _UNREADABLE:
        return None  # whoever unpacks it says so


def _of_python(archive: zipfile.ZipFile) -> Dependencies | None:
    if REQUIREMENTS not in archive.namelist() or _ships(archive, "virtualenv/"):
        return None
    text = _text(archive, REQUIREMENTS, LARGEST_LIST)
    names = [name for number, line in _lines(text) if (name := _requirement(number, line)) is not None]
    return Dependencies(family="python", files={REQUIREMENTS: text}, names=tuple(names)) if names else None


def _lines(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers, continued ones as one, without comments."""
    found: list[tuple[int, str]] = []
    held = ""
    for number, line in enumerate(text.splitlines(), 1):
        whole = held + line
        if whole.endswith("\\"):
            held = whole[:-1] + " "
            continue
        held = ""
        stripped = re.sub(r"(^|\s)#.*", "", whole).strip()
        if stripped:
            found.append((number, stripped))
    return found


def _requirement(number: int, line: str) -> str | None:
    """The name of what a line asks for; None for an option. Raises BuildFailed.

    Options that name other places would only fail later and less clearly; those that allow sources would run code.
    """
    head, *options = re.split(r"\s(?=--)", line)
    if head.startswith("-"):
        head, options = "", [line]
    match = _NAME.match(head)
    foreign = "://" in head or "@" in head or (head and (match is None or "/" in head.partition(";")[0]))
    if foreign or not all(_OPTION.match(option.strip()) for option in options):
        raise BuildFailed(
            f"{REQUIREMENTS}, line {number}: {line[:80]!r} cannot be installed. Only names with versions are, as wheels from the "
            "package index of this hub."
        )
    return match[0] if match else None


def _of_node(archive: zipfile.ZipFile) -> Dependencies | None:
    names = archive.namelist()
    if PACKAGE not in names or _ships(archive, "node_modules/"):
        return None
    text = _text(archive, PACKAGE, LARGEST_LOCK)
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        return None  # Node.js says so
    if not isinstance(package, dict):
        return None
    wanted = {name for key in ("dependencies", "optionalDependencies") if isinstance(package.get(key), dict) for name in package[key]}
    if not wanted:
        return None
    locks = {lock: _text(archive, lock, LARGEST_LOCK) for lock in LOCKS if lock in names}
    return Dependencies(family="nodejs", files={PACKAGE: text, **locks}, names=tuple(sorted(wanted)))


def _ships(archive: zipfile.ZipFile, folder: str) -> bool:
    return any(name.startswith(folder) for name in archive.namelist())


def _text(archive: zipfile.ZipFile, name: str, largest: int) -> str:
    """Raises BuildFailed for one that is too large, or no text."""
    with archive.open(name) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise BuildFailed(f"{name} is larger than {largest} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BuildFailed(f"{name} is not UTF-8.") from error
