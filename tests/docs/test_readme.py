"""The README's commands run, as they stand, from top to bottom."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import hubs

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(120)
def test_the_commands_of_the_readme_work(tmp_path: Path) -> None:
    """In one shell, against a hub whose data folder is where `make run` puts it."""
    home = tmp_path / "home"
    home.mkdir()
    with hubs.running(home / ".whiskhub") as hub:
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "COLUMNS": "160"}
        script = "set -euo pipefail\n" + "\n".join(BLOCKS)
        if not (ROOT / ".venv/bin/hub").exists():
            script = script.replace('export PATH="$PWD/.venv/bin:$PATH"', "")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=110, check=False)
        key = hub.auth

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"greeting":"Hello Ada"' in done.stdout
    assert '"greeting":"Hello clock"' in done.stdout
    assert "stdout: called" in done.stdout
    assert "installed whisk.system/utils 1.0.0 as tools" in done.stdout
    assert '{"payload":"hi"}' in done.stdout
    assert "nothing is left" in done.stdout
    assert "Subject deleted" in done.stdout
    assert key not in done.stdout + done.stderr


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """Pages that it names are there."""
    for target in re.findall(r"\]\((hub/[^)#]+)\)", README):
        assert (ROOT / target).is_file()


def test_every_make_target_that_the_readme_names_is_there() -> None:
    """`make` knows it."""
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^    make ([a-z0-9]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
