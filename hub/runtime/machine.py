"""The programs of the machine, asked what they are (design §9 "Kinds").

Asking takes up to a tenth of a second each: answers are kept in a file, and hold as long as the program's file stays as it was.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

SECONDS = 10
LONGEST_ANSWER = 400


class Answer(msgspec.Struct, frozen=True):
    """What a program said; `stamp` is its file's time and size then."""

    stamp: str
    said: str


class Machine:
    """Finds and asks. `remembered` is the file of answers; None keeps none."""

    def __init__(self, remembered: Path | None = None) -> None:
        self._remembered = remembered
        self._answers: dict[str, Answer] = {}
        self._changed = False
        if remembered is not None:
            with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
                self._answers = msgspec.json.decode(remembered.read_bytes(), type=dict[str, Answer])

    @staticmethod
    def found(names: Iterable[str], beside: str = "") -> Iterable[str]:
        """Paths of what goes by one of these names: paths, and programs in the folder `beside` or on the PATH."""
        for name in names:
            if Path(name).is_absolute():
                if Path(name).exists():
                    yield name
                continue
            path = (shutil.which(name, path=beside) if beside else None) or shutil.which(name)
            if path is not None:
                yield path

    def ask(self, program: str, words: Sequence[str]) -> str:
        """The first lines of what it says to these words; nothing when it fails."""
        try:
            file = Path(program).stat()
        except OSError:
            return ""
        stamp, key = f"{file.st_mtime_ns} {file.st_size}", " ".join((program, *words))
        kept = self._answers.get(key)
        if kept is None or kept.stamp != stamp:
            kept = self._answers[key] = Answer(stamp, _said([program, *words]))
            self._changed = True
        return kept.said

    def keep(self) -> None:
        """Write the answers down, when there are new ones."""
        if self._remembered is not None and self._changed:
            new = self._remembered.with_suffix(".new")
            new.write_bytes(msgspec.json.encode(self._answers))
            new.replace(self._remembered)
            self._changed = False


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=True)  # noqa: S603 - a program of the machine, by the name that kinds.yaml gives
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout or done.stderr).strip()[:LONGEST_ANSWER]
