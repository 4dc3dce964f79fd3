"""Web actions: the owner is charged and has limits; what takes too long is answered 202 (openwhisk-api §7.1, §9.5)."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.compat.steps import MISSING, WEB, WEB_CORS, cors_of, put_web, record, said, stranger_to, tenant
from tests.support import hubs


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("limits") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """Somebody whose calls are not throttled, with an action."""
    with hub.http as found:
        put_web(found, "echo")
        yield found


@pytest.fixture
def stranger(hub: hubs.Hub, http: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with stranger_to(hub) as found:
        yield found


def counted(answer: httpx.Response) -> int:
    """The number of the call in its minute, as the refusal of a namespace that may not call says it."""
    status, text = said(answer)
    found = re.fullmatch(r"Too many requests in the last minute \(count: ([0-9]+), allowed: 0\)\.", text)
    assert status == 429
    assert found
    return int(found[1])


def one_by_one(numbers: list[int]) -> bool:
    """Whether nothing else was counted in between; a new minute begins at one."""
    return all(number in {1, before + 1} for before, number in itertools.pairwise([0, *numbers]))


def test_a_blocked_owner_has_no_web_actions(hub: hubs.Hub, stranger: httpx.Client) -> None:
    """From that moment to the moment they are unblocked."""
    with tenant(hub, "blockee") as owner:
        put_web(owner, "echo")
        assert stranger.get(f"{WEB}/blockee/default/echo").status_code == 200
        hub.command("admin", "user", "block", "blockee")
        assert said(stranger.get(f"{WEB}/blockee/default/echo")) == (404, MISSING)
        hub.command("admin", "user", "unblock", "blockee")
        assert stranger.get(f"{WEB}/blockee/default/echo").status_code == 200


def test_the_owner_s_throttle_counts_every_call(hub: hubs.Hub, http: httpx.Client, stranger: httpx.Client) -> None:
    """Also of those who have no throttle of their own, also of OPTIONS; never what is not there."""
    with tenant(hub, "throttled") as owner:
        put_web(owner, "echo")
        hub.command("admin", "limits", "set", "throttled", "--invocationsPerMinute", "0")
        refused = [web.get(f"{WEB}/throttled/default/echo") for web in (stranger, http, owner)]
        assert one_by_one([counted(answer) for answer in refused])
        for answer in refused:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert cors_of(answer) == WEB_CORS
        assert stranger.options(f"{WEB}/throttled/default/echo").status_code == 429
        assert stranger.get(f"{WEB}/throttled/default/missing").status_code == 404


def test_too_large_a_body_is_refused_by_the_owner_s_limit(stranger: httpx.Client) -> None:
    """Declared or streamed, before anything is looked up."""
    largest = 1_048_576
    for path in ("guest/default/echo", "guest/default/missing", "nobody/default/echo"):
        answer = stranger.post(f"{WEB}/{path}", content=b"x" * (largest + 1), headers={"content-type": "text/plain"})
        assert said(answer) == (413, f"Request larger than allowed: {largest + 1} > {largest} bytes.")
        assert cors_of(answer) == WEB_CORS
    streamed = stranger.post(f"{WEB}/guest/default/echo", content=iter([b"x" * largest, b"x"]))
    assert said(streamed) == (413, f"Request larger than allowed: {largest + 1} > {largest} bytes.")


def test_a_namespace_s_own_payload_limit_holds(hub: hubs.Hub, stranger: httpx.Client) -> None:
    """Whether it is below the hub's or above."""
    with tenant(hub, "limited") as owner:
        put_web(owner, "size", "function main(a) { return { body: { size: a.__ow_body.length } }; }")
        hub.command("admin", "limits", "set", "limited", "--maxPayloadSize", "2 KB")
        address = f"{WEB}/limited/default/size"
        assert said(stranger.post(address, content=b"x" * 2049)) == (413, "Request larger than allowed: 2049 > 2048 bytes.")
        assert stranger.post(address, content=b"x" * 2048, headers={"content-type": "text/plain"}).json() == {"size": 2048}


def test_a_call_that_is_broken_off_is_none(hub: hubs.Hub, stranger: httpx.Client) -> None:
    """Half a body is no body: nothing runs, and nobody is charged."""
    with tenant(hub, "broken-off") as owner:
        put_web(owner, "echo")
        hub.command("admin", "limits", "set", "broken-off", "--invocationsPerMinute", "0")
        place = httpx.URL(hub.address)
        with socket.create_connection((place.host, place.port or 0)) as wire:
            wire.sendall(b"POST /api/v1/web/broken-off/default/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
        refused = [stranger.post(f"{WEB}/broken-off/default/echo", content=b"whole") for _ in range(10)]
        assert one_by_one([counted(answer) for answer in refused])


def test_a_slow_action_is_answered_202_and_goes_on(tmp_path: Path) -> None:
    """With the id of the run, whose record comes when it ends."""
    with hubs.running(tmp_path / "data", INVOKE__BLOCKING_WAIT="PT0.2S") as hub, hub.http as http:
        put_web(http, "slow", "import time\ndef main(args):\n    time.sleep(1)\n    return {'body': 'late'}\n", kind="python:3")
        answer = http.get(f"{WEB}/guest/default/slow")
        assert said(answer) == (202, "Response not yet ready.")
        assert cors_of(answer) == WEB_CORS
        ended = record(http, answer.headers["x-openwhisk-activation-id"])
        assert ended["response"]["result"] == {"body": "late"}
