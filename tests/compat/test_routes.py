"""Routes, the order of checks, bodies and headers of answers (openwhisk-api §1.3, §1.4, §1.5, §1.6)."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, FORBIDDEN, MISSING, put, put_action, said
from tests.support import hubs
from tests.support.tls import TLS

NS = "/api/v1/namespaces"
MALFORMED = "The request content was malformed:\n"
JSON_TYPE = "application/json"
JSON = {"content-type": JSON_TYPE}
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent",
    "access-control-allow-methods": "GET, DELETE, POST, PUT, HEAD",
}
COLLECTIONS = ("actions", "packages", "triggers", "rules", "activations")


@pytest.fixture(scope="module")
def known(http: httpx.Client) -> httpx.Client:
    """Somebody with one entity of each collection."""
    put_action(http, "a")
    put(http, "packages/p")
    put_action(http, "p/a")
    put(http, "triggers/t")
    put(http, "rules/r", {"trigger": "/_/t", "action": "/_/a"})
    return http


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/x"),
        ("GET", "/triggers/t/bar"),
        ("GET", "/rules/r/bar"),
        ("GET", "/packages/p/bar"),
        ("GET", "/triggers/t/"),
        ("GET", "/rules/r/"),
        ("GET", "/packages/p/"),
        ("GET", "/Actions"),
        ("GET", "/actions/p/a/b"),
        ("DELETE", "/actions/p/"),
        ("PUT", "/actions/p/"),
        ("POST", "/actions"),
        ("POST", "/actions/"),
        ("POST", "/packages/p"),
        ("POST", "/packages/refresh"),
        ("PUT", "/activations/1"),
        ("DELETE", "/limits"),
        ("POST", "/triggers/t/bar"),
        ("HEAD", "/actions/a"),
        ("PATCH", "/actions/a"),
    ],
)
def test_what_is_no_route_is_not_found(known: httpx.Client, verb: str, path: str) -> None:
    """404 or 405, which clients take alike, with an error body."""
    answer = known.request(verb, f"{API}{path}")
    assert answer.status_code in {404, 405}
    if verb != "HEAD":
        assert set(answer.json()) == {"error", "code"}


def test_a_namespace_alone_is_no_route(known: httpx.Client) -> None:
    """The list of them has one."""
    assert known.get(f"{NS}/guest").status_code == 404
    assert known.get(NS).json() == known.get(f"{NS}/").json() == ["guest"]
    assert {known.request(verb, NS).status_code for verb in ("POST", "PUT", "DELETE")} <= {404, 405}


@pytest.mark.parametrize(
    "path", [NS, *(f"{NS}/_/{name}" for name in COLLECTIONS), f"{NS}/_/actions/a", "/api/v1", "/api/v1/nowhere/at/all"]
)
def test_options_are_answered_below_the_api(hub: hubs.Hub, path: str) -> None:
    """Without credentials, with the three headers."""
    answer = httpx.request("OPTIONS", f"{hub.address}{path}", trust_env=False, verify=TLS)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in CORS} == CORS


@pytest.mark.parametrize("path", ["/", "/ping"])
def test_options_are_not_answered_above_it(hub: hubs.Hub, path: str) -> None:
    """There, upstream has none."""
    answer = httpx.request("OPTIONS", f"{hub.address}{path}", trust_env=False, verify=TLS)
    assert answer.status_code in {404, 405}
    assert not set(CORS) & set(answer.headers)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_collection_answers_with_the_headers(known: httpx.Client, collection: str) -> None:
    """A list, an error, and what is called."""
    for answer in (known.get(f"{API}/{collection}"), known.get(f"{API}/{collection}/none-such"), known.post(f"{API}/actions/a", json={})):
        assert {name: answer.headers[name] for name in CORS} == CORS
        assert answer.headers["content-type"] == "application/json"


def test_each_answer_has_an_id(known: httpx.Client) -> None:
    """The caller's own, unless it begins with `sid_`; else 32 letters and digits; the same as `code`."""
    assert known.get(NS, headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    for headers in ({"x-request-id": "sid_mine"}, {}):
        assert re.fullmatch(r"[0-9A-Za-z]{32}", known.get(NS, headers=headers).headers["x-request-id"])
    refused = known.get(f"{API}/actions/none", headers={"x-request-id": "mine-2"})
    assert refused.json() == {"error": MISSING, "code": "mine-2"}
    fired = known.post(f"{API}/triggers/t", json={}, headers={"x-request-id": "mine-3"})
    assert fired.headers["x-request-id"] == "mine-3"
    assert fired.headers["x-openwhisk-activation-id"] == fired.json()["activationId"]


def test_json_is_compact(known: httpx.Client) -> None:
    """Some clients compare it as text."""
    answer = known.get(f"{API}/actions/none")
    assert answer.text == f'{{"error":"{MISSING}","code":"{answer.headers["x-request-id"]}"}}'
    assert known.get(NS).text == '["guest"]'


@pytest.mark.parametrize("path", ["actions/a", "triggers/t"])
def test_a_call_needs_no_body(known: httpx.Client, path: str) -> None:
    """None, an empty one with a type, an empty object; a charset is nothing."""
    ways: tuple[dict[str, Any], ...] = (
        {},
        {"headers": JSON},
        {"json": {}},
        {"content": b"{}", "headers": {"content-type": f"{JSON_TYPE}; charset=UTF-8"}},
    )
    for more in ways:
        assert known.post(f"{API}/{path}", **more).status_code == 202


@pytest.mark.parametrize("path", ["actions/a", "triggers/t"])
@pytest.mark.parametrize("content", [b"[]", b"[1]", b'"x"', b"1", b"null", b"true"])
def test_a_call_takes_objects_only(known: httpx.Client, path: str, content: bytes) -> None:
    """Any other value is malformed."""
    assert said(known.post(f"{API}/{path}", content=content, headers=JSON)) == (400, f"{MALFORMED}JSON object expected")


@pytest.mark.parametrize("path", ["actions/a", "triggers/t"])
@pytest.mark.parametrize("content", [b"{", b'{"a":}', b"{'a': 1}", b"x", b'{"a":1}}'])
def test_what_is_no_json_is_malformed(known: httpx.Client, path: str, content: bytes) -> None:
    """Told with its place."""
    status, text = said(known.post(f"{API}/{path}", content=content, headers=JSON))
    assert (status, text.startswith(MALFORMED)) == (400, True)


@pytest.mark.parametrize("path", ["actions/a", "triggers/t"])
def test_a_call_takes_json_only(known: httpx.Client, path: str) -> None:
    """Another type is 415 and told, with what is expected."""
    answer = known.post(f"{API}/{path}", content=b"a=1", headers={"content-type": "text/plain; charset=UTF-8"})
    text = "The request's Content-Type [text/plain; charset=UTF-8] is not supported. Expected:\napplication/json"
    assert said(answer) == (415, text)


def test_unknown_members_and_null_are_not_looked_at(known: httpx.Client) -> None:
    """Clients send many."""
    for path in ("packages/lax", "triggers/lax-trigger"):
        body = {"bogus": [1], "namespace": "x", "name": "y", "updated": 1, "parameters": None, "annotations": None, "publish": None}
        assert put(known, path, body)["namespace"] == "guest"


@pytest.mark.parametrize(
    ("member", "value"), [("publish", "yes"), ("publish", 1), ("version", 1), ("parameters", "x"), ("annotations", 7), ("binding", "x")]
)
def test_a_member_of_another_type_is_malformed(known: httpx.Client, member: str, value: Any) -> None:
    """And nothing is made."""
    status, text = said(known.put(f"{API}/packages/strict", json={member: value}))
    assert (status, text.startswith(MALFORMED)) == (400, True)
    assert known.get(f"{API}/packages/strict").status_code == 404


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "on", "1"])
def test_a_truth_value_has_four_spellings(known: httpx.Client, text: str) -> None:
    """In any case; others are malformed."""
    assert known.put(f"{API}/packages/p?overwrite={text}", json={}).status_code == 200
    status, told = said(known.put(f"{API}/packages/p?overwrite=maybe", json={}))
    assert (status, told.startswith("The query parameter 'overwrite' was malformed:\n")) == (400, True)


