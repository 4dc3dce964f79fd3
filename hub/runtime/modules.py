"""Modules that every action may use without shipping them, as upstream's images offer them (openwhisk-api §10.5, §10.6).

`hub modules` installs them beside this file, in the versions of the locks there. Cells see them at fixed places, last on the way that
modules are looked for: they cost nothing until they are imported.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from hub.runtime.kinds import Kind

HOME = Path(__file__).with_name("modules")
PYTHON_LOCK = HOME / "requirements.txt"
NODE_LOCK = HOME / "package-lock.json"
LOCKS = {"python": PYTHON_LOCK, "nodejs": NODE_LOCK}
OF_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
OF_NODE = "node_modules"
_PLACES = {"python": "/modules/python", "nodejs": "/node_modules"}
MADE = ".made"
"""Is written when all of them are there: the digest of their lock."""


def folders() -> dict[str, Path]:
    """Where they are, by the family of those that can use them; the folder need not be there."""
    return {"python": HOME / OF_PYTHON, "nodejs": HOME / OF_NODE}


def missing() -> list[str]:
    """The families whose modules are not installed."""
    return [family for family, folder in folders().items() if not (folder / MADE).exists()]


@lru_cache(maxsize=1)
def shown() -> dict[str, str]:
    """The folders that cells see, by their places in a view. What is installed later is there from the next start on."""
    absent = missing()
    return {_PLACES[family]: str(folder) for family, folder in folders().items() if family not in absent}


def place_for(kind: Kind, *, own_view: bool) -> str:
    """Where a launcher of that kind finds its own; empty when it has none. Those of Python are of one version."""
    version = f"python:{sys.version_info.major}.{sys.version_info.minor}"
    place = _PLACES.get(kind.family, "")
    folder = shown().get(place)
    if folder is None or (kind.family == "python" and kind.real != version):
        return ""
    return place if own_view else folder


def environment(*, own_view: bool) -> dict[str, str]:
    """What a process is started with: in a view Node.js finds them at the root, elsewhere it must be told."""
    folder = shown().get(_PLACES["nodejs"])
    return {} if own_view or folder is None else {"NODE_PATH": folder}
