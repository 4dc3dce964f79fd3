"""Unpacking the zip of an action into its own folder, counting real bytes (reliability §7)."""

from __future__ import annotations

import io
import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

LARGEST = 256 * 1024 * 1024
MOST_FILES = 10_000
LONGEST_PATH = 255
DEEPEST = 32
ZIP = b"PK\x03\x04"
_CHUNK = 1 << 20
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What the library raises for archives that are broken, encrypted or unknown to it."""


class BadArchive(Exception):
    """The archive cannot be unpacked safely; the message says why."""


def unpack(data: bytes, folder: Path) -> None:
    """Unpack below `folder`. Raises BadArchive; nothing is written outside the folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _unpack(archive, folder)
    except OSError as error:
        raise BadArchive(f"The archive cannot be unpacked: {error.strerror or error}.") from error
    except _UNREADABLE as error:
        raise BadArchive(f"The archive cannot be read: {error}") from error


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    members = archive.infolist()
    if len(members) > MOST_FILES:
        raise BadArchive(f"The archive holds more than {MOST_FILES} files.")
    folder.mkdir(parents=True, exist_ok=True)
    left = LARGEST
    for member in members:
        target = _target(folder, member)
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            left = _write(archive, member, target, left)


def _target(folder: Path, member: zipfile.ZipInfo) -> Path:
    name = member.filename
    path = PurePosixPath(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise BadArchive(f"The archive holds something that is no file: {name!r}.")
    bad = path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or len(name.encode()) > LONGEST_PATH
    if bad or len(path.parts) > DEEPEST:
        raise BadArchive(f"The archive holds a name that is not allowed: {name!r}.")
    return folder.joinpath(*path.parts)


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("wb") as file:
        while part := source.read(_CHUNK):
            left -= len(part)
            if left < 0:
                raise BadArchive(f"The archive unpacks to more than {LARGEST} bytes.")
            file.write(part)
    if member.external_attr >> 16 & stat.S_IXUSR:
        target.chmod(0o700)
    return left
