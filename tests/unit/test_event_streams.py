"""A stream as an answer: a word now and then when nothing happens, no more than a page can show, and an end when nobody listens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.api import events
from hub.api.events import EventStream
from hub.services.follower import ROWS, Follower
from hub.wire.events import Event


class Client:
    """Takes an answer, and goes when it is told to."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.gone = asyncio.Event()
        self.came = asyncio.Event()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.parts.append(message.get("body", b""))
        self.came.set()

    async def wait_for(self, part: bytes) -> None:
        async with asyncio.timeout(5):
            while part not in self.parts:
                self.came.clear()
                await self.came.wait()


async def test_a_quiet_stream_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a comment, which clients pass over; when the client goes, the follower does."""
    monkeypatch.setattr(events, "HEARTBEAT", 0.01)
    monkeypatch.setattr(events, "BATCHES_PER_SECOND", 1000)
    follower, client = Follower(), Client()
    left: list[bool] = []
    follower.on_leave = lambda: left.append(True)
    serving = asyncio.create_task(EventStream(follower)({"type": "http", "asgi": {}}, client.receive, client.send))
    await client.wait_for(b": still here\n\n")
    assert not left
    client.gone.set()
    async with asyncio.timeout(5):
        await serving

    assert left == [True]


async def test_batches_are_small_and_follow_each_other_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty rows four times a second (design §9 "Pages")."""
    pauses: list[float] = []
    slept = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await slept(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    follower, client = Follower(), Client()
    for number in range(3 * ROWS - 1):
        follower.put(Event("line", b"{}", str(number)))
    follower.end()
    await EventStream(follower)({"type": "http", "asgi": {}}, client.receive, client.send)

    assert [part.count(b"event: line") for part in client.parts if b"event:" in part] == [ROWS, ROWS, ROWS - 1]
    assert pauses[:2] == [0.25, 0.25]
