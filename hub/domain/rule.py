"""Rules: this trigger runs that action (openwhisk-api §4.3)."""

from __future__ import annotations

from hub.domain.entity import Entity
from hub.domain.names import FullName


class Rule(Entity, frozen=True, kw_only=True):
    """A rule. Its status is not here but in the trigger's link."""

    trigger: FullName
    action: FullName
