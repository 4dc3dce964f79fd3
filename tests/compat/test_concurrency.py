"""Several runs in one process, and several processes of one action (openwhisk-api §2.4, §3.7, §9.6)."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, invoke, marks_of, put_action, record, said
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.tls import TLS

NODE = """
const me = Math.random();  // in a cell every action is process 1
let now = 0, most = 0;
async function main(args) {
  most = Math.max(most, ++now);
  console.log('begin', args.name);
  if (args.exit) process.exit(1);
  if (args.text) return 'text';
  await new Promise((done) => setTimeout(done, args.ms));
  console.log('end', args.name);
  now -= 1;
  return { me, most, now, id: process.env.__OW_ACTIVATION_ID, many: process.env.__OW_ALLOW_CONCURRENT };
}
"""
PYTHON = """
import asyncio, os, random
me = random.random()
now = most = 0
async def main(args):
    global now, most
    now += 1
    most = max(most, now)
    print('begin', args.get('name'))
    if args.get('exit'):
        os._exit(1)
    await asyncio.sleep(args['ms'] / 1000)
    print('end', args.get('name'))
    now -= 1
    return {'me': me, 'most': most, 'now': now, 'many': os.environ.get('__OW_ALLOW_CONCURRENT')}
"""
SERIAL = """
import random, time
me = random.random()
now = most = 0
def main(args):
    global now, most
    now += 1
    most = max(most, now)
    time.sleep(args['ms'] / 1000)
    now -= 1
    return {'me': me, 'most': most}
"""
SOURCES = {"nodejs:default": NODE, "python:default": PYTHON}
LOST = "The action did not produce a valid response and exited unexpectedly."


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with few limits of its own."""
    with hubs.running(tmp_path_factory.mktemp("hub") / "data", RUNTIME__MEMORY="4096") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: Hub) -> Iterator[httpx.Client]:
    """A client of the guest that may have many calls in flight."""
    uuid, _, key = hub.auth.partition(":")
    many = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with httpx.Client(base_url=hub.address, auth=(uuid, key), timeout=70, trust_env=False, verify=TLS, limits=many) as client:
        yield client


def together(count: int, call: Callable[[int], Any]) -> list[Any]:
    """The answers of calls that are all made at once."""
    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        return list(threads.map(call, range(count)))


def results(answers: list[Any]) -> list[Any]:
    return [answer["response"]["result"] for answer in answers]


@pytest.mark.parametrize("kind", SOURCES)
def test_overlapping_runs_share_one_process(http: httpx.Client, kind: str) -> None:
    """200 runs of 200 ms are done in a fraction of the 40 s that they would take one by one."""
    put_action(http, "shared", SOURCES[kind], kind, limits={"concurrency": 200})
    invoke(http, "shared", {"ms": 0})
    begun = time.monotonic()
    found = results(together(200, lambda _: invoke(http, "shared", {"ms": 200})))

    assert time.monotonic() - begun < 10
    assert len({row["me"] for row in found}) == 1
    assert max(row["most"] for row in found) > 20
    assert found[0]["many"] == "true"


@pytest.mark.parametrize("kind", SOURCES)
def test_a_fresh_process_is_shared_as_soon_as_it_is_ready(http: httpx.Client, kind: str) -> None:
    """Those who come while it starts wait for it, instead of starting more."""
    put_action(http, "fresh", SOURCES[kind], kind, limits={"concurrency": 50})
    answers = together(50, lambda _: invoke(http, "fresh", {"ms": 300}))

    assert len({row["me"] for row in results(answers)}) == 1
    cold = [answer for answer in answers if "initTime" in marks_of(answer)]
    assert len(cold) == 1
    assert results(cold)[0]["most"] > 1


def test_another_process_starts_when_all_places_are_taken(http: httpx.Client) -> None:
    """No process takes more runs than its action allows."""
    put_action(http, "pairs", NODE, limits={"concurrency": 2})
    found = results(together(12, lambda _: invoke(http, "pairs", {"ms": 300})))

    assert max(row["most"] for row in found) == 2
    assert 1 < len({row["me"] for row in found}) <= 6


