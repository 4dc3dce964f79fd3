"""Keeping house: old finished records go, in small batches (design §9 "The record")."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from hub.domain.errors import Unavailable
from hub.services.clock import now_ms
from hub.settings import Retention as RetentionSettings
from hub.storage.base import RetentionCut, Store
from hub.telemetry.log import get_logger

log = get_logger(__name__)

EVERY = 300.0
PAUSE = 0.05
DELIVERIES = timedelta(days=30)


class Retention:
    """Sweeps every five minutes; when the disk runs full, the oldest finished records go first and `state` says so."""

    def __init__(self, store: Store, settings: RetentionSettings, folder: Path) -> None:
        self._store = store
        self._settings = settings
        self._folder = folder
        self.state = "ok"

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.sweep()
            except Unavailable as error:
                log.warning("Old records could not be removed", reason=str(error))
            await asyncio.sleep(EVERY)

    async def sweep(self) -> int:
        """Remove everything that is old enough; how many rows went."""
        now = now_ms()
        cut = RetentionCut(
            activations_before=now - _ms(self._settings.activations),
            logs_before=now - _ms(self._settings.logs),
            events_before=now - _ms(self._settings.events),
            deliveries_before=now - _ms(DELIVERIES),
        )
        gone = await self._drain(cut)
        free = (await asyncio.to_thread(shutil.disk_usage, self._folder)).free
        if free >= self._settings.disk_free:
            self.state = "ok"
            return gone
        self.state = (
            f"{free} bytes are free on the data folder's disk, less than HUB_RETENTION__DISK_FREE ({self._settings.disk_free}): "
            "the oldest finished records go first"
        )
        log.warning("The disk is nearly full; the oldest finished records go first", free=free, wanted=self._settings.disk_free)
        return gone + await self._store.sweep(RetentionCut(activations_before=now, events_before=now))

    async def _drain(self, cut: RetentionCut) -> int:
        """Batch by batch, with room for other writes between."""
        total = 0
        while gone := await self._store.sweep(cut):
            total += gone
            await asyncio.sleep(PAUSE)
        return total


def _ms(life: timedelta) -> int:
    return int(life.total_seconds() * 1000)
