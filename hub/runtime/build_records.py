"""Builds on the disk, one file each, so that a hub that ended in the middle of one takes it up again."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from hub.domain.build import Build

_NEW = ".new"


class BuildRecords:
    """A folder of them. All of it blocks: call it in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Build]:
        """Every build that is known; a file that makes no sense goes."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found: list[Build] = []
        for path in self._folder.iterdir():
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Build))
            except msgspec.MsgspecError:
                path.unlink(missing_ok=True)
        return found

    def save(self, build: Build) -> None:
        """Whole, or as it was before."""
        path = self._folder / build.id
        new = path.with_suffix(_NEW)
        with new.open("wb") as file:
            file.write(msgspec.json.encode(build))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    def drop(self, number: str) -> None:
        """Remove one; nothing happens when there is none."""
        (self._folder / number).unlink(missing_ok=True)
