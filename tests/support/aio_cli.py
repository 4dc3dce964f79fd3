"""Adobe's `@adobe/aio-cli-plugin-runtime`, unchanged, driven from a test."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.hubs import Hub
from tests.support.lines import Lines, answering
from tests.support.peers import AIO, node

BULLET = "\u203a"
"""What stands before each line of an error."""
NEVER = "99999999999999"
"""When the token ends, in ms."""


@dataclass(frozen=True)
class Said:
    """What a command showed, and its exit status."""

    status: int
    stdout: str
    stderr: str


class Aio:
    """`aio …` in a folder of its own, as somebody who followed the page on clients has it set up."""

    def __init__(self, program: Lines, folder: Path) -> None:
        self._program = program
        self.folder = folder

    def __call__(self, command: str, **environment: str) -> Said:
        """Run one command, with `environment` besides."""
        question = {"words": shlex.split(command), "environment": environment, "folder": str(self.folder)}
        return Said(**self._program.ask(question))

    def shows(self, command: str, **environment: str) -> str:
        """The output of a command that has to succeed."""
        said = self(command, **environment)
        assert (said.status, said.stderr) == (0, ""), said
        return said.stdout

    def answers(self, command: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.shows(command))

    def table(self, command: str) -> list[str]:
        """The rows of a table, each with single spaces, without its head."""
        lines = [" ".join(line.split()) for line in self.shows(command).splitlines()]
        return [line for line in lines[2:] if line]

    def refuses(self, command: str, **environment: str) -> str:
        """The error of a command that has to fail, on one line."""
        said = self(command, **environment)
        assert said.status == 2, said
        return " ".join(said.stderr.replace(BULLET, "").split()).removesuffix(" specify --verbose flag for more information")

    def write(self, name: str, content: str | bytes) -> None:
        """A file in its folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def settings(hub: Hub, folder: Path) -> dict[str, str]:
    """The environment of `aio`: the key for what reads and invokes, the same as token for what changes something."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OCLIF_COLUMNS": "200",
        "WSK_CONFIG_FILE": str(hub.data / "wskprops"),
        "AIO_RUNTIME_NAMESPACE": "guest",
        "AIO_DEPLOY_SERVICE_URL": hub.address,
        "AIO_IMS_CONTEXTS_CLI_ACCESS__TOKEN_TOKEN": hub.auth,
        "AIO_IMS_CONTEXTS_CLI_ACCESS__TOKEN_EXPIRY": NEVER,
    }


@contextlib.contextmanager
def aio(hub: Hub, folder: Path) -> Iterator[Aio]:
    """Commands of the plugin in one process."""
    folder.mkdir(exist_ok=True)
    command = [node(AIO), str(AIO / "commands.cjs")]
    with answering(command, cwd=folder, log=folder / "aio.log", environment=settings(hub, folder)) as lines:
        yield Aio(lines, folder)


def alone(hub: Hub, folder: Path, *words: str) -> Said:
    """One command by the plugin's command line, in a process of its own."""
    done = subprocess.run(
        [node(AIO), str(AIO / "aio.cjs"), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env=settings(hub, folder),
        timeout=50,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)
