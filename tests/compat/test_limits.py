"""Limits: sizes, ranges of actions, what a namespace may have, and where they are shown (openwhisk-api §2.3, §2.4, §9.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, ECHO, FORBIDDEN, invoke, limit, parameters, put, put_action, put_sequence, said, tenant
from tests.support import hubs

MALFORMED = "The request content was malformed:\n"
MB = 1_048_576
DEFAULTS = {"timeout": 60_000, "memory": 256, "logs": 10, "concurrency": 1}
CODE = {"exec": {"kind": "nodejs:default", "code": ECHO}}


def with_limits(http: httpx.Client, **limits: Any) -> httpx.Response:
    """PUT an action with these limits; whatever is answered."""
    return http.put(f"{API}/actions/ranged?overwrite=true", json={**CODE, "limits": limits})


@pytest.fixture(scope="module")
def narrow(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """Somebody whose namespace has ranges and sizes of its own."""
    with tenant(hub, "narrow") as found:
        limit(hub, "narrow", minActionMemory=200, maxActionMemory=300, minActionTimeout=1000, maxActionTimeout=2000)
        limit(hub, "narrow", minActionLogs=1, maxActionLogs=2, maxParameterSize="1 KB", maxPayloadSize=2048)
        yield found


@pytest.mark.parametrize(
    ("name", "value"),
    [("timeout", 100), ("timeout", 300_000), ("memory", 128), ("memory", 512), ("logs", 0), ("logs", 10), ("concurrency", 1)],
)
def test_the_ends_of_a_range_belong_to_it(http: httpx.Client, name: str, value: int) -> None:
    """What is not given is the default."""
    http.delete(f"{API}/actions/ranged")
    assert with_limits(http, **{name: value}).json()["limits"] == {**DEFAULTS, name: value}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("timeout", 0, "duration 0 milliseconds below allowed threshold of 100 milliseconds"),
        ("timeout", 99, "duration 99 milliseconds below allowed threshold of 100 milliseconds"),
        ("timeout", 300_001, "duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds"),
        ("memory", 127, "memory size 127 MB below allowed threshold of 128 MB"),
        ("memory", 513, "memory size 513 MB exceeds allowed threshold of 512 MB"),
        ("logs", 11, "log size 11 MB exceeds allowed threshold of 10 MB"),
        ("concurrency", 0, "concurrency 0 below allowed threshold of 1"),
        ("timeout", 1.5, "time limit must be whole number"),
        ("memory", 128.5, "memory limit must be whole number"),
        ("logs", 1.5, "log limit must be whole number"),
        ("concurrency", 1.5, "concurrency limit must be whole number"),
    ],
)
def test_a_limit_out_of_range_is_refused(http: httpx.Client, name: str, value: float, text: str) -> None:
    """With the value and the threshold."""
    status, found = said(with_limits(http, **{name: value}))
    assert (status, text in found) == (400, True)


@pytest.mark.parametrize("limits", ["x", [], 7])
def test_limits_are_an_object_of_numbers(http: httpx.Client, limits: Any) -> None:
    """Anything else is malformed; so is a text or null for a number, but null for a member is absent."""
    answer = http.put(f"{API}/actions/ranged?overwrite=true", json={**CODE, "limits": limits})
    assert answer.status_code == 400
    assert with_limits(http, memory="256").status_code == 400
    assert with_limits(http, memory=None, unknown=3).json()["limits"]["memory"] in {256, 512}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("memory", 301, "memory size 301 MB exceeds allowed threshold of 300 MB"),
        ("memory", 199, "memory size 199 MB below allowed threshold of 200 MB"),
        ("timeout", 2001, "duration 2001 milliseconds exceeds allowed threshold of 2000 milliseconds"),
        ("timeout", 999, "duration 999 milliseconds below allowed threshold of 1000 milliseconds"),
        ("logs", 3, "log size 3 MB exceeds allowed threshold of 2 MB"),
        ("logs", 0, "log size 0 MB below allowed threshold of 1 MB"),
    ],
)
def test_a_namespace_s_range_is_told_as_the_threshold(narrow: httpx.Client, name: str, value: int, text: str) -> None:
    """Narrower than the hub's; within it everything is as always."""
    good = {"memory": 256, "timeout": 1500, "logs": 2}
    assert with_limits(narrow, **good).json()["limits"] == {**DEFAULTS, **good}
    status, found = said(with_limits(narrow, **{**good, name: value}))
    assert (status, text in found) == (400, True)


