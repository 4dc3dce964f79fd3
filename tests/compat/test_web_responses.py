"""Web actions: status, headers and bodies of `.http` (openwhisk-api §7.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import WEB, WEB_CORS, answering, cors_of, put_web, record, said, stranger_to
from tests.support import hubs

OTHER_TYPE = "Response type in header did not match generated content type."
UNKNOWN_TYPE = "Response did not specify a known content-type."
HTML = "text/html; charset=UTF-8"
TEXT = "text/plain; charset=UTF-8"
JSON = "application/json"
PNG = "iVBORw0KGgo="


def not_valid(kind: str) -> str:
    """The text for what an extension cannot show."""
    return f"Response is not valid '{kind}'."


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("responses") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner, with an action that answers what it is told to."""
    with hub.http as found:
        put_web(found, "answer", "function main(a) { return JSON.parse(a.result); }")
        yield found


@pytest.fixture(params=["stranger", "caller"])
def web(request: pytest.FixtureRequest, hub: hubs.Hub, http: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody without a key, and somebody with one."""
    with hub.http if request.param == "caller" else stranger_to(hub) as found:
        yield found


def answer(web: httpx.Client, result: Any, extension: str = ".http", **headers: str) -> httpx.Response:
    """Call the action that answers `result`."""
    return web.post(f"{WEB}/guest/default/answer{extension}", data={"result": json.dumps(result)}, headers=headers)


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ({}, 204, None, b""),
        ({"other": 1}, 204, None, b""),
        ({"body": ""}, 204, None, b""),
        ({"body": None}, 204, None, b""),
        ({"body": "", "headers": {"content-type": "text/plain"}}, 204, None, b""),
        ({"statusCode": 200}, 200, None, b""),
        ({"statusCode": 201, "headers": {"Content-Type": "text/plain"}}, 201, None, b""),
        ({"body": "<b>hi</b>"}, 200, HTML, b"<b>hi</b>"),
        ({"body": "ü"}, 200, HTML, b"\xc3\xbc"),
        ({"body": {"b": 1, "a": [1, {"c": 2}], "e": {}}}, 200, JSON, b'{\n  "a": [1, {\n    "c": 2\n  }],\n  "b": 1,\n  "e": {\n\n  }\n}'),
        ({"body": [1, "ü", None, [True]]}, 200, JSON, '[1, "ü", null, [true]]'.encode()),
        ({"body": []}, 200, JSON, b"[]"),
        ({"body": 0}, 200, JSON, b"0"),
        ({"body": False}, 200, JSON, b"false"),
        ({"body": "hi", "statusCode": "404"}, 404, HTML, b"hi"),
        ({"body": "hi", "statusCode": 500}, 500, HTML, b"hi"),
        ({"body": "hi", "statusCode": 599}, 599, HTML, b"hi"),
        ({"body": "hi", "statusCode": 444}, 444, HTML, b"hi"),
        ({"body": "hi", "statusCode": 200.0}, 200, HTML, b"hi"),
        ({"body": "hi", "statusCode": 204}, 204, None, b""),
        ({"body": "hi", "statusCode": 304}, 304, None, b""),
        ({"error": {"statusCode": 400, "body": "bad"}}, 400, HTML, b"bad"),
        ({"error": {"statusCode": 403, "body": {"why": 1}}, "body": "not this"}, 403, JSON, b'{\n  "why": 1\n}'),
        ({"error": {}}, 204, None, b""),
    ],
)
def test_http_says_status_and_body(web: httpx.Client, result: Any, status: int, content_type: str | None, body: bytes) -> None:
    """The default is 200 with a body and 204 without; of an application error the value of `error` speaks."""
    found = answer(web, result)
    assert (found.status_code, found.headers.get("content-type"), found.content) == (status, content_type, body)
    assert cors_of(found) == WEB_CORS
    assert len(found.headers["x-openwhisk-activation-id"]) == 32


@pytest.mark.parametrize(
    ("declared", "body", "content_type", "content"),
    [
        ("text/plain", "hi", TEXT, b"hi"),
        ("TEXT/Plain;charset=iso-8859-1", "ü", TEXT, b"\xc3\xbc"),
        ("text/css", "a{}", "text/css; charset=UTF-8", b"a{}"),
        ("text/event-stream", "data: 1", "text/event-stream", b"data: 1"),
        ("application/xml", "<a/>", "application/xml; charset=UTF-8", b"<a/>"),
        ("application/atom+xml", "<a/>", "application/atom+xml; charset=UTF-8", b"<a/>"),
        ("application/javascript", "a()", "application/javascript; charset=UTF-8", b"a()"),
        ("application/x-www-form-urlencoded", "a=1", "application/x-www-form-urlencoded", b"a=1"),
        ("text/html; level=1", "hi", "text/html; level=1; charset=UTF-8", b"hi"),
        ("application/x-own; charset=utf-8", "hi!", "application/x-own; charset=UTF-8", b"hi!"),
        ("image/png", PNG, "image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/png", PNG.rstrip("="), "image/png", b"\x89PNG\r\n\x1a\n"),
        ("IMAGE/PNG", PNG, "image/png", b"\x89PNG\r\n\x1a\n"),
        ("application/octet-stream", "AAEC", "application/octet-stream", b"\0\1\2"),
        ("application/x-own", "AAEC", "application/x-own", b"\0\1\2"),
        ("multipart/mixed; boundary=x", "LS14LS0=", "multipart/mixed; boundary=x", b"--x--"),
        ("application/json", '{"a":1}', JSON, b'{"a":1}'),
        ("application/json; charset=utf-8", '{"a":1}', JSON, b'{"a":1}'),
        ("application/json", "eyJhIjoxfQ==", JSON, b'{"a":1}'),
        ("application/hal+json", '{"a":1}', "application/hal+json", b'{"a":1}'),
        ("application/json-patch+json", "eyJhIjoxfQ==", "application/json-patch+json", b'{"a":1}'),
        ("application/json", {"a": 1}, JSON, b'{\n  "a": 1\n}'),
        ("application/json; charset=utf-8", [1], JSON, b"[1]"),
        ("application/hal+json", {"a": 1}, "application/hal+json", b'{\n  "a": 1\n}'),
        ("application/hal+json", True, "application/hal+json", b"true"),
    ],
)
@pytest.mark.parametrize("name", ["Content-Type", "content-type"])
def test_the_type_that_is_declared_shapes_the_body(
    http: httpx.Client, name: str, declared: str, body: Any, content_type: str, content: bytes
) -> None:
    """Bytes come as base64, text is sent as UTF-8, and the type is sent once."""
    found = answer(http, {"headers": {name: declared}, "body": body})
    assert (found.status_code, found.headers.get_list("content-type"), found.content) == (200, [content_type], content)


@pytest.mark.parametrize(
    ("declared", "body", "text"),
    [
        ("image/png", "not base64!", OTHER_TYPE),
        ("image/png", "A", OTHER_TYPE),
        ("application/x-own", "hi!", OTHER_TYPE),
        ("text/html", {"a": 1}, OTHER_TYPE),
        ("image/png", [1], OTHER_TYPE),
        ("nonsense", {"a": 1}, OTHER_TYPE),
        ("nonsense", "hi", UNKNOWN_TYPE),
        ("a/b/c", "hi", UNKNOWN_TYPE),
        ("", "hi", UNKNOWN_TYPE),
        ("text/" + "x" * 2000, "hi", UNKNOWN_TYPE),
    ],
)
def test_a_body_that_is_not_of_its_type_is_refused(web: httpx.Client, declared: str, body: Any, text: str) -> None:
    """The run itself is on record."""
    found = answer(web, {"headers": {"content-type": declared}, "body": body})
    assert said(found) == (400, text)
    assert cors_of(found) == WEB_CORS
    assert found.headers["x-openwhisk-activation-id"]


def test_headers_may_be_of_any_scalar_and_repeat(web: httpx.Client) -> None:
    """Lists repeat them, as several cookies; what the message or the hub needs stays ours."""
    headers = {
        "X-Text": "a",
        "x-number": 1.5,
        "x-boolean": True,
        "Set-Cookie": ["a=1; Path=/", "b=2"],
        "x-nested": [["1"], 2],
        "x-empty": "",
        "x-none": [],
        "x-unicode": "ü",
        "Content-Length": "3",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "X-Request-ID": "forged",
        "X-OpenWhisk-Activation-Id": "forged",
        "Date": "never",
    }
    found = answer(web, {"headers": headers, "body": "hello"})

    assert found.text == "hello"
    assert (found.headers["x-text"], found.headers["x-number"], found.headers["x-boolean"]) == ("a", "1.5", "true")
    assert found.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]
    assert found.headers.get_list("x-nested") == ["1", "2"]
    assert (found.headers["x-empty"], found.headers["x-unicode"]) == ("", "ü")
    assert found.headers.get_list("content-length") == ["5"]
    assert {"x-none", "transfer-encoding", "connection"}.isdisjoint(found.headers)
    assert "forged" not in str(found.headers)
    assert len(found.headers.get_list("date")) == 1


@pytest.mark.parametrize(
    "result",
    [
        [],
        [{"body": "hi"}],
        {"error": "text"},
        {"error": [1]},
        {"error": None},
        {"headers": None},
        {"headers": "a: b"},
        {"headers": [["a", "b"]]},
        {"headers": {"a": None}},
        {"headers": {"a": {"b": 1}}},
        {"headers": {"a": ["b", None]}},
        {"headers": {"a": "b\r\nset-cookie: c=d"}},
        {"headers": {"a": "b\nc"}},
        {"headers": {"a": "b\0"}},
        {"headers": {"a\r\nb": "c"}},
        {"headers": {"a b": "c"}},
        {"headers": {"": "c"}},
        {"headers": {"ü": "c"}},
        {"headers": {"content-type": "text/html\r\na: b"}, "body": "hi"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": "ok"},
        {"statusCode": "2e2"},
        {"statusCode": " 200"},
        {"statusCode": ""},
        {"statusCode": 200.5},
        {"statusCode": [200]},
        {"statusCode": 0},
        {"statusCode": -200},
        {"statusCode": 100},
        {"statusCode": 101},
        {"statusCode": 600},
        {"statusCode": 1e300},
        {"statusCode": "99999999999999999999"},
    ],
)
def test_what_is_no_answer_in_http_is_refused(web: httpx.Client, result: Any) -> None:
    """No header can be slipped in, no status made up."""
    found = answer(web, result)
    assert said(found) == (400, not_valid("message/http"))
    assert "set-cookie" not in found.headers
    assert cors_of(found) == WEB_CORS
    assert found.headers["x-openwhisk-activation-id"]


def test_head_is_the_answer_without_its_body(web: httpx.Client, http: httpx.Client) -> None:
    """The action runs; status, headers and length are as for GET."""
    put_web(http, "page", answering("{ statusCode: 203, headers: { 'x-a': 'b' }, body: 'hello' }"))
    full, head = web.get(f"{WEB}/guest/default/page"), web.head(f"{WEB}/guest/default/page")
    volatile = {"date", "x-request-id", "x-openwhisk-activation-id"}

    assert (head.status_code, head.content, full.content) == (203, b"", b"hello")
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {k: v for k, v in full.headers.items() if k not in volatile}
    assert head.headers["x-openwhisk-activation-id"] != full.headers["x-openwhisk-activation-id"]
    refused = web.head(f"{WEB}/guest/default/missing")
    assert (refused.status_code, refused.content) == (404, b"")


def test_a_redirect_sends_the_browser_on(web: httpx.Client) -> None:
    """With any of its statuses, and no body."""
    for status in (301, 302, 303, 307, 308):
        found = answer(web, {"statusCode": status, "headers": {"location": "https://example.com/?a=b"}})
        assert (found.status_code, found.headers["location"], found.content) == (status, "https://example.com/?a=b", b"")


def test_a_result_of_the_largest_size_is_sent(web: httpx.Client, http: httpx.Client) -> None:
    """And one that is larger is the application error that says so."""
    put_web(http, "large", "function main(a) { return { body: 'x'.repeat(Number(a.size)) }; }")
    put_web(http, "rows", "function main(a) { return { rows: Array.from({ length: Number(a.count) }, (_, id) => ({ id })) }; }")
    assert len(web.get(f"{WEB}/guest/default/large?size=1048000").content) == 1_048_000
    rows = web.get(f"{WEB}/guest/default/rows.json?count=20000")
    assert rows.json() == {"rows": [{"id": number} for number in range(20_000)]}
    over = web.get(f"{WEB}/guest/default/large.text?size=1048600")
    assert over.text.startswith("The action produced a response that exceeded the allowed length: 1048611 > 1048576 bytes.")
    assert said(web.get(f"{WEB}/guest/default/large?size=1048600")) == (400, not_valid("message/http"))


@pytest.mark.parametrize("extension", [".json", ".http", ".text"])
def test_a_result_nested_too_deep_is_no_failure_of_ours(http: httpx.Client, extension: str) -> None:
    """It is shown, or refused."""
    put_web(http, "deep", "function main() { let x = {}; for (let i = 0; i < 900; i++) x = { x }; return { body: x }; }")
    assert http.get(f"{WEB}/guest/default/deep{extension}").status_code in {200, 400}


def test_one_call_is_one_run(http: httpx.Client) -> None:
    """Whatever becomes of the answer."""
    put_web(http, "counted", answering("{ body: 'hi' }"))
    for number, sent in enumerate(({}, {"accept": "image/png"}, {"expect": "100-continue"}), 1):
        http.get(f"{WEB}/guest/default/counted", headers=sent)
        last = http.get(f"{WEB}/guest/default/counted.json", headers=sent).headers["x-openwhisk-activation-id"]
        record(http, last)
        assert http.get("/api/v1/namespaces/_/activations?name=counted&count=true").json() == {"activations": 2 * number}
