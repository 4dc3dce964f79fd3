"""Several runs in one process, and several processes of one action (openwhisk-api §2.4, §3.7, §9.6)."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import invoke, put_action
from tests.support import hubs
from tests.support.hubs import Hub

NODE = """
let now = 0, most = 0;
async function main(args) {
  most = Math.max(most, ++now);
  await new Promise((done) => setTimeout(done, args.ms));
  now -= 1;
  return { pid: process.pid, most };
}
"""
PYTHON = """
import asyncio, os
now = most = 0
async def main(args):
    global now, most
    now += 1
    most = max(most, now)
    await asyncio.sleep(args['ms'] / 1000)
    now -= 1
    return {'pid': os.getpid(), 'most': most}
"""
SOURCES = {"nodejs:default": NODE, "python:default": PYTHON}


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
    with httpx.Client(base_url=hub.address, auth=(uuid, key), timeout=70, trust_env=False, limits=many) as client:
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
    assert len({row["pid"] for row in found}) == 1
    assert max(row["most"] for row in found) > 20
