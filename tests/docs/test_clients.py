"""The page on clients: its programs for Node.js and its commands for aio run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import aio_cli, hubs
from tests.support.peers import AIO, NODE, node

PAGE = (Path(__file__).parent.parent.parent / "hub" / "docs" / "clients.md").read_text()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub whose data folder is where `make run` puts it."""
    with hubs.running(tmp_path_factory.mktemp("clients") / ".whiskhub") as found:
        yield found


def blocks(language: str) -> str:
    """What the page has in that language."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def test_the_javascript_of_the_page_runs(hub: hubs.Hub) -> None:
    """Beside the npm client."""
    environment = {"PATH": os.environ["PATH"], "APIHOST": hub.address, "AUTH": hub.auth}
    command = [node(), "--input-type=module", "--eval", blocks("js")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=NODE, env=environment, timeout=50, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello Ada\n", "")


def test_the_commands_for_aio_work(hub: hubs.Hub, tmp_path: Path) -> None:
    """In one shell that stops at the first that fails."""
    program = tmp_path / "aio"
    program.write_text(f'#!/bin/sh\nexec "{node(AIO)}" "{AIO / "aio.cjs"}" "$@" < /dev/null\n')
    program.chmod(0o755)
    environment = {"HOME": str(hub.data.parent), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["bash", "-euc", blocks("shell")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=50, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"greeting": "Hello Ada"' in done.stdout
    assert "called" in done.stdout


def test_the_page_names_what_the_tests_set(hub: hubs.Hub, tmp_path: Path) -> None:
    """Every variable of the environment in which aio is tested."""
    assert not [name for name in aio_cli.settings(hub, tmp_path) if name.startswith(("AIO_", "WSK_")) and name not in PAGE]
