"""The `openwhisk` npm client, unchanged: routes (openwhisk-api §11.2, §16)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import tenant_key
from tests.support import hubs, openwhisk_js
from tests.support.openwhisk_js import Client, Refused
from tests.support.tls import TLS

TELLS = "function main(args) { return { body: { path: args.__ow_path, verb: args.__ow_method } }; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("client-js-routes") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def ow(hub: hubs.Hub) -> Iterator[Client]:
    """The client with the guest's key, and web actions."""
    with openwhisk_js.client(hub) as found:
        found("actions.create", name="tells", action=TELLS, annotations={"web-export": True})
        found("packages.create", name="box")
        found("actions.create", name="box/tells", action=TELLS, annotations={"web-export": True})
        found("actions.create", name="locked", action=TELLS, annotations={"web-export": True, "require-whisk-auth": "a secret"})
        yield found


def bases(answer: Any) -> list[str]:
    """The base paths of a list."""
    return [row["value"]["apidoc"]["basePath"] for row in answer["apis"]]


def test_a_route_is_created_and_served(ow: Client) -> None:
    """Base path, name, response type; the answer is the document and the address of the API."""
    made = ow("routes.create", basepath="/books", name="Books", relpath="/list", operation="GET", action="tells", responsetype="http")
    served = httpx.get(f"{made['gwApiUrl']}/list", timeout=70, trust_env=False, verify=TLS)

    assert made["apidoc"]["info"]["title"] == "Books"
    assert list(made["apidoc"]["paths"]["/list"]) == ["get"]
    assert served.json() == {"path": "/books/list", "verb": "get"}


def test_parameters_of_a_path_are_declared_by_the_client(ow: Client) -> None:
    """Any segment of it is taken."""
    made = ow("routes.create", basepath="/shelf", relpath="/{shelf}/book/{id}", operation="PUT", action="tells", responsetype="http")
    operation = made["apidoc"]["paths"]["/{shelf}/book/{id}"]["put"]

    assert [(row["name"], row["in"], row["description"]) for row in operation["parameters"]] == [
        ("shelf", "path", "Default description for 'shelf'"),
        ("id", "path", "Default description for 'id'"),
    ]
    assert httpx.put(f"{made['gwApiUrl']}/1/book/2", timeout=70, trust_env=False, verify=TLS).json()["path"] == "/shelf/1/book/2"


@pytest.mark.parametrize(
    ("action", "url"),
    [("tells", "default/tells"), ("box/tells", "box/tells"), ("/guest/box/tells", "box/tells"), ("/_/tells", "default/tells")],
)
def test_the_action_of_a_route_has_a_name_of_every_form(ow: Client, action: str, url: str) -> None:
    """`_` is the caller's namespace."""
    made = ow("routes.create", basepath="/forms", relpath="/one", operation="GET", action=action)
    operation = made["apidoc"]["paths"]["/one"]["get"]

    assert operation["x-openwhisk"]["url"].endswith(f"/api/v1/web/guest/{url}.json")
    assert httpx.get(f"{made['gwApiUrl']}/one", timeout=70, trust_env=False, verify=TLS).status_code == 200


def test_a_route_without_base_path_lies_at_the_root(ow: Client) -> None:
    """Its name is the base path then."""
    made = ow("routes.create", relpath="/root", operation="POST", action="tells")

    assert (made["apidoc"]["basePath"], made["apidoc"]["info"]["title"]) == ("/", "/")
    assert httpx.post(f"{made['gwApiUrl'].rstrip('/')}/root", timeout=70, trust_env=False, verify=TLS).status_code == 200
    ow("routes.delete", basepath="/")


def test_a_route_opens_an_action_that_is_locked(ow: Client) -> None:
    """`secure_key` is the secret of `require-whisk-auth`."""
    options = {"basepath": "/locked", "relpath": "/in", "operation": "GET", "action": "locked"}
    url = f"{ow('routes.create', options)['gwApiUrl']}/in"

    assert httpx.get(url, timeout=70, trust_env=False, verify=TLS).status_code == 401
    ow("routes.create", {**options, "secure_key": "a secret"})
    assert httpx.get(url, timeout=70, trust_env=False, verify=TLS).status_code == 200