def test_the_limits_of_a_namespace_are_shown_to_its_owner(http: httpx.Client, narrow: httpx.Client) -> None:
    """Defaults filled in, set ones echoed; what is not set and has no default is absent."""
    shown = narrow.get(f"{API}/limits").json()
    assert shown == {
        "invocationsPerMinute": 60,
        "concurrentInvocations": 30,
        "firesPerMinute": 60,
        "minActionMemory": 200,
        "maxActionMemory": 300,
        "minActionLogs": 1,
        "maxActionLogs": 2,
        "minActionTimeout": 1000,
        "maxActionTimeout": 2000,
        "minActionConcurrency": 1,
        "maxActionConcurrency": shown["maxActionConcurrency"],
        "maxParameterSize": "1024 B",
        "maxPayloadSize": "2048 B",
        "maxActionInstances": 30,
    }
    plain = http.get(f"{API}/limits/").json()
    assert (plain["minActionMemory"], plain["maxActionMemory"], plain["maxParameterSize"]) == (128, 512, "1048576 B")
    assert not {"allowedKinds", "storeActivations", "maxPayloadSize"} & set(plain)


def test_limits_are_read_and_nothing_else(http: httpx.Client, narrow: httpx.Client) -> None:
    """No other verb, nothing below, nobody else's."""
    assert {http.request(verb, f"{API}/limits").status_code for verb in ("PUT", "POST", "DELETE")} <= {404, 405}
    assert said(http.get(f"{API}/limits/x")) == (400, "Inner entity level routes for limits are not yet implemented.")
    assert said(narrow.get("/api/v1/namespaces/guest/limits")) == (403, FORBIDDEN.format("guest"))
    assert said(narrow.get("/api/v1/namespaces/nobody/limits")) == (403, FORBIDDEN.format("nobody"))


def oversized(name: str) -> list[dict[str, Any]]:
    """A list of one parameter a byte over 1 MB: its key, and its value in quotes."""
    return [{"key": name, "value": "x" * (MB + 1 - len(name) - 2)}]


@pytest.mark.parametrize("member", ["parameters", "annotations"])
@pytest.mark.parametrize("path", ["actions/sized", "packages/sized-package", "packages/sized-binding", "triggers/sized-trigger"])
def test_parameters_and_annotations_have_a_size(http: httpx.Client, path: str, member: str) -> None:
    """1 MB of keys and values, counted as UTF-8 of compact JSON, in every entity and also in a binding."""
    body = CODE if path.startswith("actions") else {}
    if path.endswith("binding"):
        put(http, "packages/behind")
        body = {"binding": {"namespace": "_", "name": "behind"}}
    text = f"{member} larger than allowed: {MB + 1} > {MB} bytes."
    assert said(http.put(f"{API}/{path}?overwrite=true", json={**body, member: oversized("k")})) == (413, text)
    fits = [{"key": "k", "value": "x" * (MB - 3)}]
    if member == "parameters":
        assert http.put(f"{API}/{path}?overwrite=true", json={**body, member: fits}).json()["parameters"] == fits


def test_annotations_of_a_rule_have_a_size(http: httpx.Client) -> None:
    """As of any entity."""
    answer = http.put(f"{API}/rules/sized-rule", json={"annotations": oversized("k")})
    assert said(answer) == (413, f"annotations larger than allowed: {MB + 1} > {MB} bytes.")


