"""The log of a container: lines of its streams, with a border where the image says that a run has ended (openwhisk-api §10.4).

An action can print the line that is the border, too. Then it disturbs its own log, and its container does not serve again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from hub.runtime.lines import Lines, Stream
from hub.runtime.live import Live

SENTINEL = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
PATIENCE = 2.0
"""How long (s) the border is waited for once a run was answered."""
SETTLED = 0.1
"""How long (s) after a failure without a border what was printed before may still be on its way."""


class Output(Lines):
    """Lines between two takes. `markers` are the streams with the number of borders that each run makes on it."""

    def __init__(self, markers: Mapping[str, int], limit_mb: int, live: Live | None = None) -> None:
        self._by_name = {name: Stream(name) for name in markers}
        super().__init__(tuple(self._by_name.values()), limit_mb, live)
        self._markers = markers
        self._seen = dict.fromkeys(markers, 0)
        self._changed = asyncio.Event()
        self._begun = 0
        self._answered = 0
        self._over = False

    def add(self, name: str, data: bytes) -> None:
        """What was printed; a border that is there once too often was a line of the action's."""
        stream = self._by_name[name]
        *lines, stream.partial = (stream.partial + data).split(b"\n")
        for line in lines:
            if line.endswith(SENTINEL):
                self._border(stream, bytes(line.removesuffix(SENTINEL)))
            else:
                self._keep(name, bytes(line))
        if len(stream.partial) > (0 if self._cut else self._limit) + len(SENTINEL):
            # Its end may be the begin of a border.
            self._keep(name, bytes(stream.partial[: -len(SENTINEL)]))
            stream.partial = stream.partial[-len(SENTINEL) :]
        self._changed.set()

    def _border(self, stream: Stream, rest: bytes) -> None:
        if rest:
            self._keep(stream.name, rest)
        self._seen[stream.name] += 1

    def _keep(self, name: str, line: bytes) -> None:
        if self._limit:
            self._line(name, line)
            self._tell()

    def finish(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._changed.set()

    def begin(self, run: str) -> None:
        """A run is asked for."""
        super().begin(run)
        self._begun += 1

    @property
    def forged(self) -> bool:
        """Whether there were more borders than runs."""
        return any(self._seen[name] > self._begun * each for name, each in self._markers.items())

    def _complete(self) -> bool:
        return self._over or all(self._seen[name] >= self._answered * each for name, each in self._markers.items())

    async def answered(self) -> bool:
        """A run was answered: wait for its border. Whether it came."""
        self._answered += 1
        try:
            async with asyncio.timeout(PATIENCE):
                while not self._complete():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self._answered -= 1  # it will not come any more, and no later run waits for it
            self._begun -= 1
            return False
        return True

    async def settled(self) -> None:
        """Something failed, and whether a border comes nobody knows: wait until nothing more is printed."""
        until = asyncio.get_running_loop().time() + PATIENCE
        with contextlib.suppress(TimeoutError):
            while not self._over and asyncio.get_running_loop().time() < until:
                self._changed.clear()
                async with asyncio.timeout(SETTLED):
                    await self._changed.wait()

    def take(self, *extra: str, last: bool = True) -> tuple[str, ...]:
        """Everything up to now belongs to the run that ended; see `hub.runtime.logs.Logs.take`."""
        return self._taken(extra, last=last)
