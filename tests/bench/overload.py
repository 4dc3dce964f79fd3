"""Ten times the load that can be taken, and a thousand calls that are held."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import statistics
import time
from collections import Counter
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil
import uvloop

from tests.bench.load import request
from tests.support.hubs import Hub

NAP = "import time\n\ndef main(args):\n    time.sleep(0.1)\n    return args\n"
SLEEPERS = {
    "python:3": "import asyncio\n\nasync def main(args):\n    await asyncio.sleep(args['seconds'])\n    return {}\n",
    "nodejs:default": "async function main(args) { await new Promise((done) => setTimeout(done, 1000 * args.seconds)); return {}; }",
}
RUSH_SECONDS = 20
TIMES = 10
CALM_WITHIN = 5
HELD = 1000
NAPS = 8
LONGEST_WORK = 60


def measure_overload(hub: Hub, seconds: float = RUSH_SECONDS) -> dict[str, float]:
    """How a rush of ten times what an action of 100 ms can take is answered, what of it is lost, and how calm it is 5 s later."""
    return uvloop.run(_overload(hub, seconds))


async def _overload(hub: Hub, seconds: float) -> dict[str, float]:
    _put(hub, "nap", "python:3", NAP, {})
    before = statistics.median([await _patient(hub) for _ in range(20)])
    able = await _able(hub)
    answers: Counter[str] = Counter()
    accepted: list[str] = []
    number = 0
    async with asyncio.TaskGroup() as group:
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < seconds:
            while number < passed * able * TIMES:
                group.create_task(_call(hub, answers, accepted, blocking=number % 20 != 0))
                number += 1
            await asyncio.sleep(0.005)
        last = time.perf_counter()
        calm = await _patient(hub)
        while calm > 2 * before and time.perf_counter() - last < 6 * CALM_WITHIN:
            calm = statistics.median([await _patient(hub) for _ in range(3)])
        calm_after = time.perf_counter() - last
    return {
        "calls of 100 ms it can take, a second": able,
        "ten times that: calls": number,
        "ten times that: 2xx": sum(count for answer, count in answers.items() if answer.startswith("2")),
        "ten times that: 429 or 503 with Retry-After": answers["429 later"] + answers["503 later"],
        "ten times that: other answers": sum(count for answer, count in answers.items() if answer[0] != "2" and "later" not in answer),
        "ten times that: accepted": len(accepted),
        "ten times that: accepted and lost": await _missing(hub, accepted),
        "ten times that: calm again after, s": calm_after,
        "ten times that: p50 then, of before": calm / before,
    }


def measure_held(hub: Hub, kind: str = "nodejs:default") -> dict[str, float]:
    """1,000 blocked calls of a sleeping action with concurrency 200: how many were held at the same time, and the memory they took."""
    return uvloop.run(_held(hub, kind))


async def _held(hub: Hub, kind: str) -> dict[str, float]:
    family = kind.partition(":")[0]
    _put(hub, "sleeper", kind, SLEEPERS[kind], {"concurrency": 200})
    idle = pss(hub.process.pid)
    begun = time.perf_counter()
    calls = [asyncio.create_task(_post(hub, "sleeper?blocking=true", {"seconds": NAPS})) for _ in range(HELD)]
    await asyncio.sleep(NAPS - 1)
    ended = sum(call.done() for call in calls)
    memory = pss(hub.process.pid) - idle
    fine = sum(answer.status == httpx.codes.OK for answer in await asyncio.gather(*calls))
    return {
        f"{HELD} blocked {family} calls: answered before their time": ended,
        f"{HELD} blocked {family} calls: held to their end": fine,
        f"{HELD} blocked {family} calls of {NAPS} s: all ended after, s": time.perf_counter() - begun,
        f"{HELD} blocked {family} calls: MB over idle": memory,
    }


class Answer(NamedTuple):
    """What came back."""

    status: int
    later: bool
    body: bytes


class _Call(asyncio.Protocol):
    """One request on a connection of its own, sent as soon as there is one."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._received = b""
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._payload)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head.lower())
        if found and len(body) >= (int(length[1]) if length else 0):
            self.answer.set_result(Answer(int(head.split()[1]), b"\r\nretry-after:" in head.lower(), body))
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError())


async def _post(hub: Hub, path: str, body: object) -> Answer:
    """One call on a connection of its own; a client with a pool would be what is measured."""
    place = urlsplit(hub.address)
    authorization = "Basic " + base64.b64encode(hub.auth.encode()).decode()
    payload = request(hub.address, f"/api/v1/namespaces/_/actions/{path}", json.dumps(body).encode(), authorization)
    _, call = await asyncio.get_running_loop().create_connection(lambda: _Call(payload), place.hostname or "", place.port or 0)
    return await call.answer


async def _patient(hub: Hub) -> float:
    """Seconds of one call; one that is refused is tried again, and counts with all its tries."""
    begun = time.perf_counter()
    while (await _post(hub, "nap?blocking=true", {})).status != httpx.codes.OK:  # noqa: ASYNC110 - only the hub knows when
        await asyncio.sleep(0.1)
    return time.perf_counter() - begun


async def _able(hub: Hub) -> float:
    """How many calls a second are answered when more callers ask than there are processes."""
    await asyncio.gather(*(_patient(hub) for _ in range(80)))
    begun = time.perf_counter()
    await asyncio.gather(*(_patient(hub) for _ in range(160)))
    return 160 / (time.perf_counter() - begun)


async def _call(hub: Hub, answers: Counter[str], accepted: list[str], *, blocking: bool) -> None:
    try:
        answer = await _post(hub, f"nap?blocking={str(blocking).lower()}", {})
    except OSError as error:
        answers[type(error).__name__] += 1
        return
    answers[f"{answer.status}{' later' if answer.later else ''}"] += 1
    if answer.status == httpx.codes.ACCEPTED:
        accepted.append(json.loads(answer.body)["activationId"])


async def _missing(hub: Hub, accepted: list[str]) -> int:
    """Those that have no record although there was time."""
    left = set(accepted)
    until = time.perf_counter() + LONGEST_WORK
    with hub.http as http:
        while left and time.perf_counter() < until:
            left = {one for one in left if http.get(f"/api/v1/namespaces/_/activations/{one}").status_code != httpx.codes.OK}
            await asyncio.sleep(0.5)
    return len(left)


def _put(hub: Hub, name: str, kind: str, code: str, limits: dict[str, int]) -> None:
    body = {"exec": {"kind": kind, "code": code}, "limits": {"timeout": 60_000, "memory": 256, **limits}}
    with hub.http as http:
        http.put(f"/api/v1/namespaces/_/actions/{name}?overwrite=true", json=body).raise_for_status()


def pss(pid: int) -> float:
    """MB of memory of a process tree, shared pages counted once."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return float(sum(process.memory_full_info().pss for process in tree)) / 1e6
