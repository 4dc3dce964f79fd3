"""What runs print, for those who want to see it at once. While nobody does, all it costs is looking whether somebody does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from weakref import WeakSet


class Printing(Protocol):
    """The lines of one process."""

    def printed(self, run: str) -> tuple[str, ...] | None:
        """See `Live.printed`."""


class Live:
    """`tell` is called with an activation id and its new lines, in order, on the event loop; None: nobody wants to see any."""

    def __init__(self) -> None:
        self.tell: Callable[[str, Sequence[str]], None] | None = None
        self.open: WeakSet[Printing] = WeakSet()

    def printed(self, run: str) -> tuple[str, ...] | None:
        """What an activation has printed so far, less what will still be told; None when no process is at it."""
        for printing in tuple(self.open):
            lines = printing.printed(run)
            if lines is not None:
                return lines
        return None
