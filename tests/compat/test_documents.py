"""The documents in which a hub tells what it is and what its interface takes (openwhisk-api §1.1, §1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from hub.api import hot
from hub.app import openwhisk_routes
from tests.compat.steps import API, put, said
from tests.support import hubs
from tests.support.hubs import Hub
from tests.support.tls import TLS

VERSION = "/api/v1"
NO_ROUTE = "The requested resource could not be found."
METHODS = ("get", "put", "post", "delete")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub for all of them."""
    with hubs.running(tmp_path_factory.mktemp("documents") / "data") as found:
        yield found


@pytest.fixture
def stranger(hub: Hub) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with httpx.Client(base_url=hub.address, trust_env=False, verify=TLS, timeout=70) as found:
        yield found


def described(stranger: httpx.Client) -> Any:
    return stranger.get(f"{VERSION}/openapi.json").json()


def test_the_platform_document_has_the_kinds_that_run_here(hub: Hub, stranger: httpx.Client) -> None:
    """Each of them can be given to an action; sizes are bytes, durations milliseconds; the type is plain JSON, as wskdeploy wants it."""
    answer = stranger.get("/")
    document = answer.json()
    kinds = [row["kind"] for rows in document["runtimes"].values() for row in rows]

    assert answer.headers["content-type"] == "application/json"
    assert (document["description"], document["api_paths"]) == ("OpenWhisk", ["/api/v1"])
    assert document["support"] == {"github": "https://github.com/apache/openwhisk/issues", "slack": "http://slack.openwhisk.org"}
    assert document["limits"]["max_action_memory"] == 512 * 1024 * 1024
    assert document["limits"]["max_action_duration"] == 300_000
    assert all(sum(row["default"] for row in rows) == 1 for rows in document["runtimes"].values())
    with hub.http as http:
        made = [put(http, "actions/kinds", {"exec": {"kind": kind, "code": "", "main": "main"}}) for kind in kinds]
    assert [row["exec"]["kind"] for row in made] == kinds


def test_the_version_document_needs_no_key(stranger: httpx.Client) -> None:
    """As `wsk property get --apibuild` asks for it."""
    assert stranger.get(VERSION).json().keys() == {"description", "api_version", "api_version_path", "build", "buildno", "swagger_paths"}
    assert stranger.get(VERSION).content == stranger.get(f"{VERSION}/").content


def test_nothing_is_at_api_alone(stranger: httpx.Client) -> None:
    """405 with the one method that is taken."""
    answer = stranger.get("/api")

    assert said(answer) == (405, "HTTP method not allowed, supported methods: OPTIONS")
    assert answer.headers["allow"] == "OPTIONS"


def test_invokers_are_told(stranger: httpx.Client) -> None:
    """By name, by number, and whether there are enough."""
    assert stranger.get("/invokers").json() == {"invoker0/0": "up"}
    assert stranger.get("/invokers/healthy/count").text == "1"
    assert stranger.get("/invokers/ready").json() == {"healthy": "1/1"}
    assert (stranger.get("/ping").text, stranger.get("/ping").headers["content-type"]) == ("pong", "text/plain; charset=UTF-8")


def test_every_route_is_described(stranger: httpx.Client) -> None:
    """Each path and method that the hub answers below its interface is in the document."""
    paths = described(stranger)["paths"]
    routes = {(method, route.path) for route in openwhisk_routes() if isinstance(route, Route) for method in route.methods or ()}
    routes |= {(method, path) for method, path in hot.ROUTES}

    missing = [
        (method, path)
        for method, path in routes
        if method != "HEAD" and method.lower() not in paths.get(path, {}) and method.lower() not in paths.get(path.rstrip("/") or "/", {})
    ]
    assert not missing


def test_everything_that_is_described_is_there(hub: Hub, stranger: httpx.Client) -> None:
    """Each path and method of the document is answered, not with the words for an unknown route."""
    with hub.http as http:
        for path, item in described(stranger)["paths"].items():
            real = re.sub(r"\{activation_id\}", "0" * 32, re.sub(r"\{namespace\}", "_", path))
            for method in set(METHODS) & item.keys():
                answer = http.request(
                    method, VERSION + re.sub(r"\{\w+\}", "none", real), content=b"" if method in {"put", "post"} else None
                )
                assert NO_ROUTE not in answer.text, (method, path)
                assert str(answer.status_code) in item[method]["responses"], (method, path, answer.text)


def test_every_reference_in_a_document_leads_somewhere(stranger: httpx.Client) -> None:
    """In OpenAPI and in Swagger, which say the same routes."""
    swagger = stranger.get(f"{VERSION}/api-docs").json()
    document = described(stranger)
    for whole in (document, swagger):
        for target in set(re.findall(r'"\$ref":"#/([^"]+)"', httpx.Response(200, json=whole).text)):
            found: Any = whole
            for step in target.split("/"):
                found = found[step]

    assert (document["openapi"], swagger["swagger"], swagger["basePath"]) == ("3.1.0", "2.0", VERSION)
    assert swagger["paths"].keys() == document["paths"].keys()
    assert not re.search(r'"(oneOf|anyOf|requestBody|content|const)":', httpx.Response(200, json=swagger).text)
    assert stranger.get(f"{VERSION}/api-docs/").json() == swagger
    assert stranger.get("/api-docs").json()["swagger"] == "2.0"


def test_identifiers_of_operations_are_told_apart(stranger: httpx.Client) -> None:
    """Starter that are made from the document name their functions after them."""
    identifiers = [item[method]["operationId"] for item in described(stranger)["paths"].values() for method in METHODS if method in item]

    assert len(set(identifiers)) == len(identifiers)


def test_the_reference_is_a_page_that_needs_nothing_else(stranger: httpx.Client) -> None:
    """Every route and shape is on it; it loads one style sheet, from the hub."""
    there = stranger.get(f"{VERSION}/docs")
    page = stranger.get(f"{VERSION}/docs/index.html?url=/api/v1/api-docs")
    document = described(stranger)

    assert (there.status_code, there.headers["location"]) == (308, "docs/index.html?url=/api/v1/api-docs")
    assert stranger.get(f"{VERSION}/docs", follow_redirects=True).status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert re.findall(r'(?:src|href)="((?!#|/|data:)[^"]*)"', page.text) == []
    assert "<script" not in page.text
    assert not [path for path in document["paths"] if f"{VERSION}{path}".replace("&", "&amp;") not in page.text]
    assert not [name for name in document["components"]["schemas"] if f'id="{name}"' not in page.text]
    assert '"/api/v1/docs/index.html"' in stranger.get("/docs").text


def test_methods_that_nothing_has_are_unknown_routes(hub: Hub, stranger: httpx.Client) -> None:
    """404 with a key, 401 without one, whatever the method; HEAD, too, for what GET answers."""
    with hub.http as http:
        assert http.head(f"{API}/actions").status_code == 404
        for method in ("PATCH", "TRACE", "PROPFIND", "POST"):
            assert said(http.request(method, f"{API}/activations")) == (404, NO_ROUTE)
            assert stranger.request(method, f"{API}/activations").status_code == 401
