"""The spawner of a hub: finds the level of isolation when it is opened, and starts launchers at that level from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from hub.runtime import isolation
from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.cells import ladder
from hub.runtime.cells.promises import PROMISES
from hub.runtime.isolation import Choice, Isolation, IsolationRefused
from hub.runtime.kinds import Kinds
from hub.runtime.plain_spawner import PlainSpawner
from hub.runtime.spawn import Spawned, Spawner, Wanted
from hub.runtime.starters import CHILDREN, Starter
from hub.runtime.warden import WardenRefused
from hub.telemetry.log import get_logger

log = get_logger(__name__)

LAYERS = "layers"
"""Where layers are in the data folder."""


class Isolated:
    """See `hub.runtime.spawn.Spawner`.

    Finding the level starts at once, beside whatever else the hub does at its start. `folder` is the data folder; `doors` are what answers
    inside cells; `toolchains` is a folder that all cells may read; `api_host` and `port` are where the hub is reached from outside of
    them; `idle` (s) is how long cells stand ready that nobody wants.
    """

    def __init__(
        self,
        kinds: Kinds,
        folder: Path,
        choice: Choice,
        doors: Doors,
        *,
        toolchains: Path,
        api_host: Callable[[], str],
        port: int,
        idle: float,
        starter: Starter = CHILDREN,
    ) -> None:
        self._starter = starter
        self._kinds = kinds
        self._folder = folder
        self._choice = choice
        self.doors = doors
        self._toolchains = toolchains
        self._api_host = api_host
        self.port = port
        self._idle = idle
        self._spawner: Spawner | None = None
        self.isolation = Isolation(level=ladder.NONE)
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def open(self) -> None:
        """Raises IsolationRefused: a level that was there before, or was asked for, is not given up in silence."""
        await self._opening
        log.info("Actions are isolated", **self.details())

    async def _open(self) -> None:
        plan = isolation.plan(self._folder, self._kinds, toolchains=self._toolchains, layers=self._folder / LAYERS)
        self.isolation = await isolation.find(plan, self._choice, self._folder / "isolation", self._starter)
        if self.isolation.level == ladder.NONE:
            self._spawner = PlainSpawner(self._folder / "run" / "plain", self._api_host)
            await self._spawner.open()
            return
        self._spawner = cells = CellSpawner(
            plan,
            self.isolation.level,
            self.doors,
            api_host=self._api_host,
            port=self.port,
            idle=self._idle,
            starter=self._starter,
        )
        try:
            await cells.open(self._kinds.resolve("python:3"))
        except WardenRefused as error:
            raise IsolationRefused(f"HUB_RUNTIME__LEVEL cannot be used: level {self.isolation.level} held, but then {error}.") from error

    @property
    def level(self) -> int:
        """What actions are isolated at."""
        return self.isolation.level

    def details(self) -> dict[str, object]:
        """What was found."""
        return self.isolation.details()

    def open_attacks(self) -> list[str]:
        """What an action got away with when this level was tried, as the promises say it; at level 0 nothing is tried."""
        return [PROMISES[name].says for name in self.isolation.open]

    @property
    def outage(self) -> str | None:
        """Why no action can run at present, in a sentence; None when they can."""
        return self._spawner.outage if isinstance(self._spawner, CellSpawner) else None

    async def spawn(self, wanted: Wanted) -> Spawned:
        """See `Spawner.spawn`."""
        if self._spawner is None:
            raise RuntimeError("the spawner is not open")
        return await self._spawner.spawn(wanted)

    async def close(self) -> None:
        """See `Spawner.close`; also while it is being opened."""
        self._opening.cancel()
        await asyncio.gather(self._opening, return_exceptions=True)
        if self._spawner is not None:
            await self._spawner.close()
