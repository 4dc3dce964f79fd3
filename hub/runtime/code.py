"""The code of an action as a launcher is given it: source text, or an archive that it unpacks where it runs (reliability §7)."""

from __future__ import annotations

import io
import zipfile

import msgspec

from hub.domain.action import CodeExec
from hub.runtime.launchers import unpack

ELF = b"\x7fELF"
PROGRAMS = (ELF, b"\0asm")
"""How programs begin that come as they are."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Source, an archive or a program, with the bytes and files that it takes of the folder; `problem` says why it will not be run."""

    source: str = ""
    archive: bytes = b""
    size: int = 0
    files: int = 0
    problem: str | None = None

    @classmethod
    def of(cls, exec_: CodeExec) -> Code:
        """Decode and measure; takes as long as the code is large."""
        return cls.of_bytes(exec_.data()) if exec_.binary else cls(source=exec_.code)

    @classmethod
    def of_bytes(cls, data: bytes) -> Code:
        """An archive, a program, or a source in bytes."""
        if data.startswith(PROGRAMS):
            return cls(archive=data, size=len(data), files=2)
        if not unpack.is_archive(data):
            return cls(source=data.decode(errors="replace"))
        try:
            size, files = unpack.measure(data)
        except unpack.BadArchive as error:
            return cls(problem=str(error))
        return cls(archive=data, size=size + len(data), files=files)

    @property
    def starts(self) -> bool:
        """Whether it needs nothing made of it: a program, or a zip that has one."""
        if not self.archive.startswith(unpack.ZIP):
            return self.archive.startswith(ELF)
        with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
            return "exec" in archive.namelist()

    def words(self, python: str) -> dict[str, object]:
        """What init says of it; `python` is the program that unpacks for launchers which cannot."""
        if self.archive:
            return {"archive": {"python": python, "largest": unpack.LARGEST}}
        return {"code": self.source}
