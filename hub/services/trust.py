"""Whose code runs at which level of isolation (reliability §5.1).

The operator's own code, and with it the built-in packages, runs at any level. What others wrote needs a fence, and what a stranger
published needs a cell.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Protocol

from hub.domain.action import Action
from hub.domain.identity import Identity
from hub.services.installs import ANNOTATION

BUILT_IN = "whisk.system"
OF_OTHERS = 2
OF_STRANGERS = 3


class Namespaces(Protocol):
    """Knows who owns what."""

    async def of_namespace(self, namespace: str) -> Identity | None:
        """The owner of a namespace."""


class Level(Protocol):
    """Knows the level of this hub."""

    @property
    def level(self) -> int:
        """What actions are isolated at."""


class Trust:
    """Asked before a process is started; costs nothing where every code may run.

    Up to and with the day `lenient_until` (UTC) what strangers published runs behind a fence, since the operator says so.
    """

    def __init__(self, namespaces: Namespaces, isolation: Level, lenient_until: date | None = None) -> None:
        self._namespaces = namespaces
        self._isolation = isolation
        self._lenient_until = lenient_until

    def notice(self) -> str | None:
        """What is allowed for a time, in a sentence, as long as it makes a difference."""
        if self._isolation.level != OF_OTHERS or not self._lenient:
            return None
        return (
            f"Until the end of {self._lenient_until} (UTC) packages of other publishers run at isolation level {OF_OTHERS}, though they "
            f"need {OF_STRANGERS}: HUB_RUNTIME__STRANGERS_BEHIND_FENCE_UNTIL says so."
        )

    @property
    def _lenient(self) -> bool:
        return self._lenient_until is not None and datetime.now(UTC).date() <= self._lenient_until

    async def refusal(self, action: Action) -> str | None:
        """Why this action may not run here, in a sentence; None when it may."""
        level = self._isolation.level
        if level >= OF_STRANGERS:
            return None
        publisher = _publisher(action)
        if publisher not in {None, BUILT_IN, action.name.namespace} and not (level == OF_OTHERS and self._lenient):
            return f"Packages of other publishers run at isolation level {OF_STRANGERS} or higher; this hub has level {level}."
        if level >= OF_OTHERS or action.name.namespace == BUILT_IN:
            return None
        owner = await self._namespaces.of_namespace(action.name.namespace)
        if owner is not None and owner.operator:
            return None
        return f"Actions of others than the operator run at isolation level {OF_OTHERS} or higher; this hub has level {level}."


def _publisher(action: Action) -> str | None:
    """The namespace that published the package an action was installed from; None for one that was made here."""
    mark = action.annotations.get(ANNOTATION)
    package = mark.get("package") if isinstance(mark, dict) else None
    return package.partition("/")[0] if isinstance(package, str) else None
