"""What actions in containers depend on: their images bring it, and what is in the zip is theirs to install (openwhisk-api §10.6)."""

from __future__ import annotations

from collections.abc import Callable

from hub.domain.action import CodeExec
from hub.domain.build import BuildFailed, Wanted


class Shipped:
    """See `hub.services.builds.Layers`: nothing is built beside an image."""

    def wanted(self, exec_: CodeExec) -> Wanted | None:
        """Nothing."""
        del exec_
        return None

    def find(self, wanted: str) -> str | None:
        """There is none."""
        del wanted
        return None

    def drop(self, wanted: str) -> None:
        """There is none."""
        del wanted

    def sizes(self) -> dict[str, tuple[int, float]]:
        """There are none."""
        return {}

    async def build(self, wanted: Wanted, heard: Callable[[str], None], started: Callable[[], None]) -> None:
        """Raises BuildFailed: one that was begun under another driver is not for this one."""
        del heard, started
        raise BuildFailed(f"{wanted.kind} runs in images here, for which nothing is built.")
