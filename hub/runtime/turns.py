"""Who gets room next: first the namespace that holds the least memory, then its actions by turns (reliability §9).

A namespace with a thousand actions gets no more turns than one with a single action.
"""

from __future__ import annotations

from collections import Counter

from hub.runtime.shelf import Shelf


class Turns:
    """The shelves that wait for room, by namespace. Namespaces that hold the same take turns."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[Shelf, None]] = {}
        self._held: Counter[str] = Counter()
        self._first: Shelf | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __contains__(self, shelf: Shelf) -> bool:
        return shelf in self._waiting.get(shelf.tenant, ())

    def holds(self, shelf: Shelf, *, more: bool) -> None:
        """A process of it was given room, or gave it back."""
        namespace = shelf.tenant
        self._held[namespace] += shelf.memory if more else -shelf.memory
        if not self._held[namespace]:
            del self._held[namespace]
        self._first = None

    def first(self) -> Shelf | None:
        """The one that comes next."""
        if self._first is None and self._waiting:
            namespace = min(self._waiting, key=self._held.__getitem__)
            self._first = next(iter(self._waiting[namespace]))
        return self._first

    def add(self, shelf: Shelf) -> None:
        """It waits for room from now on, after those that do already."""
        self._waiting.setdefault(shelf.tenant, {}).setdefault(shelf)
        self._first = None

    def remove(self, shelf: Shelf) -> None:
        """Nobody waits there any more."""
        self._take(shelf)

    def served(self, shelf: Shelf) -> None:
        """One of it was served, and others still wait: the other actions of its namespace, and the other namespaces, come first now."""
        left = self._take(shelf)
        self._waiting[shelf.tenant] = {**left, shelf: None}

    def _take(self, shelf: Shelf) -> dict[Shelf, None]:
        """Without it; its namespace goes to the end."""
        self._first = None
        left = self._waiting.pop(shelf.tenant, {})
        left.pop(shelf, None)
        if left:
            self._waiting[shelf.tenant] = left
        return left

    def clear(self) -> None:
        """Nobody waits."""
        self._waiting.clear()
        self._first = None
