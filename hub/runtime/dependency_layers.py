"""Layers of what actions depend on: found when they are there, else built from the package indexes of this hub (design §9 "Cells")."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from hub.domain.action import CodeExec
from hub.domain.build import BuildFailed, Wanted
from hub.domain.errors import Malformed
from hub.runtime import installers, recipes
from hub.runtime.base import LaunchFailed
from hub.runtime.builds import Builds, Heard
from hub.runtime.dependencies import Dependencies, dependencies_of
from hub.runtime.egress import Egress
from hub.runtime.kinds import Kinds

PYTHON = "python"
AT_A_TIME = 2
_HIDDEN = "***"
Reach = Callable[[str, tuple[str, ...]], Awaitable[Egress]]
"""The way out of a build, to the index at an address and where that keeps the files of the packages with these names."""


class DependencyLayers:
    """`indexes` are addresses of package indexes by the family of the kind; an empty one is what the installer is set up for."""

    def __init__(self, kinds: Kinds, builds: Builds, indexes: dict[str, str], reach: Reach) -> None:
        self._kinds = kinds
        self._builds = builds
        self._indexes = dict(indexes)
        self._reach = reach
        self._places = asyncio.Semaphore(AT_A_TIME)

    def wanted(self, exec_: CodeExec) -> Wanted | None:
        """What the code depends on; None when that is nothing, or shipped. Takes as long as the code is large. Raises BuildFailed."""
        found = dependencies_of(exec_)
        if found is None:
            return None
        try:
            kind = self._kinds.resolve(exec_.kind)
        except Malformed:
            return None  # it does not run here any more, which is said elsewhere
        return Wanted(id=recipes.known(kind, found).digest, kind=kind.name, files=found.files, names=found.names)

    def find(self, wanted: str) -> str | None:
        """The folder of the layer, or None."""
        return self._builds.layers.find(wanted)

    def drop(self, wanted: str) -> None:
        """Remove a layer. Blocks."""
        self._builds.layers.drop(wanted)

    def sizes(self) -> dict[str, tuple[int, float]]:
        """Bytes of each layer, and when it was made (seconds since the epoch). Blocks."""
        return {name: (layer.size, layer.made) for name, layer in self._builds.layers.all()}

    async def build(self, wanted: Wanted, heard: Heard, started: Callable[[], None]) -> None:
        """Make the layer; `heard` is given each line of the log, `started` is called when its turn has come. Raises BuildFailed."""
        async with self._places:
            started()
            await self._build(wanted, heard)

    async def _build(self, wanted: Wanted, heard: Heard) -> None:
        kind = self._kinds.resolve(wanted.kind)
        found = Dependencies(family=kind.family, files=wanted.files, names=wanted.names)
        try:
            index = await self._index(kind.family, kind.program)
            secret = urlsplit(index).netloc.rpartition("@")[0]
            recipe = await recipes.recipe_for(kind, found, self._builds.layers, index)
            egress = await self._reach(index, wanted.names if kind.family == PYTHON else ())
            await self._builds.make(recipe, egress, lambda line: heard(line.replace(secret, _HIDDEN) if secret else line))
        except installers.InstallerMissing as error:
            raise BuildFailed(f"{error}.") from error
        except LaunchFailed as error:
            raise BuildFailed(f"It could not be started: {error}.") from error
        except OSError as error:
            raise BuildFailed(f"It could not be started: {error.strerror or error}.") from error

    async def _index(self, family: str, program: str) -> str:
        """Where packages come from; asked once. Raises InstallerMissing."""
        if not self._indexes.get(family):
            self._indexes[family] = await (installers.python_index() if family == PYTHON else installers.npm_registry(program))
        return self._indexes[family]


def trusted() -> ssl.SSLContext:
    """The certificates that installers trust: the machine's."""
    return ssl.create_default_context()
