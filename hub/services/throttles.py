"""Throttles: invocations and fires a minute, and invocations in flight, counted for each namespace (openwhisk-api §9.5)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from hub.domain.errors import Throttled
from hub.domain.identity import Identity

MINUTE = 60


class Rate:
    """How often something happened in this calendar minute, for each namespace."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def count(self, namespace: str) -> int:
        """Count one more; how many there were in this minute, this one included."""
        minute = int(self._clock() // MINUTE)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        self._counts[namespace] += 1
        return self._counts[namespace]

    def seconds_left(self) -> float:
        """Until the next minute begins."""
        return MINUTE - self._clock() % MINUTE


class Throttles:
    """Admits what a namespace may do now.

    The arguments are the hub's own limits; those of a namespace go before them. The operator's namespaces are not throttled by the
    hub's own (design §8).
    """

    def __init__(self, invocations: int, fires: int, concurrent: int, clock: Callable[[], float] = time.time) -> None:
        self._invocations = Rate(clock)
        self._fires = Rate(clock)
        self._per_minute = invocations
        self._fires_per_minute = fires
        self._concurrent = concurrent
        self._in_flight: Counter[str] = Counter()
        self.on_left: Callable[[str], None] = lambda _namespace: None

    def admit_invocation(self, caller: Identity) -> None:
        """Count an invocation. Raises Throttled: too many in this minute, or too many in flight."""
        _check_rate(self._invocations, caller, _limit(caller, caller.limits.invocations_per_minute, self._per_minute))
        allowed = self._concurrency(caller)
        count = self._in_flight[caller.namespace]
        if allowed is not None and count >= allowed:
            raise Throttled(f"Too many concurrent requests in flight (count: {count}, allowed: {allowed}).")

    def admit_fire(self, caller: Identity) -> None:
        """Count a fire. Raises Throttled when there were too many in this minute."""
        _check_rate(self._fires, caller, _limit(caller, caller.limits.fires_per_minute, self._fires_per_minute))

    def has_room(self, caller: Identity) -> bool:
        """Whether one more run of this namespace may be in flight."""
        allowed = self._concurrency(caller)
        return allowed is None or self._in_flight[caller.namespace] < allowed

    def seconds_to_wait(self, caller: Identity) -> float:
        """Count a run that nobody waits for: 0 when it may start, else how long until it may ask again."""
        allowed = _limit(caller, caller.limits.invocations_per_minute, self._per_minute)
        if allowed is None or self._invocations.count(caller.namespace) <= allowed:
            return 0
        return self._invocations.seconds_left()

    def entered(self, namespace: str) -> None:
        """A run of this namespace is in flight from now on."""
        self._in_flight[namespace] += 1

    def left(self, namespace: str) -> None:
        """It ended."""
        self._in_flight[namespace] -= 1
        if self._in_flight[namespace] <= 0:
            del self._in_flight[namespace]
        self.on_left(namespace)

    def _concurrency(self, caller: Identity) -> int | None:
        return _limit(caller, caller.limits.concurrent_invocations, self._concurrent)


def _limit(caller: Identity, own: int | None, hub: int) -> int | None:
    """What holds for the caller; None: nothing does."""
    if own is not None:
        return own
    return None if caller.operator else hub


def _check_rate(rate: Rate, caller: Identity, allowed: int | None) -> None:
    if allowed is None:
        return
    count = rate.count(caller.namespace)
    if count > allowed:
        message = f"Too many requests in the last minute (count: {count}, allowed: {allowed})."
        raise Throttled(message, retry_after=int(rate.seconds_left()) + 1)
