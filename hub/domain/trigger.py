"""Triggers and what is linked to them (openwhisk-api §4.1)."""

from __future__ import annotations

import msgspec

from hub.domain.entity import Entity
from hub.domain.names import FullName
from hub.domain.parameters import EMPTY, Parameters


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as its trigger sees it. The rule's status lives here."""

    action: FullName
    active: bool = True


class Trigger(Entity, frozen=True, kw_only=True):
    """A trigger. `rules` maps `ns/rule` to its link in link order; None until a first rule was linked."""

    parameters: Parameters = EMPTY
    rules: dict[str, Link] | None = None

    @property
    def feed(self) -> str | None:
        """The feed that drives this trigger, from its annotation."""
        value = self.annotations.get("feed")
        return value if isinstance(value, str) else None

    def active_links(self) -> dict[str, Link]:
        """The links whose actions a fire runs."""
        return {rule: link for rule, link in (self.rules or {}).items() if link.active}
