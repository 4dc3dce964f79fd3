"""What builds of dependencies need: something that makes and keeps layers, and something that remembers builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hub.domain.action import CodeExec
from hub.domain.build import Build, Wanted


class Layers(Protocol):
    """Makes and keeps them (`hub.runtime.dependency_layers`)."""

    def wanted(self, exec_: CodeExec) -> Wanted | None:
        """What the code depends on. Blocks. Raises BuildFailed."""

    def find(self, wanted: str) -> str | None:
        """The folder of the layer, or None."""

    def drop(self, wanted: str) -> None:
        """Remove one. Blocks."""

    def sizes(self) -> dict[str, tuple[int, float]]:
        """Bytes of each, and when it was made (seconds since the epoch). Blocks."""

    async def build(self, wanted: Wanted, heard: Callable[[str], None], started: Callable[[], None]) -> None:
        """Make one. Raises BuildFailed."""


class Records(Protocol):
    """Keeps builds (`hub.runtime.build_records`). All of it blocks."""

    def all(self) -> list[Build]:
        """Every one that is known."""

    def save(self, build: Build) -> None:
        """Keep it."""

    def drop(self, number: str) -> None:
        """Forget it."""
