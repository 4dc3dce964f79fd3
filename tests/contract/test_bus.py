"""The bus: messages reach every subscriber, in order."""

from __future__ import annotations

import pytest

from hub.bus.base import Bus, Message, Subject
from hub.bus.local import LocalBus


@pytest.fixture(params=["local"])
def bus(request: pytest.FixtureRequest) -> Bus:
    """Open, with nobody listening."""
    return LocalBus()


def message(key: str, subject: Subject = Subject.ENTITY) -> Message:
    return Message(subject=subject, namespace="ns", key=key)


async def test_every_subscriber_of_a_subject_gets_each_message(bus: Bus) -> None:
    """In the order they were sent; others get nothing."""
    first, second, other = list[str](), list[str](), list[str]()
    bus.subscribe(Subject.ENTITY, lambda found: first.append(found.key))
    end = bus.subscribe(Subject.ENTITY, lambda found: second.append(found.key))
    bus.subscribe(Subject.RELEASE, lambda found: other.append(found.key))
    for number in range(3):
        bus.publish(message(str(number)))
    end()
    end()
    bus.publish(message("3"))
    await bus.close()

    assert first == ["0", "1", "2", "3"]
    assert second == ["0", "1", "2"]
    assert other == []


async def test_a_subscriber_that_fails_harms_nobody(bus: Bus) -> None:
    """Neither the sender nor the others."""
    seen: list[str] = []

    def fail(_: Message) -> None:
        raise RuntimeError

    bus.subscribe(Subject.ENTITY, fail)
    bus.subscribe(Subject.ENTITY, lambda found: seen.append(found.key))
    bus.publish(message("x"))
    await bus.close()

    assert seen == ["x"]
