"""Twenty thousand requests that are wrong in one place each: refused in known words, in time, and nothing changes (openwhisk-api §1.4, §1.5, §15)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain

import pytest

from tests.property.bad_requests import API, COLLECTIONS, JSON, Bad, Stream
from tests.support import hubs
from tests.support.hubs import Hub
from tests.support.texts import known
from tests.support.wire import Answer, Wire, request

CLIENTS = 4
DRAWN = 2_200
LONGEST = 1.0
TRIES = 3
GUARD = 100
SEED = int(os.environ.get("SEED") or (1 if os.environ.get("CI") == "true" else secrets.randbits(32)))
PROBLEM = {"type", "title", "status", "detail", "code"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub of its own: its namespace holds what this test put there, and nothing else."""
    with hubs.running(tmp_path_factory.mktemp("bad") / "data") as found:
        yield found


class Client:
    """One connection, and the entities that only its requests name. `kept` is each of them as the hub last showed it."""

    def __init__(self, hub: Hub, number: int, tally: Counter[str]) -> None:
        key = b"Basic " + base64.b64encode(hub.auth.encode())
        self.stream = Stream(SEED, number, key)
        self.wire = Wire(hub.address)
        self.key = [(b"authorization", key), JSON]
        self.secret = hub.auth.partition(":")[2].encode()
        self.kept: dict[str, bytes] = {}
        self.tally = tally
        self.slowest = (0.0, "")

    async def run(self) -> None:
        """Everything of this client's stream, over one connection after the other."""
        async with self.wire:
            await self._run()

    async def _run(self) -> None:
        """With a look at the state every now and then and at the end."""
        await self._make()
        bad = chain(self.stream.fields_in_turn(self.stream.number, CLIENTS), self.stream.drawn(DRAWN))
        for number, one in enumerate(bad):
            await self._one(one)
            if number % GUARD == 0:
                for path in self.kept:
                    await self._unchanged(path, one)
        for path in self.kept:
            await self._unchanged(path, None)

    async def _one(self, one: Bad) -> None:
        """Ask, look, and undo what was accepted. What took too long is asked again: a machine that is busy is not a hub that is slow."""
        for _ in range(TRIES):
            answer = await self.wire.ask(one.data, head=one.head, then_close=one.last)
            self.check(one, answer)
            if answer.status < 300:
                await self._accepted(one)
            elif one.path in self.kept:
                await self._unchanged(one.path, one)
            if answer.seconds <= LONGEST:
                return
        raise AssertionError(f"{one.what} took {answer.seconds:.2f} s: {one.data[:600]!r}")

    async def _make(self) -> None:
        names = self.stream.names
        bodies = {
            "actions": {
                "exec": {"kind": "python:3", "code": "def main(args):\n    return args\n"},
                "parameters": [{"key": "p", "value": 1}],
            },
            "packages": {"parameters": [{"key": "p", "value": [1, "x"]}], "annotations": [{"key": "d", "value": "text"}]},
            "triggers": {"parameters": [{"key": "p", "value": {"deep": [1]}}]},
            "rules": {"trigger": f"/_/{names['triggers']}", "action": f"/_/{names['actions']}"},
        }
        for collection, body in bodies.items():
            path = f"{collection}/{names[collection]}"
            made = await self.wire.ask(request("PUT", API + path.encode(), self.key, json.dumps(body).encode()))
            assert made.status == 200, made.body
        off = request("POST", API + f"rules/{names['rules']}".encode(), self.key, b'{"status":"inactive"}')
        assert (await self.wire.ask(off)).status == 200
        await self._look()

    async def _look(self) -> None:
        """What there is now is what has to stay."""
        for collection, name in self.stream.names.items():
            path = f"{collection}/{name}"
            self.kept[path] = (await self.wire.ask(request("GET", API + path.encode(), self.key))).body

    async def _accepted(self, one: Bad) -> None:
        """It was not that bad: what it made goes again, what it changed is the new state."""
        if one.path in self.kept:
            gone = (await self.wire.ask(request("GET", API + one.path.encode(), self.key))).status != 200
            if gone:
                await self._make()
            await self._look()
        elif one.path is not None:
            taken = await self.wire.ask(request("DELETE", API + one.path.encode(), self.key))
            assert taken.status == 200, (one.what, one.data[:500], taken.body)

    async def _unchanged(self, path: str, one: Bad | None) -> None:
        now = await self.wire.ask(request("GET", API + path.encode(), self.key))
        assert now.body == self.kept[path], f"changed by a refused request: {one and one.data[:600]!r}"

    def check(self, one: Bad, answer: Answer) -> None:
        """One answer: its status and its words."""
        self.tally[f"{answer.status}"] += 1
        self.slowest = max(self.slowest, (answer.seconds, one.what))
        told = f"{one.what}: {answer.status} {answer.body[:400]!r} in {answer.seconds:.2f} s, to {one.data[:600]!r}"
        assert self.secret not in answer.body, told
        if answer.status == 0:
            assert one.last, told
            return
        assert "x-injected" not in answer.headers, told
        if answer.status >= 500:
            assert "x-openwhisk-activation-id" in answer.headers or (answer.status == 503 and "retry-after" in answer.headers), told
        elif answer.status >= 400 and not one.head:
            _check_words(answer, told)


def _check_words(answer: Answer, told: str) -> None:
    """A refusal is JSON in one of the two forms, or a page."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html"):
        return
    body = json.loads(answer.body)
    assert body["code"] == answer.headers["x-request-id"], told
    if kind == "application/problem+json":
        assert body.keys() >= PROBLEM, told
        assert body["status"] == answer.status, told
        return
    assert kind == "application/json", told
    assert body.keys() == {"error", "code"}, told
    assert known(answer.status, body["error"]), told


async def _all(hub: Hub) -> tuple[Counter[str], list[Client]]:
    tally: Counter[str] = Counter()
    clients = [Client(hub, number, tally) for number in range(CLIENTS)]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.run())
    return tally, clients


@pytest.mark.timeout(300)
def test_nothing_that_is_sent_breaks_the_hub(hub: Hub) -> None:
    """No 5xx but those of failing actions, none over a second, known words only, and no entity differs after a refusal."""
    print(f"SEED={SEED}")
    begun = time.monotonic()
    tally, clients = asyncio.run(_all(hub))
    count = sum(tally.values())
    print(
        f"{count} requests in {time.monotonic() - begun:.1f} s: {dict(sorted(tally.items()))}; slowest {max(client.slowest for client in clients)}"
    )

    assert count >= 20_000
    with hub.http as http:
        for collection in COLLECTIONS:
            names = [row["name"] for row in http.get(f"/api/v1/namespaces/_/{collection}?limit=0").json()]
            assert sorted(names) == sorted(client.stream.names[collection] for client in clients)
    assert hub.process.poll() is None
