"""The installers of packages that this machine has, pip and npm, and where they are set up to get packages from.

Nothing here knows the address of an index: what is not set is asked of the installer.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path

from hub.runtime.cells.mounts import CONTENT
from hub.runtime.layers import Layers

ASK_SECONDS = 30
_WIDE = "500"
_INDEX = re.compile(r"Package Index \(default\s+(\S+?)\)")
_WHEELS = Path("/usr/share/python-wheels")
"""Where systems that take pip out of Python keep it."""
_REDACTED = "****"


class InstallerMissing(Exception):
    """What is needed is not on this machine; the message says what, and what to do."""


def certificates() -> str:
    """The machine's own certificate authorities, which cells see as well; empty when there is no such file."""
    return ssl.get_default_verify_paths().cafile or ""


# pip


def _pip() -> Path:
    """The folder of the package `pip`, or the wheel that every Python carries to make environments. Raises InstallerMissing."""
    found = importlib.util.find_spec("pip")
    if found is not None and found.origin:
        return Path(found.origin).parent
    carried = importlib.util.find_spec("ensurepip")
    places = [_WHEELS, *([Path(carried.origin).parent / "_bundled"] if carried is not None and carried.origin else [])]
    wheels = [wheel for place in places for wheel in sorted(place.glob("pip-*.whl"))]
    if not wheels:
        raise InstallerMissing("pip is not on this machine: install it into the environment of the hub")
    return wheels[0]


def pip_layer(layers: Layers) -> str:
    """The folder of a layer that holds pip, which is laid out at its first use. Blocks. Raises InstallerMissing and OSError."""
    pip = _pip()
    name = f"pip-{int(pip.stat().st_mtime)}"
    if (found := layers.find(name)) is not None:
        return found
    aside = layers.aside()
    try:
        if pip.is_dir():
            shutil.copytree(pip, aside / CONTENT / "pip")  # compiled as it is: times are kept
        else:
            with zipfile.ZipFile(pip) as wheel:
                wheel.extractall(aside / CONTENT)
        layers.keep(aside, name, "pip")
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return str(layers.folder / name)


def pip_command() -> list[str]:
    """What Python runs as pip. Raises InstallerMissing."""
    pip = _pip()
    return ["-m", "pip"] if pip.is_dir() else [str(pip / "pip")]


async def python_index() -> str:
    """Where pip of this machine gets packages from. Raises InstallerMissing."""
    program = await asyncio.to_thread(pip_command)
    # Its help shows what its settings come to.
    said = await _asked([sys.executable, *program, "install", "--help"], "HUB_BUILDS__PYTHON_INDEX")
    match = _INDEX.search(said)
    if match is None or _REDACTED in match[1]:
        raise InstallerMissing("The index of Python packages that pip uses cannot be told; set HUB_BUILDS__PYTHON_INDEX")
    return match[1]


# npm


def npm(node: str) -> str:
    """The file that Node.js runs as npm: the one that came with it, else the machine's. Raises InstallerMissing."""
    home = Path(os.path.realpath(node)).parent.parent
    beside = home / "lib/node_modules/npm/bin/npm-cli.js"
    if beside.exists():
        return str(beside)
    found = shutil.which("npm")
    if found is None:
        raise InstallerMissing("npm is not on this machine: install it beside Node.js")
    return os.path.realpath(found)


async def npm_registry(node: str) -> str:
    """Where npm of this machine gets packages from. Raises InstallerMissing."""
    said = await _asked([node, await asyncio.to_thread(npm, node), "config", "get", "registry"], "HUB_BUILDS__NPM_REGISTRY")
    return said.strip()


async def _asked(command: list[str], setting: str) -> str:
    """What a program says. Raises InstallerMissing."""

    def ask() -> str:
        environment = {**os.environ, "COLUMNS": _WIDE}
        return subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=True, env=environment).stdout  # noqa: S603 - the machine's installers

    try:
        return await asyncio.to_thread(ask)
    except (OSError, subprocess.SubprocessError) as error:
        raise InstallerMissing(f"{' '.join(command[-3:])} gave no answer; set {setting}") from error
