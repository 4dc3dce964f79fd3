"""Who calls, and what their namespace may ask for (openwhisk-api §9)."""

from __future__ import annotations

import msgspec

from hub.domain.action import LimitRange


class NamespaceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one namespace; None means the hub's own default, `operator` ones are not throttled."""

    invocations_per_minute: int | None = None
    fires_per_minute: int | None = None
    concurrent_invocations: int | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A subject in a namespace, known by `uuid`. `key` is the 64 characters of the Basic password."""

    subject: str
    namespace: str
    uuid: str
    key: str
    blocked: bool = False
    operator: bool = False
    actions: LimitRange = LimitRange()
    limits: NamespaceLimits = NamespaceLimits()

    @property
    def auth_key(self) -> str:
        """`uuid:key`, as `wsk` wants it."""
        return f"{self.uuid}:{self.key}"
