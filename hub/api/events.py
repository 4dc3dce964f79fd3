"""Server-sent events: what a follower sees, as an answer that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hub.api.requests import flag
from hub.services.follower import BATCHES_PER_SECOND, Batch, Follower
from hub.wire.events import Event, text_of
from hub.wire.json import encode

HEARTBEAT = 15.0
"""How often (s) a comment is sent when nothing happens, so that what stands between does not take the connection for dead."""
RETRY = 1_000
"""When (ms) a client comes back after a cut."""
END = "end"
"""The mark of the last event of a stream that is complete; who comes back with it is answered 204, and comes no more."""


def follows(request: Request) -> bool:
    """Whether the query says `follow`, with or without a value. Raises Malformed for one that is no boolean."""
    return request.query_params.get("follow") == "" or flag(request, "follow")


def last_event(request: Request) -> str:
    """The mark of the last event that the client saw; empty when it comes for the first time."""
    return request.headers.get("last-event-id", "")


class EventStream(StreamingResponse):
    """The events of one follower, until it ends or the client goes."""

    def __init__(self, follower: Follower) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(_events(follower), headers=headers, media_type="text/event-stream")
        self._follower = follower

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._follower.leave()


async def _events(follower: Follower) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY}\n\n".encode()
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT):
                batch = await follower.batch()
        except TimeoutError:
            yield b": still here\n\n"
            continue
        text = _text(batch)
        if text:
            yield text
        if batch.last:
            return
        if not (follower.whole and len(batch.rows) == follower.most):
            await asyncio.sleep(1 / BATCHES_PER_SECOND)


def _text(batch: Batch) -> bytes:
    left_out = b""
    if batch.dropped:
        left_out = text_of(Event("dropped", encode({"dropped": batch.dropped if batch.dropped > 0 else None})))
    return left_out + b"".join([text_of(row) for row in batch.rows])
