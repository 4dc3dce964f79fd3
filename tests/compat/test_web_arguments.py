"""Web actions: what they are called with, merged or raw (openwhisk-api §7.3, §7.4)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, WEB, parameters, put_web, record, said, sent_as_it_is, stranger_to
from tests.support import hubs

LOCKED = "Request defines parameters that are not allowed (e.g., reserved properties)."
MALFORMED = "The request content was malformed:\n"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BYTES = bytes(range(256))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("arguments") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner, with actions that answer their arguments."""
    with hub.http as found:
        bound: list[dict[str, Any]] = parameters(bound="action", other="action", unbound=None)
        put_web(found, "echo", parameters=bound)
        put_web(found, "final", marks={"final": True}, parameters=bound)
        put_web(found, "final-text", marks={"final": "true"}, parameters=bound)
        put_web(found, "raw", marks={"raw-http": True})
        put_web(found, "raw-text", marks={"raw-http": "true"})
        put_web(found, "raw-final", marks={"raw-http": True, "final": True}, parameters=bound)
        yield found


@pytest.fixture(params=["stranger", "caller"])
def web(request: pytest.FixtureRequest, hub: hubs.Hub, http: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody without a key, and somebody with one."""
    with hub.http if request.param == "caller" else stranger_to(hub) as found:
        yield found


def called(
    web: httpx.Client, name: str, query: str = "", body: bytes | str | None = None, content_type: str | None = None
) -> httpx.Response:
    """POST to one of the actions."""
    headers = {} if content_type is None else {"content-type": content_type}
    return web.post(f"{WEB}/guest/default/{name}{query}", content=body, headers=headers)


def given(answer: httpx.Response) -> dict[str, Any]:
    """What the action got beside its own parameters and what is said about the call."""
    assert answer.status_code == 200, answer.text
    about = {"__ow_method", "__ow_headers", "__ow_path", "__ow_user", "unbound"}
    return {key: value for key, value in answer.json().items() if key not in about and value != "action"}


def test_an_action_hears_about_the_call(web: httpx.Client) -> None:
    """Method, headers, path; the caller's namespace when there is a valid key."""
    answer = web.put(f"{WEB}/guest/default/echo/a/b?c=d", headers={"X-Mixed-Case": "Kept"}).json()
    headers = answer.pop("__ow_headers")

    assert answer.pop("__ow_user", None) == (None if web.auth is None else "guest")
    assert answer == {"__ow_method": "put", "__ow_path": "/a/b", "bound": "action", "other": "action", "unbound": None, "c": "d"}
    assert headers["x-mixed-case"] == "Kept"
    assert headers["host"] == web.base_url.netloc.decode()
    assert ("authorization" in headers) == (web.auth is not None)


def test_headers_are_those_that_were_sent(hub: hubs.Hub, http: httpx.Client) -> None:
    """In lower case, the last of a name; no length, and no type where there is none. The hub's own switch is not forwarded."""
    seen = json.loads(sent_as_it_is(hub, "GET", f"{WEB}/guest/default/echo", **{"X-OW-EXTRA-LOGGING": "on", "X-One": "1"})[1])[
        "__ow_headers"
    ]
    assert seen == {"host": hub.address.removeprefix("http://"), "x-one": "1"}
    answer = http.post(
        f"{WEB}/guest/default/echo", content=b"x", headers=[("a", "1"), ("A", "2"), ("content-type", "Text/Plain; charset=UTF-8")]
    )
    assert (answer.json()["__ow_headers"]["a"], answer.json()["__ow_headers"]["content-type"]) == ("2", "Text/Plain; charset=UTF-8")
    assert "content-length" not in answer.json()["__ow_headers"]


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("", ""),
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("//a", "//a"),
        ("/a%20b/%C3%BC", "/a%20b/%C3%BC"),
        ("/a%2Fb", "/a%2Fb"),
        ("/%ff%00", "/%ff%00"),
        ("/%zz", "/%zz"),
        ("/a/./b/../c", "/a/c"),
        ("/a+b;c=d", "/a+b;c=d"),
        ("/x.json?q=/y", "/x.json"),
    ],
)
def test_the_rest_of_the_path_is_passed_as_it_was_sent(hub: hubs.Hub, http: httpx.Client, rest: str, path: str) -> None:
    """Percent-encoded; only dot segments are resolved. The same with an extension."""
    for extension in ("", ".http"):
        status, body = sent_as_it_is(hub, "GET", f"{WEB}/guest/default/echo{extension}{rest}")
        assert (status, json.loads(body)["__ow_path"]) == (200, path)


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("?a=b&c=d", {"a": "b", "c": "d"}),
        ("?a=1&a=2&b=", {"a": "2", "b": ""}),
        ("?a", {"a": ""}),
        ("?a=b+c%20d%C3%BC", {"a": "b c dü"}),
        ("?a=1;b=2", {"a": "1;b=2"}),
        ("?bound=call", {"bound": "call"}),
        ("?unknown[]=1", {"unknown[]": "1"}),
        ("?__ow_other=1", {"__ow_other": "1"}),
    ],
)
def test_the_query_is_arguments(web: httpx.Client, query: str, seen: dict[str, str]) -> None:
    """Text, over the action's own parameters; of two the last counts."""
    assert given(called(web, "echo", query)) == seen