@pytest.mark.parametrize("limits", [{}, {"concurrency": 1}])
def test_a_process_serves_one_run_at_a_time_unless_the_action_allows_more(http: httpx.Client, limits: dict[str, int]) -> None:
    """The default."""
    put_action(http, "alone", NODE, limits=limits)
    found = results(together(6, lambda _: invoke(http, "alone", {"ms": 100})))

    assert {row["most"] for row in found} == {1}
    assert "many" not in found[0]


def test_a_plain_python_function_runs_alone_in_its_process(http: httpx.Client) -> None:
    """It could not give way to another; more processes serve it instead."""
    put_action(http, "serial", SERIAL, "python:default", limits={"concurrency": 10})
    found = results(together(4, lambda _: invoke(http, "serial", {"ms": 200})))

    assert {row["most"] for row in found} == {1}
    assert len({row["me"] for row in found}) > 1


def under_way(http: httpx.Client, name: str, count: int) -> None:
    """Wait until as many runs are at work in the one process of an action."""
    assert eventually(lambda: results([invoke(http, name, {"ms": 0})])[0]["now"] == count)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_run_that_ends_its_process_takes_the_others_along(http: httpx.Client, kind: str) -> None:
    """They have lost their connection; the next run gets a fresh process."""
    put_action(http, "doomed", SOURCES[kind], kind, limits={"concurrency": 10})
    before = results([invoke(http, "doomed", {"ms": 0})])[0]["me"]
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        others = [threads.submit(invoke, http, "doomed", {"ms": 20_000}) for _ in range(3)]
        under_way(http, "doomed", 3)
        ended = invoke(http, "doomed", {"exit": True})
        answers = [ended, *(other.result() for other in others)]

    assert [row["error"] for row in results(answers)] == [LOST] * 4
    assert [marks_of(answer)["timeout"] for answer in answers] == [False] * 4
    assert results([invoke(http, "doomed", {"ms": 0})])[0]["me"] != before


@pytest.mark.parametrize("kind", SOURCES)
def test_a_run_that_takes_too_long_takes_the_others_along(http: httpx.Client, kind: str) -> None:
    """Only it has exceeded its time limit."""
    put_action(http, "late", SOURCES[kind], kind, limits={"concurrency": 10, "timeout": 1500})
    invoke(http, "late", {"ms": 0})
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        late = threads.submit(invoke, http, "late", {"ms": 20_000})
        under_way(http, "late", 1)
        other = threads.submit(invoke, http, "late", {"ms": 20_000})
        answers = [late.result(), other.result()]

    assert [row["error"] for row in results(answers)] == ["The action exceeded its time limits of 1500 milliseconds.", LOST]
    assert [marks_of(answer)["timeout"] for answer in answers] == [True, False]


def test_a_run_that_fails_lets_the_others_end(http: httpx.Client) -> None:
    """Its process takes no more runs, and ends with the last one it has."""
    put_action(http, "fails", NODE, limits={"concurrency": 10})
    invoke(http, "fails", {"ms": 0})
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        other = threads.submit(invoke, http, "fails", {"ms": 1000})
        under_way(http, "fails", 1)
        failed = invoke(http, "fails", {"text": True})
        after = results([invoke(http, "fails", {"ms": 0})])[0]
        found = results([other.result()])[0]

    assert failed["response"]["status"] == "action developer error"
    assert found["me"] != after["me"]


@pytest.mark.parametrize("kind", SOURCES)
def test_no_line_of_overlapping_runs_is_lost(http: httpx.Client, kind: str) -> None:
    """Whose it is cannot be told: a record has what was printed until its run ended."""
    put_action(http, "prints", SOURCES[kind], kind, limits={"concurrency": 40})
    invoke(http, "prints", {"ms": 0, "name": "first"})
    answers = together(40, lambda number: invoke(http, "prints", {"ms": 5 * number, "name": number}))
    lines = [line[31:] for answer in answers for line in record(http, answer["activationId"])["logs"]]

    assert sorted(lines) == sorted(f"stdout: {word} {number}" for word in ("begin", "end") for number in range(40))


