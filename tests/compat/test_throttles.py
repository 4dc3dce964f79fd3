"""Throttles: what counts, what is refused, and for how long (openwhisk-api §9.5)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, invoke, limit, put, put_action, put_rule, put_sequence, record, said, tenant
from tests.support import hubs
from tests.support.eventually import eventually

RATE = "Too many requests in the last minute (count: {}, allowed: {})."
BUSY = "Too many concurrent requests in flight (count: {}, allowed: {})."
SLOW = "function main() { return new Promise(done => setTimeout(() => done({}), 3000)); }"
NUMBERS = itertools.count()
Limited = Callable[..., httpx.Client]


@pytest.fixture
def limited(hub: hubs.Hub) -> Iterator[Limited]:
    """Makes tenants with limits of their own, and time enough left in this minute to count something."""
    made: list[httpx.Client] = []

    def make(**limits: int) -> httpx.Client:
        name = f"limited-{next(NUMBERS)}"
        made.append(tenant(hub, name))
        put_action(made[-1], "echo")
        put(made[-1], "triggers/bell")
        if limits:
            limit(hub, name, **limits)
        eventually(lambda: time.time() % 60 < 55, seconds=7, what="a new minute")
        return made[-1]

    yield make
    for http in made:
        http.close()


def call(http: httpx.Client, path: str = "actions/echo", **query: Any) -> httpx.Response:
    """An invocation or a fire."""
    return http.post(f"{API}/{path}", params={"blocking": "true", **query} if path.startswith("actions") else {}, json={})


def test_sixty_calls_and_sixty_fires_are_a_minute_s(limited: Limited) -> None:
    """Counted apart; a fire counts although no rule is there, a call although it fails."""
    http = limited()
    assert {call(http).status_code for _ in range(59)} == {200}
    assert call(http, "actions/nowhere").status_code == 404
    assert said(call(http)) == (429, RATE.format(61, 60))
    assert {call(http, "triggers/bell").status_code for _ in range(60)} == {204}
    assert said(call(http, "triggers/bell")) == (429, RATE.format(61, 60))


@pytest.mark.parametrize(("name", "path"), [("invocationsPerMinute", "actions/echo"), ("firesPerMinute", "triggers/bell")])
@pytest.mark.parametrize("allowed", [0, 1])
def test_a_limit_of_its_own_goes_before_the_hub_s(limited: Limited, name: str, path: str, allowed: int) -> None:
    """0 refuses everything, 1 all but one; the refusal says when to come again."""
    http = limited(**{name: allowed})
    for _ in range(allowed):
        assert call(http, path).status_code in {200, 204}
    refused = call(http, path)
    assert said(refused) == (429, RATE.format(allowed + 1, allowed))
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert said(call(http, path)) == (429, RATE.format(allowed + 2, allowed))


def test_a_limit_above_the_hub_s_is_given(limited: Limited) -> None:
    """The operator may give more."""
    http = limited(invocationsPerMinute=100)
    assert {call(http).status_code for _ in range(65)} == {200}


def test_one_namespace_does_not_use_up_another_s(limited: Limited) -> None:
    """Each is counted for itself."""
    full, free = limited(invocationsPerMinute=0), limited(invocationsPerMinute=1)
    assert call(full).status_code == 429
    assert call(free).status_code == 200


def test_calls_at_a_time_are_counted(limited: Limited) -> None:
    """0 refuses everything; with 1 the next may come when the first has ended."""
    assert said(call(limited(concurrentInvocations=0))) == (429, BUSY.format(0, 0))
    http = limited(concurrentInvocations=1)
    put_action(http, "slow", SLOW)
    started = http.post(f"{API}/actions/slow", json={}).json()["activationId"]
    refused = call(http)
    assert said(refused) == (429, BUSY.format(1, 1))
    assert int(refused.headers["retry-after"]) >= 1
    record(http, started)
    assert eventually(lambda: call(http).status_code == 200)


def test_a_sequence_counts_once(limited: Limited) -> None:
    """However many actions are in it, by the minute and at a time."""
    http = limited(invocationsPerMinute=1, concurrentInvocations=1)
    put_sequence(http, "walk", "/_/echo", "/_/echo", "/_/echo")
    answer = http.post(f"{API}/actions/walk?blocking=true", json={"a": 1})
    assert (answer.status_code, len(answer.json()["logs"])) == (200, 3)
    assert said(call(http)) == (429, RATE.format(2, 1))


def test_a_composition_counts_once(limited: Limited) -> None:
    """As a sequence."""
    http = limited(invocationsPerMinute=1, concurrentInvocations=1)
    code = "function main(a) { return a.done ? { params: a } : { action: 'echo', params: { done: true } }; }"
    put_action(http, "leads", code, annotations=[{"key": "conductor", "value": True}])
    assert invoke(http, "leads")["response"]["result"] == {"done": True}
    assert said(call(http)) == (429, RATE.format(2, 1))


def test_what_a_rule_runs_counts(limited: Limited) -> None:
    """Against the calls of the minute, each for itself."""
    http = limited(invocationsPerMinute=2)
    put_rule(http, "one", "bell", "echo")
    put_rule(http, "two", "bell", "echo")
    assert call(http, "triggers/bell").status_code == 202
    eventually(lambda: http.get(f"{API}/activations?name=echo&count=true").json()["activations"] == 2)
    assert said(call(http)) == (429, RATE.format(3, 2))


def test_a_call_of_somebody_else_s_action_is_the_caller_s(limited: Limited, http: httpx.Client) -> None:
    """Who calls a public package pays for it."""
    put(http, "packages/public", {"publish": True})
    put_action(http, "public/act")
    caller = limited(invocationsPerMinute=1)
    for status in (200, 429):
        assert caller.post("/api/v1/namespaces/guest/actions/public/act?blocking=true", json={}).status_code == status


def test_a_refusal_comes_before_rights_and_bodies(limited: Limited) -> None:
    """Nobody learns anything from a namespace that may do nothing."""
    http = limited(invocationsPerMinute=0)
    for path, content in (("guest/actions/secret", b"{}"), ("_/actions/nowhere", b"{}"), ("_/actions/echo", b"{broken")):
        answer = http.post(f"/api/v1/namespaces/{path}", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 429


def test_reading_and_writing_are_not_throttled(limited: Limited) -> None:
    """Only calls and fires are."""
    http = limited(invocationsPerMinute=0, firesPerMinute=0, concurrentInvocations=0)
    for _ in range(3):
        put_action(http, "echo")
        assert http.get(f"{API}/actions/echo").status_code == 200
        put(http, "triggers/bell")


def test_the_namespace_of_the_operator_is_not_throttled(http: httpx.Client) -> None:
    """Unless it was given a limit (design §8)."""
    put_action(http, "free")
    assert {call(http, "actions/free").status_code for _ in range(65)} == {200}
