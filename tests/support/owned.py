"""Hubs that are started as root and become the owner of their data folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import starlette

from tests.support.cells import for_all, shared_interpreter

OWNER = 61_234
"""A user that is nobody else on any machine."""
CHECKOUT = Path(__file__).parent.parent.parent
PACKAGES = Path(starlette.__file__).parent.parent


@lru_cache(maxsize=1)
def program() -> list[str]:
    """The command `hub` on an interpreter that every user can read, with the packages of this one. Skips where there is none."""
    interpreter = shared_interpreter()
    version = subprocess.run([interpreter, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=True)
    if version.stdout.split() != [str(number) for number in sys.version_info[:2]]:
        pytest.skip(f"{interpreter} is another Python than the one of the tests")
    if not for_all(CHECKOUT / "hub" / "app.py") or not for_all(Path(starlette.__file__)):
        pytest.skip("only root can read this checkout")
    lines = f"import site, sys; sys.path.insert(0, {str(CHECKOUT)!r}); site.addsitedir({str(PACKAGES)!r})"
    return [interpreter, "-I", "-c", f"{lines}; from hub.cli import main; main()"]


@contextlib.contextmanager
def folder(owner: int = OWNER) -> Iterator[Path]:
    """An empty data folder of that user, where everybody can get to."""
    place = Path(tempfile.mkdtemp(prefix="whiskhub-test-"))
    place.chmod(0o755)
    data = place / "data"
    data.mkdir(mode=0o700)
    os.chown(data, owner, owner)
    try:
        yield data
    finally:
        shutil.rmtree(place, ignore_errors=True)


def free_low_port() -> int:
    """One that only root may listen on."""
    for port in range(1023, 700, -1):
        with socket.socket() as door, contextlib.suppress(OSError):
            door.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every low port is in use")