def test_a_size_is_counted_in_bytes(http: httpx.Client) -> None:
    """A letter that takes two counts twice."""
    value = [{"key": "k", "value": "é" * (MB // 2)}]
    text = f"parameters larger than allowed: {MB + 3} > {MB} bytes."
    assert said(http.put(f"{API}/packages/bytes", json={"parameters": value})) == (413, text)


def test_a_namespace_s_sizes_are_told_in_the_refusal(narrow: httpx.Client) -> None:
    """Parameters, annotations and payloads of actions and triggers."""
    good = {**CODE, "limits": {"timeout": 1500, "logs": 1}}
    big = [{"key": "k", "value": "x" * 1022}]
    for member in ("parameters", "annotations"):
        answer = narrow.put(f"{API}/actions/small?overwrite=true", json={**good, member: big})
        assert said(answer) == (413, f"{member} larger than allowed: 1025 > 1024 bytes.")
    put(narrow, "actions/small", good)
    put(narrow, "triggers/small-bell")
    payload = b'{"a":"' + b"x" * 2041 + b'"}'
    for path in ("actions/small", "triggers/small-bell", "actions/nowhere", "triggers/nowhere"):
        answer = narrow.post(f"{API}/{path}", content=payload, headers={"content-type": "application/json"})
        assert said(answer) == (413, "Request larger than allowed: 2049 > 2048 bytes.")
    assert narrow.post(f"{API}/actions/small?blocking=true", content=payload.replace(b"xx", b"x", 1)).status_code == 200


def test_a_payload_has_a_size(http: httpx.Client) -> None:
    """1 MB by its length, before anything is looked up; just under it all is well."""
    put_action(http, "loaded", "function main(a) { return { n: a.p.length }; }")
    for path in ("actions/loaded", "triggers/nowhere", "actions/nowhere"):
        answer = http.post(f"{API}/{path}", content=b" " * (MB + 1), headers={"content-type": "application/json"})
        assert said(answer) == (413, f"Request larger than allowed: {MB + 1} > {MB} bytes.")
    assert invoke(http, "loaded", {"p": "x" * (MB - 10)})["response"]["result"] == {"n": MB - 10}


def test_code_has_a_size(http: httpx.Client) -> None:
    """48 MB with the name of its function; a sequence that of its names."""
    largest = 48 * MB
    body = {"exec": {"kind": "nodejs:default", "code": "x" * (largest - 3), "main": "main"}}
    assert said(http.put(f"{API}/actions/huge", json=body)) == (413, f"exec larger than allowed: {largest + 1} > {largest} bytes.")


def test_a_request_has_a_size(http: httpx.Client) -> None:
    """50 MB, whatever is in it."""
    answer = http.put(f"{API}/triggers/huge", content=b" " * (50 * MB + 1), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_limits_of_a_sequence_are_kept(http: httpx.Client) -> None:
    """And checked as any action's."""
    put_action(http, "single")
    put_sequence(http, "ruled-walk", "/_/single")
    exec_ = {"kind": "sequence", "components": ["/_/single"]}
    assert put(http, "actions/ruled-walk", {"exec": exec_, "limits": {"timeout": 1000}})["limits"]["timeout"] == 1000
    assert http.put(f"{API}/actions/ruled-walk?overwrite=true", json={"limits": {"timeout": 1}}).status_code == 400


def test_a_limit_that_shrank_holds_for_what_is_changed_next(hub: hubs.Hub) -> None:
    """What is there goes on as it is; an update must fit."""
    with tenant(hub, "shrinking") as http:
        put_action(http, "roomy", limits={"memory": 512}, parameters=parameters(a=1))
        limit(hub, "shrinking", maxActionMemory=256)
        assert invoke(http, "roomy")["response"]["result"] == {"a": 1}
        status, text = said(http.put(f"{API}/actions/roomy?overwrite=true", json={}))
        assert (status, "memory size 512 MB exceeds allowed threshold of 256 MB" in text) == (400, True)
        assert put(http, "actions/roomy", {"limits": {"memory": 256}})["version"] == "0.0.2"
