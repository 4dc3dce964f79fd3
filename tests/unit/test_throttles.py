"""Throttles count by the calendar minute and by what is in flight (openwhisk-api §9.5)."""

from __future__ import annotations

import msgspec
import pytest

from hub.domain.errors import Throttled
from hub.domain.identity import Identity, NamespaceLimits
from hub.services.throttles import Throttles

CALLER = Identity(subject="ann", namespace="ann", uuid="u", key="k")


class Time:
    """A clock that is told what time it is."""

    def __init__(self) -> None:
        self.now = 90.0

    def __call__(self) -> float:
        return self.now


def test_the_hub_s_own_limit_holds_for_the_rest_of_the_minute() -> None:
    """Refused ones count, too; the next minute begins anew, and says when that is."""
    clock = Time()
    throttles = Throttles(2, 2, 30, clock)
    throttles.admit_invocation(CALLER)
    throttles.admit_invocation(CALLER)
    with pytest.raises(Throttled, match=r"^Too many requests in the last minute \(count: 3, allowed: 2\)\.$") as refused:
        throttles.admit_invocation(CALLER)
    with pytest.raises(Throttled, match="count: 4"):
        throttles.admit_invocation(CALLER)
    assert refused.value.retry_after == 31
    clock.now = 120.0
    throttles.admit_invocation(CALLER)


def test_fires_and_invocations_are_counted_apart() -> None:
    """And each namespace for itself."""
    throttles = Throttles(1, 1, 30, Time())
    throttles.admit_invocation(CALLER)
    throttles.admit_fire(CALLER)
    throttles.admit_fire(msgspec.structs.replace(CALLER, namespace="bob"))
    with pytest.raises(Throttled):
        throttles.admit_fire(CALLER)


def test_a_namespace_s_own_limit_goes_first() -> None:
    """Also 0, which refuses everything, and also for the operator, who is not throttled otherwise."""
    throttles = Throttles(1, 1, 1, Time())
    operator = msgspec.structs.replace(CALLER, operator=True)
    for _ in range(5):
        throttles.entered("ann")
        throttles.admit_invocation(operator)
    with pytest.raises(Throttled, match=r"count: 1, allowed: 0"):
        throttles.admit_fire(msgspec.structs.replace(operator, limits=NamespaceLimits(fires_per_minute=0)))


def test_what_is_in_flight_is_counted_until_it_ends() -> None:
    """Then somebody who waits for room is told."""
    told: list[str] = []
    throttles = Throttles(100, 100, 2, Time())
    throttles.on_left = told.append
    throttles.entered("ann")
    throttles.entered("ann")
    with pytest.raises(Throttled, match=r"^Too many concurrent requests in flight \(count: 2, allowed: 2\)\.$"):
        throttles.admit_invocation(CALLER)
    assert not throttles.has_room(CALLER)
    throttles.left("ann")
    throttles.admit_invocation(CALLER)
    assert throttles.has_room(CALLER)
    assert told == ["ann"]


def test_a_run_that_nobody_waits_for_is_told_when_to_ask_again() -> None:
    """It takes part in the count of the minute."""
    clock = Time()
    throttles = Throttles(30, 30, 30, clock)
    caller = msgspec.structs.replace(CALLER, limits=NamespaceLimits(invocations_per_minute=1))
    assert throttles.seconds_to_wait(caller) == 0
    assert throttles.seconds_to_wait(caller) == 30
    clock.now = 121
    assert throttles.seconds_to_wait(caller) == 0
