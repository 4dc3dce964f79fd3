"""The pool of a hub: what stands ready, what a run took, and what happens when too much is asked (design §2.5, reliability §5.4)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.bench.overload import measure_overload
from tests.compat.steps import invoke, put_action, record, tenant
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub

WORK = """
import os, time
def main(args):
    kept = bytearray(args.get('megabytes', 0) << 20)
    until = time.process_time() + args.get('cpu', 0)
    while time.process_time() < until:
        pass
    if 'child' in args:
        os.system("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
    return {'policy': os.sched_getscheduler(0)}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with the usual pool."""
    with hubs.running(tmp_path_factory.mktemp("pool") / "data") as found:
        yield found


def processes(hub: Hub, name: str) -> int:
    """How many processes of that program the hub has."""
    found = 0
    for process in psutil.Process(hub.process.pid).children(recursive=True):
        try:
            found += name in process.name()
        except psutil.NoSuchProcess:
            continue
    return found


def metric(hub: Hub, name: str) -> float:
    """One figure of `/metrics`."""
    text = httpx.get(f"{hub.address}/metrics", trust_env=False).text
    return float(next((line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name + " ")), "0"))


def test_cells_stand_ready_for_what_is_in_use(hub: Hub) -> None:
    """Python from the start; Node.js only once it was used here."""
    eventually(lambda: metric(hub, 'hub_processes{state="ready"}') == 2, what="two cells that stand ready")
    assert processes(hub, "node") == 0
    with hub.http as http:
        put_action(http, "js", "function main(args) { return args; }", "nodejs:default")
        invoke(http, "js", {})
    eventually(lambda: metric(hub, 'hub_processes{state="ready"}') == 4, what="two more of Node.js")
    assert processes(hub, "node") == 3


def test_a_ready_cell_is_claimed_and_replaced(hub: Hub) -> None:
    """A first call is given one that stood ready; it runs as any other does."""
    eventually(lambda: metric(hub, 'hub_processes{state="ready"}') >= 2, what="cells that stand ready")
    before = metric(hub, 'hub_cell_claim_seconds_count{source="ready"}')
    with hub.http as http:
        put_action(http, "first", WORK, "python:3")
        policy = invoke(http, "first", {})["response"]["result"]["policy"]

    assert metric(hub, 'hub_cell_claim_seconds_count{source="ready"}') == before + 1
    assert policy == os.SCHED_BATCH


@pytest.mark.parametrize(("payload", "cpu", "memory"), [({}, 0, 1), ({"cpu": 0.2}, 200, 1), ({"megabytes": 100}, 0, 100)])
def test_a_record_says_what_the_run_took(hub: Hub, payload: dict[str, float], cpu: int, memory: int) -> None:
    """Of the processor, of memory, and at which level."""
    with hub.http as http:
        put_action(http, "work", WORK, "python:3")
        marks = {item["key"]: item["value"] for item in invoke(http, "work", payload)["annotations"]}
    level = httpx.get(f"{hub.address}/ready", trust_env=False).json()["isolation"]["level"]

    assert cpu <= marks["hub"]["cpu_ms"] < cpu + 500
    assert memory <= marks["hub"]["peak_mb"] <= 256
    assert marks["hub"]["level"] == level


def test_programs_that_an_action_runs_are_in_its_account(hub: Hub) -> None:
    """As far as it waited for them."""
    with hub.http as http:
        put_action(http, "parent", WORK, "python:3")
        invoke(http, "parent", {})
        marks = {item["key"]: item["value"] for item in invoke(http, "parent", {"child": True})["annotations"]}

    assert marks["hub"]["cpu_ms"] >= 30


def test_a_run_that_is_cut_off_has_an_account(hub: Hub) -> None:
    """And is answered soon after its limit."""
    with hub.http as http:
        put_action(http, "endless", "def main(args):\n    while True: pass\n", "python:3", limits={"timeout": 1000})
        begun = time.monotonic()
        told = invoke(http, "endless", {})
        took = time.monotonic() - begun
    marks = {item["key"]: item["value"] for item in told["annotations"]}

    assert marks["timeout"] is True
    assert 1.0 <= took < 2.0
    assert marks["hub"]["cpu_ms"] > 100


def test_an_action_that_exits_is_answered_at_once(hub: Hub) -> None:
    """Not when its time is over."""
    with hub.http as http:
        put_action(http, "exits", "import os\ndef main(args):\n    os._exit(3)\n", "python:3")
        begun = time.monotonic()
        invoke(http, "exits", {})

    assert time.monotonic() - begun < 2.0


def test_who_takes_every_processor_yields_to_the_others(hub: Hub) -> None:
    """While somebody else is at work: its runs go on when nobody else wants to."""
    burn = WORK.replace("time.process_time", "time.monotonic")
    with hub.http as quiet, tenant(hub, "noisy") as noisy:
        put_action(quiet, "calm", WORK, "python:3")
        put_action(noisy, "burn", burn, "python:3", limits={"memory": 128})
        runs = [noisy.post("/api/v1/namespaces/_/actions/burn", json={"cpu": 1.5}).json()["activationId"] for _ in range(4)]
        policies = set()
        for one in runs:
            policies.add(record(noisy, one)["response"]["result"]["policy"])
            assert invoke(quiet, "calm", {})["response"]["result"]["policy"] == os.SCHED_BATCH

    assert policies == {os.SCHED_IDLE}


@pytest.mark.slow
def test_ten_times_what_it_can_take_is_refused_in_words_and_nothing_is_lost(hub: Hub) -> None:
    """Every answer is a success or says when to come back; what was accepted runs."""
    figures = {name.rpartition(": ")[2]: value for name, value in measure_overload(hub, 6).items()}

    assert figures["other answers"] == figures["accepted and lost"] == 0
    assert figures["429 or 503 with Retry-After"] > 0
    assert figures["2xx"] + figures["429 or 503 with Retry-After"] == figures["calls"]
    assert figures["accepted"] > 0
