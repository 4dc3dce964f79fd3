"""The commands of every page run, as they stand, from top to bottom of the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import hubs

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted((ROOT / "hub" / "docs").rglob("*.md"))
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
WITH_COMMANDS = [page for page in PAGES if BLOCK.search(page.read_text())]


def in_order(folder: Path) -> dict[str, str]:
    """The environment of somebody who follows a page: `hub` on the path, `wskprops` in the data folder of `make run`."""
    program = folder / "bin" / "hub"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom hub.cli import main\nmain()\n")
    program.chmod(0o755)
    return {"HOME": str(folder), "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "160"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work(page: Path, tmp_path: Path) -> None:
    """In one shell that stops at the first that fails, in an empty folder, against a hub of its own."""
    work = tmp_path / "work"
    work.mkdir()
    environment = in_order(tmp_path)
    with hubs.running(tmp_path / ".whiskhub") as hub:
        environment["APIHOST"], environment["AUTH"] = hub.address, hub.auth
        script = "set -euo pipefail\n" + "\n".join(BLOCK.findall(page.read_text()))
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=work, env=environment, timeout=110, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_page_is_listed() -> None:
    """On the first one."""
    index = (ROOT / "hub" / "docs" / "index.md").read_text()
    assert not [page.stem for page in PAGES if page.parent.name == "docs" and page.stem != "index" and f"(/docs/{page.stem})" not in index]
