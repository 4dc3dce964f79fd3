"""Where an operator types: many `hub admin` commands in one process, because each start of Python costs more than the command.

`python -m tests.support.desk` reads a list of words a line and answers exit code, output and errors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from tests.support.hubs import clean_environment

ROOT = Path(__file__).parent.parent.parent


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Desk:
    """For the time of a block: `hub admin` on a data folder, beside a running hub or without one."""

    data: Path

    def __enter__(self) -> Self:
        environment = {**clean_environment(), "HUB_DATA": str(self.data), "COLUMNS": "160"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.desk"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def run(self, *words: str) -> Said:
        """One command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(["admin", *words]), file=self._process.stdin, flush=True)
        return Said(*json.loads(self._process.stdout.readline()))

    def says(self, *words: str) -> str:
        """What a command prints that goes well."""
        done = self.run(*words)
        assert (done.code, done.err) == (0, ""), done
        return done.out.removesuffix("\n")

    def refuses(self, *words: str) -> str:
        """What a command prints that does not: to the error stream, with 1 as its end."""
        done = self.run(*words)
        assert (done.code, done.out) == (1, ""), done
        return done.err.removesuffix("\n")


def main() -> None:
    """Do what is typed until the input ends."""
    from typer.testing import CliRunner

    from hub.cli.app import app

    for line in sys.stdin:
        done = CliRunner().invoke(app, json.loads(line))
        print(json.dumps([done.exit_code, done.stdout, done.stderr]), flush=True)


if __name__ == "__main__":
    main()
