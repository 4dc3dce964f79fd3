"""Web actions: `.json`, `.html`, `.svg`, `.text`, actions that fail, and what the caller takes (openwhisk-api §7.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import WEB, WEB_CORS, cors_of, put_web, record, said, stranger_to
from tests.support import hubs

FAILED = "There was an error processing your request."
NO_PROPERTY = "Response does not include requested property."
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
    with hubs.running(tmp_path_factory.mktemp("extensions") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner, with an action that answers what it is told to."""
    with hub.http as found:
        put_web(found, "answer", "function main(a) { return JSON.parse(a.result); }")
        put_web(found, "throw", "function main() { throw new Error('no'); }")
        put_web(found, "exit", "function main() { process.exit(1); }")
        put_web(found, "broken", "function main( {")
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
    ("extension", "result", "content_type", "body"),
    [
        (".json", {"b": 1, "a": {"d": [1, 2], "c": "ü"}}, JSON, '{\n  "a": {\n    "c": "ü",\n    "d": [1, 2]\n  },\n  "b": 1\n}'),
        (".json", {"statusCode": 404, "headers": {"x-a": "b"}}, JSON, '{\n  "headers": {\n    "x-a": "b"\n  },\n  "statusCode": 404\n}'),
        (".json", {}, JSON, "{\n\n}"),
        (".json", [], JSON, "[]"),
        (".json", [{"a": 1}, 2], JSON, '[{\n  "a": 1\n}, 2]'),
        (".json", {"error": {"a": 1}, "b": 2}, JSON, '{\n  "a": 1\n}'),
        (".json/a/b", {"a": {"b": 1}}, JSON, '{\n  "a": {\n    "b": 1\n  }\n}'),
        (".html", {"body": "<b>", "html": "<i>"}, HTML, "<b>"),
        (".html", {"html": "<i>", "statusCode": 500}, HTML, "<i>"),
        (".html", {"html": ""}, HTML, ""),
        (".html", {"error": "<b>"}, HTML, "<b>"),
        (".svg", {"body": "<svg/>", "svg": "<x/>"}, "image/svg+xml", "<svg/>"),
        (".svg", {"svg": "<svg/>"}, "image/svg+xml", "<svg/>"),
        (".text", {"body": "b", "text": "t"}, TEXT, "b"),
        (".text", {"text": "ü"}, TEXT, "ü"),
        (".text", {"text": {"a": [1]}}, TEXT, '{\n  "a": [1]\n}'),
        (".text", {"text": [1, "a"]}, TEXT, '[1, "a"]'),
        (".text", {"text": True}, TEXT, "true"),
        (".text", {"text": 1.5}, TEXT, "1.5"),
        (".text", {"text": None}, TEXT, "null"),
        (".text", [1, 2], TEXT, "[1, 2]"),
        (".text", {"error": "no"}, TEXT, "no"),
        (".text", {"error": 7}, TEXT, "7"),
    ],
)
def test_other_extensions_show_one_thing(web: httpx.Client, extension: str, result: Any, content_type: str, body: str) -> None:
    """With 200, whatever status and headers the action gives."""
    found = answer(web, result, extension)
    assert (found.status_code, found.headers["content-type"], found.text) == (200, content_type, body)
    assert "x-a" not in found.headers
    assert cors_of(found) == WEB_CORS


@pytest.mark.parametrize(
    ("extension", "result", "status", "text"),
    [
        (".json", {"error": "text"}, 400, not_valid("application/json")),
        (".json", {"error": None}, 400, not_valid("application/json")),
        (".html", {}, 400, not_valid("text/html")),
        (".html", {"html": 1}, 400, not_valid("text/html")),
        (".html", {"body": None, "html": "<b>"}, 400, not_valid("text/html")),
        (".html", ["<b>"], 400, not_valid("text/html")),
        (".svg", {"html": "<b>"}, 400, not_valid("image/svg+xml")),
        (".svg", {"svg": {}}, 400, not_valid("image/svg+xml")),
        (".svg", [], 400, not_valid("image/svg+xml")),
        (".text", {}, 404, NO_PROPERTY),
        (".text", {"html": "<b>"}, 404, NO_PROPERTY),
    ],
)
def test_what_an_extension_cannot_show_is_refused(web: httpx.Client, extension: str, result: Any, status: int, text: str) -> None:
    """With the media type that was wanted."""
    found = answer(web, result, extension)
    assert said(found) == (status, text)
    assert cors_of(found) == WEB_CORS


@pytest.mark.parametrize("name", ["throw", "exit", "broken"])
@pytest.mark.parametrize("extension", ["", ".http", ".json", ".html", ".svg", ".text"])
def test_an_action_that_fails_is_a_400_that_tells_nothing(web: httpx.Client, http: httpx.Client, name: str, extension: str) -> None:
    """Why it failed is in the record, for the owner."""
    found = web.get(f"{WEB}/guest/default/{name}{extension}")
    assert said(found) == (400, FAILED)
    assert found.text == f'{{\n  "code": "{found.headers["x-request-id"]}",\n  "error": "{FAILED}"\n}}'
    assert record(http, found.headers["x-openwhisk-activation-id"])["response"]["status"] == "action developer error"


@pytest.mark.parametrize(
    ("accept", "extension", "result", "offered"),
    [
        ("application/json", ".html", {"html": "hi"}, HTML),
        ("text/html", ".json", {}, JSON),
        ("text/html, image/*;q=0.5", ".text", {"text": "hi"}, TEXT),
        ("text/html;q=0, */*", ".html", {"html": "hi"}, HTML),
        ("text/*;q=0, */*;q=1", ".html", {"html": "hi"}, HTML),
        ("application/json", ".http", {"body": "hi"}, HTML),
        ("image/jpeg", ".http", {"body": PNG, "headers": {"content-type": "image/png"}}, "image/png"),
        ("application/xml", ".http", {"body": {}}, JSON),
    ],
)
def test_a_type_that_the_caller_does_not_take_is_a_406(
    web: httpx.Client, http: httpx.Client, accept: str, extension: str, result: Any, offered: str
) -> None:
    """After the action has run."""
    found = answer(web, result, extension, accept=accept)
    assert said(found) == (406, f"Resource representation is only available with these types:\n{offered}")
    assert cors_of(found) == WEB_CORS
    assert record(http, found.headers["x-openwhisk-activation-id"])["response"]["success"]


@pytest.mark.parametrize(
    ("accept", "extension", "result", "status"),
    [
        ("text/html", ".html", {"html": "hi"}, 200),
        ("TEXT/HTML;level=1", ".html", {"html": "hi"}, 200),
        ("application/json, text/*;q=0.1", ".html", {"html": "hi"}, 200),
        ("image/webp,*/*;q=0.8", ".json", {}, 200),
        ("*/*;q=0, text/html", ".html", {"html": "hi"}, 200),
        ("nonsense", ".html", {"html": "hi"}, 200),
        ("", ".html", {"html": "hi"}, 200),
        ("text/html", ".http", {}, 204),
        ("text/html", ".http", {"statusCode": 200}, 200),
        ("image/png", ".http", {"statusCode": 404, "body": "hi"}, 404),
        ("image/png", ".http", {"statusCode": 302, "headers": {"location": "/"}, "body": "hi"}, 302),
        ("image/png", ".svg", {}, 400),
    ],
)
def test_a_type_that_the_caller_takes_is_sent(web: httpx.Client, accept: str, extension: str, result: Any, status: int) -> None:
    """So are empty answers and everything that is no success."""
    assert answer(web, result, extension, accept=accept).status_code == status
