"""Records written behind: endings are gathered and committed together, and are readable from the moment they exist (design §2.5, §9).

A warm blocking call is answered before its record is on disk; the commit follows within a few milliseconds. Work that was accepted durably
stays in the database as a dispatch until the commit that holds its record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hub.domain.activation import Activation
from hub.domain.errors import Unavailable
from hub.storage.base import Ending, Store
from hub.telemetry.log import get_logger

WINDOW = 0.005
LARGEST_BATCH = 2_000
RETRY_AFTER = 0.5
STARTED_AFTER = 0.05

log = get_logger(__name__)


class Recorder:
    """Commits endings in groups. `run` must be running for anything to reach the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Ending] = []
        self._pending: dict[str, Activation] = {}
        self._starting: set[str] = set()
        self._bell = asyncio.Event()
        self._added = self._committed = 0
        self._settling: list[tuple[int, asyncio.Future[None]]] = []
        self._closing = False
        self.heard: Callable[[Ending], None] | None = None
        """Is told of every ending while somebody follows."""

    def add(self, ending: Ending) -> None:
        """Take an ending; it is committed within the next group."""
        activation_id = ending.activation.activation_id
        if ending.keep:
            self._pending[activation_id] = ending.activation
        self._starting.discard(activation_id)
        self._waiting.append(ending)
        self._added += 1
        self._bell.set()
        if self.heard is not None:
            self.heard(ending)

    def started(self, activation_id: str) -> None:
        """Note that an attempt of accepted work began. It is written only when the attempt lasts longer than a commit window."""
        self._starting.add(activation_id)
        asyncio.get_running_loop().call_later(STARTED_AFTER, self._note_started, activation_id)

    def _note_started(self, activation_id: str) -> None:
        if activation_id in self._starting:
            self._bell.set()

    def pending(self, activation_id: str) -> Activation | None:
        """A record that is not yet committed."""
        return self._pending.get(activation_id)

    async def settled(self) -> None:
        """Return when everything that was added before is committed; lists read after it are complete."""
        if self._committed < self._added:
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._settling.append((self._added, settled))
            await settled

    async def run(self) -> None:
        """Commit until `close` was called and everything is on disk."""
        while not (self._closing and not self._waiting):
            await self._bell.wait()
            if not self._closing:
                await asyncio.sleep(WINDOW)
            self._bell.clear()
            await self._flush()

    async def _flush(self) -> None:
        if self._starting:
            begun, self._starting = self._starting, set()
            await self._store.start_dispatches(sorted(begun))
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            await self._commit(batch)
            for ending in batch:
                self._pending.pop(ending.activation.activation_id, None)
            self._committed += len(batch)
            self._tell_settled()

    def _tell_settled(self) -> None:
        while self._settling and self._settling[0][0] <= self._committed:
            _, settled = self._settling.pop(0)
            if not settled.done():
                settled.set_result(None)

    async def _commit(self, batch: list[Ending]) -> None:
        while True:
            try:
                await self._store.finish(batch)
            except Unavailable as error:
                log.warning("Records wait for the database", waiting=len(self._waiting) + len(batch), reason=str(error))
                await asyncio.sleep(RETRY_AFTER)
            else:
                return

    async def close(self) -> None:
        """Let `run` commit what is left and end."""
        self._closing = True
        self._bell.set()
