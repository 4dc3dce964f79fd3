"""Steady work on a hub, beside which things are killed: what was asked, when, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "/api/v1/namespaces/_"
LONGEST = 20.0


@dataclass
class Call:
    """One request. Times are of the monotonic clock (s); `id` is of what was accepted with 202."""

    stream: str
    sent: float
    ended: float = 0.0
    ok: bool = False
    id: str = ""
    said: str = ""


@dataclass
class Steady:
    """Streams of calls at a steady rate. What is sent while the hub is away fails, and is kept as that."""

    calls: list[Call] = field(default_factory=list)
    stopped: bool = False

    def of(self, *streams: str) -> list[Call]:
        """The calls of some streams."""
        return [call for call in self.calls if call.stream in streams]

    def failed(self, *streams: str) -> list[Call]:
        """Those that came to nothing."""
        return [call for call in self.of(*streams) if call.ended and not call.ok]

    def accepted(self, *streams: str) -> list[str]:
        """Ids that were answered with 202."""
        return [call.id for call in self.of(*streams) if call.id]

    async def stream(self, name: str, rate: float, send: Callable[[], Awaitable[httpx.Response]]) -> None:
        """Call `rate` times a second, whether or not the former ones were answered, until stopped."""
        begun, count = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while not self.stopped:
                group.create_task(self._one(name, send))
                count += 1
                await asyncio.sleep(max(0.0, begun + count / rate - time.monotonic()))

    async def _one(self, name: str, send: Callable[[], Awaitable[httpx.Response]]) -> None:
        call = Call(name, time.monotonic())
        self.calls.append(call)
        try:
            answer = await send()
            body: Any = answer.json()
            call.ok = answer.status_code in {200, 202}
            call.id = body["activationId"] if answer.status_code == 202 else ""
            call.said = "" if call.ok else f"{answer.status_code} {body}"
        except (httpx.HTTPError, ValueError) as error:
            call.said = repr(error)
        call.ended = time.monotonic()

    async def answered_after(self, moment: float, *streams: str) -> float:
        """How long (s) after a moment every stream has an answer to a call that was sent later."""
        while True:
            first = [min((call.ended for call in self.of(name) if call.ok and call.sent > moment), default=None) for name in streams]
            ended = [end for end in first if end is not None]
            if len(ended) == len(streams):
                return max(ended) - moment
            if time.monotonic() - moment > LONGEST:
                raise AssertionError(f"no answer after {LONGEST} s; the last calls: {self.calls[-5:]}")
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def at_work(address: Callable[[], str], keys: dict[str, str], rate: float) -> AsyncIterator[Steady]:
    """Blocking calls of each namespace (a stream by its name), and of the first one fires and calls that are not waited for.

    `keys` are `uuid:key` by namespace; `rate` is each stream's, a second. The address may change while it runs.
    """
    steady = Steady()
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(
                httpx.AsyncClient(auth=httpx.BasicAuth(*key.split(":", 1)), timeout=LONGEST, trust_env=False)
            )
            for name, key in keys.items()
        }
        first = next(iter(clients.values()))
        work = [
            steady.stream(name, rate, lambda client=client: client.post(f"{address()}{API}/actions/echo?blocking=true", json={}))  # type: ignore[misc]
            for name, client in clients.items()
        ]
        work.append(steady.stream("fires", rate, lambda: first.post(f"{address()}{API}/triggers/tick", json={})))
        work.append(steady.stream("later", rate / 2, lambda: first.post(f"{address()}{API}/actions/later", json={})))
        async with asyncio.TaskGroup() as group:
            for stream in work:
                group.create_task(stream)
            try:
                yield steady
            finally:
                steady.stopped = True