@pytest.mark.parametrize(
    ("content_type", "body", "seen"),
    [
        (JSON, '{"a": 1, "b": {"c": [null]}}', {"a": 1, "b": {"c": [None]}}),
        (f"{JSON}; charset=utf-8", '{"a": 1}', {"a": 1}),
        ("APPLICATION/JSON", '{"a": 1}', {"a": 1}),
        ("application/hal+json", '{"a": 1}', {"a": 1}),
        ("text/vnd.x+json", '{"a": 1}', {"a": 1}),
        (JSON, "", {}),
        (JSON, "[1, 2]", {"__ow_body": [1, 2]}),
        (JSON, '"text"', {"__ow_body": "text"}),
        (JSON, "7", {"__ow_body": 7}),
        (JSON, "null", {"__ow_body": None}),
        (FORM, "a=1&b=two+three&a=%C3%BC", {"a": "ü", "b": "two three"}),
        (f"{FORM}; charset=UTF-8", "a=1", {"a": "1"}),
        (FORM, "", {}),
        ("text/plain", "plain ü", {"__ow_body": "plain ü"}),
        ("text/plain", "", {}),
        ("text/plain", b"\xff", {"__ow_body": "�"}),
        ("text/x-unheard-of", "a", {"__ow_body": "a"}),
        ("application/xml", "<a/>", {"__ow_body": "<a/>"}),
        ("application/soap+xml", "<a/>", {"__ow_body": "<a/>"}),
        ("application/javascript", "a()", {"__ow_body": "a()"}),
        ("application/x-unheard-of; charset=utf-8", "a", {"__ow_body": "a"}),
        ("application/x-unheard-of", b"a", {"__ow_body": "YQ=="}),
        ("application/octet-stream", BYTES, {"__ow_body": base64.b64encode(BYTES).decode()}),
        ("application/octet-stream; charset=utf-8", b"a", {"__ow_body": "YQ=="}),
        ("application/pdf", b"%PDF", {"__ow_body": "JVBERg=="}),
        ("application/zip", b"PK", {"__ow_body": "UEs="}),
        ("image/png", b"\x89PNG", {"__ow_body": "iVBORw=="}),
        ("image/svg+xml", b"<svg/>", {"__ow_body": "PHN2Zy8+"}),
        ("audio/ogg", b"a", {"__ow_body": "YQ=="}),
        ("video/mp4", b"a", {"__ow_body": "YQ=="}),
        ("multipart/form-data; boundary=x", b"--x--", {"__ow_body": "LS14LS0="}),
        ("no type", b"a", {"__ow_body": "YQ=="}),
        (None, b"a", {"__ow_body": "YQ=="}),
        (None, None, {}),
    ],
)
def test_a_body_is_arguments_or_one(web: httpx.Client, content_type: str | None, body: bytes | str | None, seen: dict[str, Any]) -> None:
    """Objects and forms are merged; other JSON is a value, other text is text, and bytes are base64."""
    assert given(called(web, "echo", "", body, content_type)) == seen