def test_the_environment_is_that_of_the_run_that_began_last(http: httpx.Client) -> None:
    """It belongs to the process."""
    put_action(http, "environment", NODE, limits={"concurrency": 10})
    invoke(http, "environment", {"ms": 0})
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = threads.submit(invoke, http, "environment", {"ms": 1000})
        under_way(http, "environment", 1)
        last = invoke(http, "environment", {"ms": 0})

    assert results([last])[0]["id"] == last["activationId"]
    assert results([first.result()])[0]["id"] not in {first.result()["activationId"], None}


# How many processes


def test_an_action_has_no_more_processes_than_it_may(http: httpx.Client) -> None:
    """`instances`: the others wait, and are all served."""
    put_action(http, "two", NODE, limits={"instances": 2})
    found = results(together(20, lambda _: invoke(http, "two", {"ms": 50})))

    assert len({row["me"] for row in found}) == 2
    assert {row["most"] for row in found} == {1}


def test_instances_of_one_that_fails_make_room_for_the_next(http: httpx.Client) -> None:
    """Nobody waits for a process that is gone."""
    put_action(http, "one", NODE, limits={"instances": 1})
    answers = together(5, lambda _: invoke(http, "one", {"exit": True}))

    assert [row["error"] for row in results(answers)] == [LOST] * 5


# What a namespace may ask for


def test_the_limits_of_a_namespace_narrow_the_hubs(hub: Hub, http: httpx.Client) -> None:
    """`GET /limits` shows what holds, and so does the refusal."""
    assert hub.command("admin", "user", "create", "narrow").returncode == 0
    uuid, _, key = hub.command("admin", "user", "get", "narrow").stdout.strip().partition(":")
    with httpx.Client(base_url=hub.address, auth=(uuid, key), timeout=70, trust_env=False, verify=TLS) as narrow:
        assert narrow.get(f"{API}/limits").json()["maxActionConcurrency"] == 200
        done = hub.command(
            "admin", "limits", "set", "narrow", "--minActionConcurrency", "2", "--maxActionConcurrency", "5", "--concurrentInvocations", "7"
        )
        assert done.returncode == 0, done.stderr
        shown = narrow.get(f"{API}/limits").json()
        body = {"exec": {"kind": "nodejs:default", "code": NODE}}

        assert (shown["minActionConcurrency"], shown["maxActionConcurrency"], shown["maxActionInstances"]) == (2, 5, 7)
        for limits, words in (
            ({"concurrency": 6}, "requirement failed: concurrency 6 exceeds allowed threshold of 5"),
            ({"concurrency": 1}, "requirement failed: concurrency 1 below allowed threshold of 2"),
            ({"concurrency": 2, "instances": 8}, "Max action instance concurrency must not exceed your namespace concurrency of 7."),
        ):
            assert said(narrow.put(f"{API}/actions/a", json={**body, "limits": limits})) == (400, words)
        assert narrow.put(f"{API}/actions/a", json={**body, "limits": {"concurrency": 5, "instances": 7}}).status_code == 200


def test_the_operator_says_how_much_concurrency_there_is(tmp_path: Path) -> None:
    """`HUB_LIMITS__MAX_ACTION_CONCURRENCY`; 1 is upstream's own."""
    with hubs.running(tmp_path / "data", LIMITS__MAX_ACTION_CONCURRENCY="1") as strict, strict.http as client:
        answer = client.put(f"{API}/actions/a", json={"exec": {"kind": "nodejs:default", "code": NODE}, "limits": {"concurrency": 2}})

        assert said(answer) == (400, "requirement failed: concurrency 2 exceeds allowed threshold of 1")
        assert client.get(f"{API}/limits").json()["maxActionConcurrency"] == 1
