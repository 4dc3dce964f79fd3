"""A project's folder: its files are read when they are asked for, and none outside of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

_SKIPPED = {".git", ".env"}


class Folder(Mapping[str, bytes]):
    """The files below a folder, by relative path."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def __getitem__(self, name: str) -> bytes:
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root) or not path.is_file():
            raise KeyError(name)
        return path.read_bytes()

    def __contains__(self, name: object) -> bool:
        path = (self._root / str(name)).resolve()
        return path.is_relative_to(self._root) and path.is_file()

    def __iter__(self) -> Iterator[str]:
        for path in sorted(self._root.rglob("*")):
            relative = path.relative_to(self._root)
            if not _SKIPPED.intersection(relative.parts) and relative.as_posix() in self:
                yield relative.as_posix()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Write the files, in place of those that have their names."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
