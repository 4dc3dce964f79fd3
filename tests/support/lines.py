"""A program of a peer that answers one line of JSON for each that it is given, so that many calls share one start."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class Lines:
    """The running program. One question at a time."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def ask(self, question: Any) -> Any:
        """What it answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text()[-2000:]
        return json.loads(answer)


@contextlib.contextmanager
def answering(command: list[str], *, cwd: Path, log: Path, environment: Mapping[str, str]) -> Iterator[Lines]:
    """The program for the time of a block; it ends when its input does."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=cwd, env=dict(environment)
        )
    try:
        yield Lines(process, log)
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=10)
        process.kill()
        process.wait()
