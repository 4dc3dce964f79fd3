"""Layers: read-only folders that cells are made with, kept below the data folder by what they were made of (design §9 "Cells").

A layer is whole or absent: it is laid out aside, flushed to the disk, then renamed.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hub.runtime.cells.mounts import CONTENT

_ASIDE = "."
_ABOUT = "about.json"
_libc = ctypes.CDLL(None, use_errno=True)


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one: what it is for, its `size` in bytes and `files`, when it was `made` (seconds since the epoch)."""

    what: str
    size: int
    files: int
    made: float


class Layers:
    """The folder of layers. All of it blocks: call it in threads, but for `find`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Make the folder; what a hub was laying out when it ended goes."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for path in self.folder.glob(f"{_ASIDE}*"):
            shutil.rmtree(path, ignore_errors=True)

    def find(self, name: str) -> str | None:
        """Its folder, or None; one look at the disk."""
        path = self.folder / name
        return str(path) if path.exists() else None

    def aside(self) -> Path:
        """A new folder to lay one out in; what is its content belongs into `content`."""
        path = self.folder / f"{_ASIDE}{secrets.token_hex(8)}"
        (path / CONTENT).mkdir(mode=0o755, parents=True)
        return path

    def keep(self, aside: Path, name: str, what: str) -> Layer:
        """From now on it is the layer of that name; one that is there already stays. Raises OSError."""
        size, files = _settle(aside / CONTENT)
        layer = Layer(what=what, size=size, files=files, made=time.time())
        (aside / _ABOUT).write_bytes(msgspec.json.encode(layer))
        aside.chmod(0o755)
        _flush(aside)
        try:
            aside.rename(self.folder / name)
        except OSError:
            if not (self.folder / name).exists():
                raise
            shutil.rmtree(aside, ignore_errors=True)
        _flush(self.folder)
        return layer

    def drop(self, name: str) -> None:
        """Remove one: it is not found any more before its files go."""
        aside = self.folder / f"{_ASIDE}{secrets.token_hex(8)}"
        try:
            (self.folder / name).rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside, ignore_errors=True)

    def all(self) -> Iterator[tuple[str, Layer]]:
        """Every layer by name; one that says nothing of itself is of no use and goes."""
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(_ASIDE):
                continue
            try:
                yield path.name, msgspec.json.decode((path / _ABOUT).read_bytes(), type=Layer)
            except (OSError, msgspec.MsgspecError):
                self.drop(path.name)


def _settle(folder: Path) -> tuple[int, int]:
    """Everybody may read it, whoever made it: cells have users of their own. How many bytes and files it has."""
    size = files = 0
    for place, folders, names in os.walk(folder):
        for name in folders:
            path = Path(place, name)
            files += 1
            if not path.is_symlink():
                path.chmod(0o755)
        for name in names:
            path = Path(place, name)
            status = path.lstat()
            files += 1
            size += status.st_size
            if stat.S_ISREG(status.st_mode):
                path.chmod(0o755 if status.st_mode & stat.S_IXUSR else 0o644)
    return size, files


def _flush(folder: Path) -> None:
    """One flush of the file system: thousands of files, each on its own, would take seconds. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(handle) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)
