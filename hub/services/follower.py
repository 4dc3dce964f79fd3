"""Those who watch lines as they come: what waits for each is bounded, and who reads too slowly hears how much was left out."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from hub.domain.activation import Activation
from hub.domain.parameters import Json
from hub.wire.events import Event
from hub.wire.json import encode

LARGEST_QUEUE = 5_000
LARGEST_QUEUE_BYTES = 1_048_576
"""Rows, and their bytes, that wait for one follower."""
KEPT = 1_000
KEPT_BYTES = 1_048_576
"""Rows, and their bytes, that are kept of a namespace for who comes back."""
BATCHES_PER_SECOND = 4
ROWS = 50
"""How much a follower of a namespace gets at a time (design §9 "Pages")."""
ACTIVATION_ROWS = 1_000


class Batch(msgspec.Struct, frozen=True):
    """What is sent at once. `dropped` rows were left out before these; -1: nobody knows how many. After the `last` nothing follows."""

    rows: list[Event]
    dropped: int = 0
    last: bool = False


class Follower:
    """One who watches. At the most `most` rows are for it at a time, `BATCHES_PER_SECOND` times a second."""

    most = ROWS
    whole = False
    """Whether full batches follow each other without a pause."""

    def __init__(self) -> None:
        self.on_leave: Callable[[], None] = lambda: None
        self._history: Iterator[Event] = iter(())
        self._rows: deque[Event] = deque()
        self._bytes = 0
        self._last: Event | None = None
        self._bell = asyncio.Event()
        self.dropped = 0
        self.closed = False
        self._bell.set()

    def put(self, row: Event) -> None:
        """One more; the oldest that wait give way."""
        rows = self._rows
        rows.append(row)
        self._bytes += len(row.data)
        while len(rows) > 1 and (len(rows) > LARGEST_QUEUE or self._bytes > LARGEST_QUEUE_BYTES):
            self._bytes -= len(rows.popleft().data)
            if self.dropped >= 0:
                self.dropped += 1
        self._bell.set()

    def end(self, row: Event | None = None) -> None:
        """Nothing follows, but this."""
        self._last = row
        self.closed = True
        self._bell.set()

    def leave(self) -> None:
        """It is gone."""
        self.on_leave()

    async def batch(self) -> Batch:
        """What is there, at the most `most` rows, history first; waits for it."""
        await self._bell.wait()
        rows = list(islice(self._history, self.most))
        dropped = 0
        if not rows:
            dropped, self.dropped = self.dropped, 0
            rows = [self._rows.popleft() for _ in range(min(self.most, len(self._rows)))]
            self._bytes -= sum(len(row.data) for row in rows)
        if len(rows) == self.most or self._rows:
            return Batch(rows, dropped)
        if self.closed:
            return Batch([*rows, self._last] if self._last else rows, dropped, last=True)
        if not self._rows:
            self._bell.clear()
        return Batch(rows, dropped)


class ActivationFollower(Follower):
    """Watches one activation. Rows are numbered as the lines of its log; `after` is how many were seen before."""

    most = ACTIVATION_ROWS
    whole = True

    def __init__(self, after: int = 0) -> None:
        super().__init__()
        self._after = after
        self.told = 0
        """How many lines it knows of, those it saw before included."""

    def past(self, lines: tuple[str, ...]) -> None:
        """What was printed before it came."""
        self.told = len(lines)
        seen = min(self._after, len(lines))
        self._history = (_line(number, lines[number - 1]) for number in range(seen + 1, len(lines) + 1))

    def add(self, lines: Iterable[str]) -> None:
        """What was printed now."""
        for line in lines:
            self.told += 1
            if self.told > self._after:
                self.put(_line(self.told, line))

    def ended(self, activation: Activation) -> None:
        """The record is there; lines that it has more come before the end."""
        self.add(activation.logs[self.told :])
        self.end(Event("end", encode({"activationId": activation.activation_id, **ending_of(activation)}), "end"))


def _line(number: int, line: str) -> Event:
    return Event("line", encode({"line": line}), str(number))


def ending_of(activation: Activation) -> dict[str, Json]:
    """How it ended, as the end of a stream says it."""
    status = activation.response.status
    return {"status": status.text, "success": status == 0, "start": activation.start, "duration": activation.duration}


class Ring:
    """The newest rows of a namespace, and who watches it. Marks are `name-number`; another ring has another name."""

    def __init__(self) -> None:
        self._followers: dict[Follower, str | None] = {}
        self._name = secrets.token_hex(4)
        self._number = 0
        self._rows: deque[tuple[int, str, Event]] = deque()
        self._bytes = 0

    def add(self, path: str, kind: str, data: dict[str, Json]) -> None:
        """One more row, of the action or trigger at `path`."""
        self._number += 1
        row = Event(kind, encode(data), f"{self._name}-{self._number}")
        self._rows.append((self._number, path, row))
        self._bytes += len(row.data)
        while len(self._rows) > 1 and (len(self._rows) > KEPT or self._bytes > KEPT_BYTES):
            self._bytes -= len(self._rows.popleft()[2].data)
        for follower, wanted in self._followers.items():
            if wanted is None or wanted == path:
                follower.put(row)

    def follow(self, path: str | None, mark: str) -> Follower:
        """Watch it from now on, or from after `mark`."""
        follower = Follower()
        if mark:
            self._catch_up(follower, path, mark)
        self._followers[follower] = path
        return follower

    @property
    def watched(self) -> bool:
        """Whether anybody watches it now."""
        return bool(self._followers)

    def leave(self, follower: Follower) -> None:
        """It is gone."""
        del self._followers[follower]

    def _catch_up(self, follower: Follower, path: str | None, mark: str) -> None:
        name, _, text = mark.partition("-")
        if name != self._name or not (text.isascii() and text.isdecimal()):
            follower.dropped = -1
            return
        seen = int(text[:18])
        if self._rows and self._rows[0][0] > seen + 1:
            follower.dropped = self._rows[0][0] - seen - 1 if path is None else -1
        for number, of, row in self._rows:
            if number > seen and path in (None, of):
                follower.put(row)
