"""Kill -9 of a cell, the zygote, the warden and the hub beside steady work: it goes on, nothing is lost, nothing is left (reliability §5, P19)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.compat.steps import limit, tenant_key
from tests.e2e.steps import API, put_rule
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.processes import alive, family, names, words
from tests.support.steady import Call, Steady, at_work

ROUNDS, FULL = 2, 15
RATE = 20.0
AGAIN = 1.0
"""How soon (s) calls must be answered again, on a machine that has time for them."""
STARTS = 25
"""How many bare starts of Python that may take, where others keep the machine busy."""
NOTICED = 0.25
"""How long (s) after a kill the hub may still hand a call to what is dead already."""
CODE = """import ctypes, time
ctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)
def main(args):
    ctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)
    time.sleep(0.02)
    return {{}}
"""


class Place:
    """The hub of these tests, which is another one after a kill; and what was mounted before it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.mounts = mounts()
        self.start()

    def start(self) -> None:
        """With memory for everything at once."""
        self.hub = hubs.start(self.data, RUNTIME__MEMORY="8192", LIMITS__CONCURRENT_INVOCATIONS="200")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all kills; in the end nothing of it is left."""
    found = Place(tmp_path_factory.mktemp("kills") / "data")
    try:
        yield found
        check_nothing_is_left(found)
    finally:
        if found.hub.process.poll() is None:
            found.hub.kill()


@pytest.fixture(scope="module")
def keys(place: Place) -> dict[str, str]:
    """Two namespaces, each with actions whose processes are named after them; the first has a rule, too."""
    hub = place.hub
    found = {"guest": hub.auth, "carol": tenant_key(hub, "carol")}
    limit(hub, "carol", invocationsPerMinute=100_000, concurrentInvocations=200)
    for name, key in found.items():
        with httpx.Client(base_url=hub.address, auth=httpx.BasicAuth(*key.split(":", 1)), timeout=30, trust_env=False) as http:
            for action in ("echo", "later", "seen"):
                body = {"exec": {"kind": "python:3", "code": CODE.format(name=f"{name}-{action}")}}
                assert http.put(f"{API}/actions/{action}?overwrite=true", json=body).status_code == 200
    put_rule(hub, "tick", "seen")
    return found


def level(hub: Hub) -> int:
    """Of isolation, as the hub says it."""
    found: int = httpx.get(f"{hub.address}/ready", trust_env=False).json()["isolation"]["level"]
    return found


def program(hub: Hub, name: str) -> psutil.Process:
    """The warden, or the zygote that is no copy."""
    return min((one for one in family(hub.process.pid) if name in words(one.pid)), key=psutil.Process.create_time)


def cell(hub: Hub, name: str) -> psutil.Process:
    """The process of an action, which named itself."""
    return eventually(lambda: next((one for one in family(hub.process.pid) if name in names(one.pid)), None), what=f"a process {name}")


def groups(hub: Hub) -> set[str]:
    """The control groups of a hub."""
    name = "whiskhub-" + hashlib.sha256(str(hub.data).encode()).hexdigest()[:12]
    return {folder for folder, _, _ in os.walk("/sys/fs/cgroup") if name in folder}


def mounts() -> set[str]:
    """What is mounted on the machine."""
    return set(Path("/proc/self/mounts").read_text().splitlines())


async def kill(victim: psutil.Process) -> float:
    """At once; the moment when it is certain that this one is gone."""
    victim.kill()
    while alive([victim]):  # noqa: ASYNC110 - another process ends
        await asyncio.sleep(0.001)
    return time.monotonic()


def victims(hub: Hub, sort: str) -> psutil.Process:
    """The next to be killed."""
    return cell(hub, "guest-echo") if sort == "cell" else program(hub, sort)


async def patience() -> float:
    """How soon (s) calls must be answered again here: what a second is on a calm machine."""
    took = []
    for _ in range(5):
        begun = time.monotonic()
        bare = await asyncio.create_subprocess_exec(sys.executable, "-I", "-S", "-c", "pass")
        await bare.wait()
        took.append(time.monotonic() - begun)
    return max(AGAIN, STARTS * statistics.median(took))


async def rounds(hub: Hub, keys: dict[str, str], sort: str, count: int) -> tuple[Steady, list[float]]:
    """Kill one after another beside the work; the work, and the moments."""
    moments: list[float] = []
    async with at_work(lambda: hub.address, keys, RATE) as steady:
        await steady.answered_after(time.monotonic(), *keys)
        for _ in range(count):
            soon = await patience()
            moments.append(await kill(victims(hub, sort)))
            assert await steady.answered_after(moments[-1], *keys, "fires", "later") < soon
            # The same is not killed again before everything is as it was.
            await steady.answered_after(time.monotonic() + NOTICED, *keys)
    return steady, moments


def beside(calls: list[Call], moments: list[float]) -> list[Call]:
    """Those that were not under way when something was killed."""
    return [call for call in calls if not any(call.sent <= moment + NOTICED and call.ended >= moment - NOTICED for moment in moments)]


def complete(hub: Hub, steady: Steady) -> bool:
    """Whether every accepted call has a record, and every run that an accepted fire names."""
    fires, seen, later = (_records(hub, name) for name in ("tick", "seen", "later"))
    named = {log["activationId"] for row in fires for log in map(json.loads, row["logs"])}
    runs = {row["activationId"] for row in seen}
    retried = {item["value"] for row in seen for item in row["annotations"] if item["key"] == "retriedAs"}
    return (
        set(steady.accepted("fires")) <= {row["activationId"] for row in fires}
        and named | retried <= runs
        and set(steady.accepted("later")) <= {row["activationId"] for row in later}
    )


def _records(hub: Hub, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with hub.http as http:
        while rows := http.get(f"{API}/activations?name={name}&docs=true&limit=200&skip={len(found)}").json():
            found += rows
    return found


def check_nothing_is_left(place: Place) -> None:
    """After the hub is told to stop: neither processes nor groups, mounts or folders."""
    below = family(place.hub.process.pid)
    assert place.hub.stop() == 0
    assert alive(below) == []
    assert groups(place.hub) == set()
    assert mounts() == place.mounts
    assert list((place.data / "run").glob("*/*")) == []


def as_many_groups_as_cells(hub: Hub) -> bool:
    """Nothing is left of cells that ended."""
    zygotes = [one for one in family(hub.process.pid) if "zygote" in words(one.pid) and "warden" in words(one.ppid())]
    keepers = [child for zygote in zygotes for child in zygote.children()]
    of_cells = {Path(group).name for group in groups(hub) if Path(group).name.isdecimal()}
    return not of_cells or len(of_cells) == len(keepers)


async def check(place: Place, keys: dict[str, str], sort: str, count: int) -> None:
    """One sort of victim."""
    hub = place.hub
    at = level(hub)
    steady, moments = await rounds(hub, keys, sort, count)

    assert len(moments) == count
    assert beside(steady.failed(*keys), moments) == []
    assert steady.failed("fires", "later") == []
    if sort == "cell":
        assert steady.failed("carol") == []
        assert len(steady.failed("guest")) <= 2 * count
    await asyncio.to_thread(eventually, lambda: complete(hub, steady), seconds=30, what="a record for everything accepted")
    await asyncio.to_thread(eventually, lambda: as_many_groups_as_cells(hub), what="a group for each cell, and no other")
    assert level(hub) == at
    assert mounts() == place.mounts


async def check_hub(place: Place, keys: dict[str, str], count: int) -> None:
    """The hub itself, which is started again each time."""
    at = level(place.hub)
    async with at_work(lambda: place.hub.address, keys, RATE) as steady:
        for _ in range(count):
            await steady.answered_after(time.monotonic(), *keys)
            below = family(place.hub.process.pid)
            victim = psutil.Process(place.hub.process.pid)
            place.hub.kill()
            assert alive([victim]) == []
            await asyncio.to_thread(eventually, lambda below=below: not alive(below), seconds=1, what="the end of everything")
            assert groups(place.hub) == set()
            await asyncio.to_thread(place.start)
            soon = await patience()
            assert await steady.answered_after(time.monotonic(), *keys, "fires", "later") < soon
    await asyncio.to_thread(eventually, lambda: complete(place.hub, steady), seconds=30, what="a record for everything accepted")
    assert level(place.hub) == at


@pytest.mark.parametrize("sort", ["cell", "zygote", "warden"])
async def test_work_goes_on_beside_kills(place: Place, keys: dict[str, str], sort: str) -> None:
    """Calls answer within a second, accepted work runs, other namespaces' processes are not touched, the level stays."""
    await check(place, keys, sort, ROUNDS)


async def test_work_goes_on_after_kills_of_the_hub(place: Place, keys: dict[str, str]) -> None:
    """Nothing outlives it by a second; what it accepted runs after the next start."""
    await check_hub(place, keys, ROUNDS)


@pytest.mark.fault
@pytest.mark.timeout(400)
@pytest.mark.parametrize("sort", ["cell", "zygote", "warden", "hub"])
async def test_full_size(place: Place, keys: dict[str, str], sort: str) -> None:
    """As above, again and again."""
    await (check_hub(place, keys, FULL) if sort == "hub" else check(place, keys, sort, FULL))
