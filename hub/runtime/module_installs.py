"""Installing the modules that every action may use, in the versions of the locks (`hub.runtime.modules`)."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hub.runtime import installers, modules
from hub.runtime.kinds import Kinds

LONGEST = 600
"""Seconds that an installer may take."""


class NotInstalled(Exception):
    """The modules of a family are not there; the message says why."""


def install(family: str, kinds: Kinds) -> bool:
    """Install those of one family unless they are there in these versions; whether anything was done. Raises NotInstalled.

    They are laid out aside and take the place of former ones at once: a hub that is killed, or a cell that starts, never sees a part.
    """
    lock, place = modules.LOCKS[family], modules.folders()[family]
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    made = place / modules.MADE
    if made.exists() and made.read_text() == digest:
        return False
    try:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=modules.HOME) as text:
            aside = Path(text)
            found = _python(aside) if family == "python" else _node(aside, kinds)
            (found / modules.MADE).write_text(digest)
            found.chmod(0o755)
            if place.exists():
                place.rename(aside / "former")
            found.rename(place)
    except installers.InstallerMissing as error:
        raise NotInstalled(f"{error}.") from error
    except OSError as error:
        raise NotInstalled(f"{modules.HOME} cannot be written: {error.strerror or error}.") from error
    return True


def _python(aside: Path) -> Path:
    """Wheels only. They are compiled here, since cells cannot keep what they compile; the files are never looked at again for changes."""
    target = aside / modules.OF_PYTHON
    words = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-compile"]
    _run([sys.executable, *installers.pip_command(), "install", *words, "--target", str(target), "--requirement", str(modules.PYTHON_LOCK)])
    shutil.rmtree(target / "bin", ignore_errors=True)
    _run([sys.executable, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", str(target)])
    return target


def _node(aside: Path, kinds: Kinds) -> Path:
    program = next((row["kind"] for row in kinds.manifest().get("nodejs", ())), None)
    if program is None:
        raise NotInstalled("There is no Node.js on this machine.")
    node = kinds.resolve(str(program)).program
    for name in ("package.json", modules.NODE_LOCK.name):
        shutil.copy(modules.HOME / name, aside / name)
    words = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    _run([node, installers.npm(node), *words], cwd=aside)
    return aside / modules.OF_NODE


def _run(command: list[str], cwd: Path | None = None) -> None:
    """Raises NotInstalled with what it said last."""
    environment = {**os.environ, "PIP_USER": "0"}
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False)  # noqa: S603 - the machine's installers
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"It took longer than {LONGEST} s.") from error
    if done.returncode:
        raise NotInstalled((done.stderr or done.stdout).strip()[-2000:])