def test_an_api_is_created_from_its_document(ow: Client) -> None:
    """As text; it replaces what lies at its base path."""
    made = ow("routes.create", basepath="/doc", relpath="/a", operation="GET", action="tells")
    ow("routes.create", basepath="/doc", relpath="/b", operation="GET", action="tells")
    ow("routes.create", swagger=json.dumps(made["apidoc"]))

    assert ow("routes.get", basepath="/doc")["apis"][0]["value"]["apidoc"] == made["apidoc"]


def test_apis_are_listed_and_found(hub: hubs.Hub, ow: Client) -> None:
    """All, by base path, by name, in pages; of one's own namespace only; none is an empty list."""
    own = ow.with_options(api_key=tenant_key(hub, "route-lists"))
    own("actions.create", name="tells", action=TELLS, annotations={"web-export": True})
    for name in ("a", "b"):
        own("routes.create", basepath=f"/{name}", name=f"Name {name}", relpath="/x", operation="GET", action="tells")

    assert sorted(bases(own("routes.list"))) == ["/a", "/b"]
    assert (
        bases(own("routes.get", basepath="/a")) == bases(own("routes.get", name="/a")) == bases(own("routes.list", name="Name a")) == ["/a"]
    )
    assert len(bases(own("routes.list", limit=1))) == len(bases(own("routes.list", limit=1, skip=1))) == 1
    assert bases(own("routes.list", limit=1)) != bases(own("routes.list", limit=1, skip=1))
    assert bases(own("routes.get", basepath="/none")) == []


def test_an_api_is_deleted_in_part_or_whole(ow: Client) -> None:
    """A verb, a path, all of it, by base path or name."""
    for path, verb in (("/a", "GET"), ("/a", "POST"), ("/b", "GET")):
        ow("routes.create", basepath="/gone", name="Gone", relpath=path, operation=verb, action="tells")

    def paths() -> dict[str, list[str]]:
        shown = ow("routes.get", name="Gone")["apis"][0]["value"]["apidoc"]["paths"]
        return {path: list(verbs) for path, verbs in shown.items()}

    assert ow("routes.delete", basepath="/gone", relpath="/a", operation="POST") == {}
    assert paths() == {"/a": ["get"], "/b": ["get"]}
    ow("routes.delete", name="Gone", relpath="/a")
    assert paths() == {"/b": ["get"]}
    ow("routes.delete", name="Gone")
    assert ow("routes.get", name="Gone") == {"apis": []}


def test_tokens_of_a_gateway_are_taken_and_ignored(ow: Client) -> None:
    """`apigw_token`, with the space from the key or of its own."""
    token = ow.with_options(apigw_token="t")
    made = token("routes.create", basepath="/token", relpath="/a", operation="GET", action="tells")

    assert made["gwApiActivated"] is True
    assert bases(token.with_options(apigw_space_guid="space")("routes.get", basepath="/token")) == ["/token"]
    assert token("routes.delete", basepath="/token") == {}


def test_what_the_hub_refuses_is_said(ow: Client) -> None:
    """502 with upstream's text, which is no error object of the platform: it has no code."""
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("delete", {"basepath": "/nothing"}, "API deletion failure: API '/nothing' does not exist."),
        (
            "create",
            {"basepath": "/a/{b}", "relpath": "/c", "operation": "GET", "action": "tells"},
            "API creation failure: The base path (/a/{b}) cannot have parameters. Only the relative path supports path parameters.",
        ),
        ("create", {"swagger": "{"}, "swagger field cannot be parsed. Ensure it is valid JSON."),
    ]
    for call, options, text in calls:
        with pytest.raises(Refused) as refusal:
            ow(f"routes.{call}", options)
        assert (refusal.value.status, refusal.value.error) == (502, {"error": text})


def test_a_call_that_cannot_be_is_refused_before_it_is_sent(ow: Client) -> None:
    """Errors of the client itself."""
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("create", {"relpath": "/a"}, "Missing mandatory parameters: operation, action"),
        ("get", {}, "Missing mandatory parameters: basepath or name."),
        ("delete", {}, "Missing mandatory parameters: basepath or name."),
        ("list", {"basepath": "/a", "name": "a"}, "Invalid parameters: use basepath or name, not both."),
    ]
    for call, options, text in calls:
        with pytest.raises(Refused) as refusal:
            ow(f"routes.{call}", options)
        assert (refusal.value.status, refusal.value.message) == (None, text)