def test_credentials_come_first(hub: hubs.Hub) -> None:
    """Before names, bodies, verbs and routes."""
    for verb, path in (("GET", "/api/v1/nowhere"), ("GET", f"{NS}/bad!/x"), ("POST", f"{NS}/_/actions/a"), ("PUT", f"{NS}/_/rules/bad!")):
        assert httpx.request(verb, f"{hub.address}{path}", content=b"{", trust_env=False, verify=TLS).status_code == 401


def test_names_come_before_bodies_and_rights(known: httpx.Client) -> None:
    """A wrong name is told whatever else is wrong."""
    answer = known.put(f"{NS}/other/actions/bad!", content=b"{", headers=JSON)
    assert said(answer) == (400, "The name of the entity contains illegal characters.")


def test_rights_come_before_what_is_there(known: httpx.Client) -> None:
    """And what is malformed before what is in the way."""
    assert said(known.put(f"{NS}/other/actions/a", json={"exec": {"kind": "nodejs:default", "code": ""}})) == (
        403,
        FORBIDDEN.format("other/a"),
    )
    assert said(known.put(f"{API}/actions/a", json={"exec": {}}))[0] == 400
    assert said(known.post(f"{API}/triggers/none", content=b"{", headers=JSON))[0] == 400


def test_old_clients_headers_are_taken_and_not_passed_on(known: httpx.Client) -> None:
    """`X-OW-EXTRA-LOGGING`, `x-namespace-id`: nothing happens."""
    headers = {"x-ow-extra-logging": "on", "x-namespace-id": "guest", "user-agent": "OpenWhisk-CLI/1.0 (not set) linux amd64"}
    answer = known.post(f"{API}/actions/a?blocking=true&result=true", json={"a": 1}, headers=headers)
    assert answer.json() == {"a": 1}