def test_the_body_is_over_the_query(web: httpx.Client) -> None:
    """And both are over the action's parameters."""
    query = "?a=query&b=query&bound=query"
    assert given(called(web, "echo", query, '{"a": "body", "other": "body"}', JSON)) == {
        "a": "body",
        "b": "query",
        "bound": "query",
        "other": "body",
    }
    assert given(called(web, "echo", query, "a=body", FORM)) == {"a": "body", "b": "query", "bound": "query"}
    assert given(called(web, "echo", query, "a", "text/plain")) == {"a": "query", "b": "query", "bound": "query", "__ow_body": "a"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, "{"),
        (JSON, " "),
        (JSON, b"\xff"),
        (JSON, "[" * 100 + "]" * 100),
        (JSON, '{"a": 1e999}'),
        (JSON, '{"a": "\\u0000"}'),
        ("application/hal+json", "{a: 1}"),
        ("text/plain", "a\0b"),
        (FORM, "a=%00"),
        (FORM, "%00=a"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(web: httpx.Client, content_type: str, body: bytes | str) -> None:
    """Before anything runs."""
    answer = called(web, "echo", "", body, content_type)
    status, text = said(answer)
    assert status == 400
    assert text.startswith(MALFORMED)
    assert "x-openwhisk-activation-id" not in answer.headers


@pytest.mark.parametrize("key", ["__ow_method", "__ow_headers", "__ow_path", "__ow_user", "__ow_query", "__ow_body"])
@pytest.mark.parametrize("name", ["echo", "final"])
def test_reserved_keys_cannot_be_sent(web: httpx.Client, name: str, key: str) -> None:
    """Neither in the query, nor in an object, nor in a form."""
    for answer in (
        called(web, name, f"?{key}=x"),
        called(web, name, "", json.dumps({key: "x"}), JSON),
        called(web, name, "", f"{key}=x", FORM),
    ):
        assert said(answer) == (400, LOCKED)
        assert "x-openwhisk-activation-id" not in answer.headers


def test_final_parameters_cannot_be_overridden(web: httpx.Client) -> None:
    """Those with a value: unbound ones and new ones may be sent."""
    for answer in (
        called(web, "final", "?bound=x"),
        called(web, "final", "", '{"other": 1}', JSON),
        called(web, "final", "", "other=x", FORM),
    ):
        assert said(answer) == (400, LOCKED)
    free = called(web, "final", "?fresh=1", '{"unbound": 2}', JSON).json()
    assert (free["fresh"], free["unbound"], free["bound"]) == ("1", 2, "action")
    assert given(called(web, "final-text", "?bound=x")) == {"bound": "x"}


@pytest.mark.parametrize(
    ("query", "content_type", "body", "seen"),
    [
        ("?a=1&a=2&b=", None, None, ("a=1&a=2&b=", "")),
        ("?a=%C3%BC+x", None, None, ("a=%C3%BC+x", "")),
        ("", JSON, '{"b": 2}', ("", "eyJiIjogMn0=")),
        ("", JSON, "{", ("", "ew==")),
        ("", JSON, "", ("", "")),
        ("", "application/hal+json", '{"b": 2}', ("", '{"b": 2}')),
        ("", FORM, "a=1&b=2", ("", "a=1&b=2")),
        ("", "text/plain", "plain ü", ("", "plain ü")),
        ("", "application/xml", "<a/>", ("", "<a/>")),
        ("", "application/octet-stream", b"\x00\xff", ("", "AP8=")),
        ("", "multipart/form-data; boundary=x", b"--x--", ("", "LS14LS0=")),
        ("", None, b"a", ("", "YQ==")),
        ("?__ow_method=x&bound=x", JSON, '{"__ow_path": 1}', ("__ow_method=x&bound=x", "eyJfX293X3BhdGgiOiAxfQ==")),
    ],
)
@pytest.mark.parametrize("name", ["raw", "raw-final"])
def test_a_raw_action_gets_query_and_body_as_they_came(
    web: httpx.Client, name: str, query: str, content_type: str | None, body: bytes | str | None, seen: tuple[str, str]
) -> None:
    """Both are text, always there, and nothing is merged, reserved or locked; bytes and exactly JSON are base64."""
    answer = called(web, name, query, body, content_type)
    assert given(answer) == {"__ow_query": seen[0], "__ow_body": seen[1]}
    assert (answer.json()["__ow_method"], answer.json()["__ow_path"]) == ("post", "")


def test_raw_has_to_be_true(web: httpx.Client) -> None:
    """The text is not."""
    assert given(called(web, "raw-text", "?a=1")) == {"a": "1"}


def test_arguments_of_the_largest_size_arrive(http: httpx.Client, web: httpx.Client) -> None:
    """A megabyte of body, as base64; headers of several kilobytes."""
    put_web(http, "count", "function main(a) { return { body: [a.__ow_body.length, a.__ow_headers['x-long'].length] }; }")
    headers = {"content-type": "image/png", "x-long": "x" * 8000}
    answer = web.post(f"{WEB}/guest/default/count", content=b"\xff" * 1_048_576, headers=headers)
    assert answer.json() == [1_398_104, 8000]


def test_what_was_called_is_nowhere_in_the_record(http: httpx.Client) -> None:
    """A key that came with the call is the action's to read, and is not kept."""
    put_web(http, "silent", "function main() { return {}; }")
    answer = http.get(f"{WEB}/guest/default/silent?a=secret-argument")
    kept = record(http, answer.headers["x-openwhisk-activation-id"])
    assert answer.status_code == 204
    assert "secret-argument" not in json.dumps(kept)
    assert "secret-argument" not in http.get(f"{API}/activations?docs=true").text
