"""Who calls, and what their namespace may ask for (openwhisk-api §9)."""

from __future__ import annotations

import hashlib

import msgspec

from hub.domain.action import LimitRange


class NamespaceLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits of one namespace; None means the hub's own default. Memory and logs in MB, time-outs in ms, sizes in bytes.

    `outbound_allow` are inside places that it may reach, as HUB_OUTBOUND__ALLOW says them for the operator's.
    """

    invocations_per_minute: int | None = None
    fires_per_minute: int | None = None
    concurrent_invocations: int | None = None
    allowed_kinds: tuple[str, ...] | None = None
    store_activations: bool | None = None
    min_action_memory: int | None = None
    max_action_memory: int | None = None
    min_action_logs: int | None = None
    max_action_logs: int | None = None
    min_action_timeout: int | None = None
    max_action_timeout: int | None = None
    min_action_concurrency: int | None = None
    max_action_concurrency: int | None = None
    max_parameter_size: int | None = None
    max_payload_size: int | None = None
    outbound_allow: str | None = None

    def narrowed(self, hub: LimitRange) -> LimitRange:
        """The ranges of the hub as this namespace has them; the hub's own are never exceeded."""

        def between(what: str) -> tuple[int, int]:
            low, high = getattr(hub, what)
            least, most = getattr(self, f"min_action_{what}"), getattr(self, f"max_action_{what}")
            return low if least is None else max(low, least), high if most is None else min(high, most)

        return LimitRange(
            timeout=between("timeout"),
            memory=between("memory"),
            logs=between("logs"),
            concurrency=between("concurrency"),
            instances=hub.instances if self.concurrent_invocations is None else self.concurrent_invocations,
        )


class KeyScope(msgspec.Struct, frozen=True):
    """All that a restricted key may do is fire and read triggers. `tag` stands for the only one; None: any of the namespace."""

    tag: str | None = None

    def allows(self, trigger: str) -> bool:
        """Whether the trigger of that name is meant."""
        return self.tag is None or self.tag == trigger_tag(trigger)


def trigger_tag(trigger: str) -> str:
    """15 hex digits that stand for the name of a trigger in a key."""
    return hashlib.sha256(trigger.encode()).hexdigest()[:15]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A subject in a namespace, known by `uuid`. `key` is the 64 characters of the Basic password.

    `previous_key` still fires triggers until `previous_until` (ms): feeds were created with it. `scope` restricts what this caller may do.
    """

    subject: str
    namespace: str
    uuid: str
    key: str
    blocked: bool = False
    operator: bool = False
    actions: LimitRange = LimitRange()
    limits: NamespaceLimits = NamespaceLimits()
    previous_key: str | None = None
    previous_until: int = 0
    scope: KeyScope | None = None

    @property
    def stores_activations(self) -> bool:
        """Whether records of runs are kept."""
        return self.limits.store_activations is not False

    @property
    def auth_key(self) -> str:
        """`uuid:key`, as `wsk` wants it."""
        return f"{self.uuid}:{self.key}"
