"""The artefact of a package: a zip of its folder, the same bytes for the same files; and reading one safely (marketplace §10)."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

LARGEST = 10 * 1024 * 1024
LARGEST_UNPACKED = 100 * 1024 * 1024
MOST_ENTRIES = 2_000
LONGEST_PATH = 255
DEEPEST = 32
IGNORE = ".hubignore"
_SKIPPED = {"__pycache__", "node_modules", ".git", ".venv"}
_WHEN = (1980, 1, 1, 0, 0, 0)


class BadArtefact(Exception):
    """The archive breaks a rule; the message says which."""


def digest_of(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of these members: sorted, without times, so that the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, _WHEN)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.create_system = 3
            archive.writestr(member, files[name])
    return target.getvalue()


def read_folder(folder: Path) -> dict[str, bytes]:
    """The members of a folder, less what is hidden, built, or named in `.hubignore`. Raises BadArtefact for links."""
    ignored = _ignored(folder)
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        name = relative.as_posix()
        if any(part in _SKIPPED or part.startswith(".") for part in relative.parts):
            continue
        if any(fnmatch(name, pattern) or fnmatch(name, f"{pattern.rstrip('/')}/*") for pattern in ignored):
            continue
        if path.is_symlink():
            raise BadArtefact(f"{name} is a link; an artefact holds files only.")
        if path.is_file():
            files[name] = path.read_bytes()
    return files


def _ignored(folder: Path) -> list[str]:
    file = folder / IGNORE
    lines = file.read_text().splitlines() if file.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def pack(folder: Path) -> bytes:
    """The artefact of a folder. Raises BadArtefact."""
    return zipped(read_folder(folder))


def open_artefact(data: bytes) -> dict[str, bytes]:
    """The members of an artefact, counted as they are read. Raises BadArtefact."""
    if len(data) > LARGEST:
        raise BadArtefact(f"The artefact has {len(data)} bytes; {LARGEST} are allowed.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise BadArtefact("The artefact is not a zip file.") from error
    with archive:
        members = archive.infolist()
        if len(members) > MOST_ENTRIES:
            raise BadArtefact(f"The artefact holds {len(members)} entries; {MOST_ENTRIES} are allowed.")
        _check_names(member.filename for member in members)
        files: dict[str, bytes] = {}
        left = LARGEST_UNPACKED
        for member in members:
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in {0, stat.S_IFREG}:
                raise BadArtefact(f"{member.filename!r} is no plain file.")
            files[member.filename] = _member(archive, member, left)
            left -= len(files[member.filename])
    return files


def _check_names(names: Iterable[str]) -> None:
    known: dict[str, str] = {}
    for name in names:
        path = PurePosixPath(name)
        bad = path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or len(name.encode()) > LONGEST_PATH
        if bad or len(path.parts) > DEEPEST or not path.parts or ":" in path.parts[0]:
            raise BadArtefact(f"The artefact holds a name that is not allowed: {name!r}.")
        same = known.setdefault(name.rstrip("/").lower(), name)
        if same != name:
            raise BadArtefact(f"{name!r} and {same!r} differ only in case.")
        if known.get(f"{name}\0"):
            raise BadArtefact(f"{name!r} stands in the artefact twice.")
        known[f"{name}\0"] = name


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int) -> bytes:
    try:
        with archive.open(member) as source:
            data = source.read(left + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BadArtefact(f"{member.filename!r} cannot be read: {error}") from error
    if len(data) > left:
        raise BadArtefact(f"The artefact unpacks to more than {LARGEST_UNPACKED} bytes.")
    return data


def chosen(files: Mapping[str, bytes], folder: str, include: Iterable[tuple[str, ...]], exclude: Iterable[str]) -> dict[str, bytes]:
    """The members of an action's folder, by wskdeploy's globs (§11.4); what is left out is named by its path or its place."""
    base = folder.strip("./").rstrip("/") + "/"
    places = {name: name.removeprefix(base) for name in files if name.startswith(base) or base == "/"}
    patterns = list(include)
    if patterns:
        places = {name: place for pattern in patterns for name in files if (place := _placed(name, base, *pattern)) is not None}
    left_out = tuple(exclude)
    return {place: files[name] for name, place in places.items() if not any(_fits(path, left_out) for path in (name, place))}


def _placed(name: str, base: str, pattern: str, target: str | None = None) -> str | None:
    """Where an included file goes: a folder keeps its shape below the target, what a glob finds lies flat in it. None for other files."""
    folder = pattern.rstrip("/") + "/"
    below = name.removeprefix(folder) if name.startswith(folder) else None
    if below is None and not fnmatch(name, pattern):
        return None
    return name.removeprefix(base) if target is None else f"{target.rstrip('/')}/{below or PurePosixPath(name).name}"


def _fits(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) or fnmatch(path, pattern.removeprefix("**/")) for pattern in patterns)
