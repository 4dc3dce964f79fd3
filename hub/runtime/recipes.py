"""How dependencies are installed: with pip, wheels only; with npm, without the scripts of packages (design §9 "Cells")."""

from __future__ import annotations

import asyncio
import base64
import os
from urllib.parse import unquote, urlsplit, urlunsplit

from hub.runtime import installers
from hub.runtime.builds import Recipe
from hub.runtime.dependencies import LOCKS, Dependencies
from hub.runtime.kinds import Kind
from hub.runtime.layers import Layers

NPMRC = ".npmrc"
_RUN_PIP = (
    "import os, runpy, sys; sys.path.append(os.environ['LAYER_0']); sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__')"
)
_COMPILE = (
    "import compileall, py_compile; compileall.compile_dir('.', quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"
)
"""A layer never changes: its compiled modules are good whatever the time on the sources."""


async def recipe_for(kind: Kind, wanted: Dependencies, layers: Layers, index: str) -> Recipe:
    """How they are built for that kind, from the package index at an address. Raises InstallerMissing, OSError."""
    return await _with_pip(kind, wanted, layers, index) if wanted.family == "python" else await _with_npm(kind, wanted, index)


def known(kind: Kind, wanted: Dependencies) -> Recipe:
    """As much of the recipe as its digest is made of."""
    return Recipe(what=f"dependencies for {kind.real}", files=wanted.files)


async def _with_pip(kind: Kind, wanted: Dependencies, layers: Layers, index: str) -> Recipe:
    python = (kind.program, "-I", "-S", "-c")
    words = ["install", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--no-compile", "--progress-bar=off"]
    words += ["--root-user-action=ignore", "--only-binary=:all:", "--target=.", "--requirement=requirements.txt"]
    if certificates := installers.certificates():
        words.append(f"--cert={certificates}")
    base = known(kind, wanted)
    return Recipe(
        what=base.what,
        files=base.files,
        commands=((*python, _RUN_PIP, *words), (*python, _COMPILE)),
        environment={"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull},
        layers=(await asyncio.to_thread(installers.pip_layer, layers),),
        remove=("requirements.txt",),
    )


async def _with_npm(kind: Kind, wanted: Dependencies, registry: str) -> Recipe:
    npm = await asyncio.to_thread(installers.npm, kind.program)
    words = ["ci" if wanted.locked else "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    words += ["--loglevel=http", "--no-package-lock"] if not wanted.locked else ["--loglevel=http"]
    base = known(kind, wanted)
    address, secret = _without_secret(registry)
    environment = {"npm_config_registry": address, "npm_config_cache": "../.npm"}
    if certificates := installers.certificates():
        environment["NODE_EXTRA_CA_CERTS"] = certificates
    settings = "" if not secret else f"{urlunsplit(('', *urlsplit(address)[1:]))}:_auth={secret}\n"
    return Recipe(
        what=base.what,
        files=base.files,
        commands=((kind.program, npm, *words),),
        environment=environment,
        settings={NPMRC: settings},
        remove=(NPMRC, "package.json", *LOCKS),
    )


def _without_secret(url: str) -> tuple[str, str]:
    """The address as npm takes it, and what authorises, in base64; npm takes no password in an address."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    address = urlunsplit((parts.scheme, host, path, "", ""))
    return address, base64.b64encode(unquote(user).encode()).decode() if at else ""
