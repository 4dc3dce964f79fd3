"""Launchers as plain children of the hub: level 0 of the ladder, without any isolation (reliability §5.1)."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from hub.runtime import modules
from hub.runtime.base import LaunchFailed
from hub.runtime.child import Child
from hub.runtime.spawn import Wanted

_LAUNCHERS = Path(__file__).with_name("launchers")


class PlainSpawner:
    """See `hub.runtime.spawn.Spawner`. `work` is a folder below which each gets its own; `api_host` says where actions reach the hub."""

    def __init__(self, work: Path, api_host: Callable[[], str]) -> None:
        self._work = work
        self._api_host = api_host

    async def open(self) -> None:
        """See `Spawner.open`; what a former hub left in the work folder goes."""
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
        self._work.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def spawn(self, wanted: Wanted) -> Child:
        """See `Spawner.spawn`."""
        kind = wanted.kind
        folder = self._work / secrets.token_hex(8)
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "__OW_API_HOST": self._api_host(),
            **modules.environment(own_view=False),
            **kind.environment,
        }
        try:
            folder.mkdir(mode=0o700, parents=True)
            child = Child([kind.program, *kind.flags(wanted.memory), str(_LAUNCHERS / kind.launcher)], folder, environment)
            child.layers = [f"{layer}/content" for layer in wanted.layers]
            child.modules = modules.place_for(kind, own_view=False)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise LaunchFailed(f"{kind.program} could not be started: {error.strerror}") from error
        return child

    async def close(self) -> None:
        """See `Spawner.close`."""
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
