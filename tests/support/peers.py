"""What the tests need that is not ours: an absent peer is skipped at a desk and a failure in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

NODE = Path(__file__).parent / "node"
AIO = Path(__file__).parent / "aio"


def absent(reason: str) -> NoReturn:
    """Skip with the reason; fail when CI=true, where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have it: {reason}")
    pytest.skip(reason)


def node(folder: Path = NODE) -> str:
    """The Node.js program, with the peers in `folder` installed."""
    program = shutil.which("node")
    if program is None:
        absent("there is no Node.js")
    if not (folder / "node_modules").is_dir():
        absent(f"the peers in {folder.name} are not installed: make install-test")
    return program


def run_script(script: str, *words: str, stdin: str = "", seconds: float = 50) -> str:
    """Run one of our scripts beside the peers; what it printed."""
    done = subprocess.run(
        [node(), str(NODE / script), *words], input=stdin, capture_output=True, text=True, timeout=seconds, check=False, cwd=NODE
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
