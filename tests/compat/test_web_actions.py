"""Web actions: addresses, methods, parameters, and whose the run is (openwhisk-api §7.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import (
    API,
    MISSING,
    WEB,
    WEB_CORS,
    answering,
    cors_of,
    marks_of,
    parameters,
    put,
    put_action,
    put_sequence,
    put_web,
    record,
    said,
    sent_as_it_is,
    stranger_to,
    tenant,
)
from tests.support import hubs

NO_ROUTE = "The requested resource could not be found."
METHODS = ("GET", "DELETE", "POST", "PUT", "HEAD", "PATCH")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("web") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner, with actions in the default package and in one of its own, which is private."""
    with hub.http as found:
        put_web(found, "echo")
        put_action(found, "hidden", "function main() { return { body: 'hidden' }; }")
        put_web(found, "said.so", marks={"web-export": "true"})
        put_web(found, "a.json", answering("{ body: 'dotted' }"))
        put(found, "packages/lib", {"parameters": parameters(a="package", b="package", c="package")})
        put_web(found, "lib/echo", parameters=parameters(c="action", d="action"))
        put(
            found,
            "packages/tied",
            {"binding": {"namespace": "_", "name": "lib"}, "parameters": parameters(b="binding", **{"web-export": True})},
        )
        put(found, "packages/marked", {"annotations": parameters(**{"web-export": True})})
        put_action(found, "marked/hidden")
        yield found


@pytest.fixture(params=["stranger", "caller", "wrong key"])
def web(request: pytest.FixtureRequest, hub: hubs.Hub, http: httpx.Client) -> Iterator[httpx.Client]:
    """Whoever has the address, with the key of a namespace or without."""
    with hub.http if request.param == "caller" else stranger_to(hub) as found:
        if request.param == "wrong key":
            found.auth = ("00000000-0000-0000-0000-000000000000", "x" * 64)
        yield found


@pytest.fixture
def stranger(hub: hubs.Hub, http: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with stranger_to(hub) as found:
        yield found


def bound(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are not about the call."""
    return {key: value for key, value in arguments.items() if not key.startswith("__ow_")}


@pytest.mark.parametrize(
    "path",
    [
        "nobody/default/echo",
        "guest/nothing/echo",
        "guest/lib/missing",
        "guest/default/missing",
        "guest/default/missing.json",
        "guest/default/echo.xyz",
        "guest/default/hidden",
        "guest/default/said.so",
        "guest/default/a.json",
        "guest/default/lib",
        "guest/marked/hidden",
        "_/default/echo",
    ],
)
def test_what_is_not_exported_is_not_there(web: httpx.Client, path: str) -> None:
    """One answer for all reasons, with credentials or without, also to OPTIONS; browsers may read it."""
    answer = web.get(f"{WEB}/{path}")
    assert said(answer) == (404, MISSING)
    assert answer.text == f'{{\n  "code": "{answer.headers["x-request-id"]}",\n  "error": "{MISSING}"\n}}'
    assert cors_of(answer) == WEB_CORS
    assert "x-openwhisk-activation-id" not in answer.headers
    assert web.options(f"{WEB}/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["", "/", "/guest", "/guest/default", "/guest/lib/", "/guest//echo", "/guest/default/.http", "/guest/default/-x"]
)
def test_too_few_segments_are_no_route(stranger: httpx.Client, http: httpx.Client, path: str) -> None:
    """401 for strangers and 404 for callers, as everywhere under `/api/v1`."""
    assert stranger.get(WEB + path).status_code == 401
    assert said(http.get(WEB + path)) == (404, NO_ROUTE)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_calls_the_action(web: httpx.Client, http: httpx.Client, method: str) -> None:
    """And `__ow_method` says which; the answer names the run, which is recorded."""
    answer = web.request(method, f"{WEB}/guest/default/echo")
    ended = record(http, answer.headers["x-openwhisk-activation-id"])

    assert answer.status_code == 200
    assert cors_of(answer) == WEB_CORS
    assert ended["response"]["result"]["body"]["__ow_method"] == method.lower()
    assert (answer.text == "") == (method == "HEAD")
    assert int(answer.headers["content-length"]) > 100


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("echo", "application/json"),
        ("echo.http", "application/json"),
        ("echo.json", "application/json"),
        ("echo.text", "text/plain; charset=UTF-8"),
        ("a.json.http", "text/html; charset=UTF-8"),
        ("a.json.text/b.html", "text/plain; charset=UTF-8"),
    ],
)
def test_the_end_of_the_action_s_segment_is_the_extension(web: httpx.Client, path: str, extension: str) -> None:
    """Five are; without one of them it is `.http`."""
    answer = web.get(f"{WEB}/guest/default/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, extension)


@pytest.mark.parametrize(
    ("package", "seen"),
    [
        ("lib", {"a": "package", "b": "package", "c": "action", "d": "action"}),
        ("tied", {"a": "package", "b": "binding", "c": "action", "d": "action", "web-export": True}),
    ],
)
def test_parameters_come_from_package_binding_and_action(web: httpx.Client, package: str, seen: dict[str, Any]) -> None:
    """Of private ones, too; what a call brings is over them."""
    assert bound(web.get(f"{WEB}/guest/{package}/echo").json()) == seen
    assert bound(web.get(f"{WEB}/guest/{package}/echo?a=call&d=call").json()) == seen | {"a": "call", "d": "call"}


def test_a_run_belongs_to_the_namespace_in_the_address(hub: hubs.Hub, http: httpx.Client) -> None:
    """Whoever called, and wherever a binding leads: its owner has the record."""
    put(http, "packages/open", {"publish": True})
    put_web(http, "open/who", "function main() { return { body: process.env.__OW_NAMESPACE }; }")
    with tenant(hub, "binder") as binder:
        put(binder, "packages/mine", {"binding": {"namespace": "guest", "name": "open"}})
        answer = http.get(f"{WEB}/binder/mine/who")
        ended = record(binder, answer.headers["x-openwhisk-activation-id"])
        assert answer.text == "binder"
        assert (ended["namespace"], ended["subject"], marks_of(ended)["binding"]) == ("binder", "binder", "binder/mine")
        assert http.get(f"{API}/activations/{ended['activationId']}").status_code == 404
        put(http, "packages/open", {"publish": False})
        assert said(http.get(f"{WEB}/binder/mine/who")) == (404, MISSING)
        assert http.get(f"{WEB}/guest/open/who").text == "guest"


def test_changes_are_seen_at_once(http: httpx.Client, stranger: httpx.Client) -> None:
    """By the next call: code, export and removal."""
    put_web(http, "moving", answering("{ body: 'one' }"))
    assert stranger.get(f"{WEB}/guest/default/moving").text == "one"
    put_web(http, "moving", answering("{ body: 'two' }"))
    assert stranger.get(f"{WEB}/guest/default/moving").text == "two"
    put(http, "actions/moving", {"annotations": parameters(**{"web-export": False})})
    assert stranger.get(f"{WEB}/guest/default/moving").status_code == 404
    put(http, "actions/moving", {"annotations": parameters(**{"web-export": True})})
    assert stranger.get(f"{WEB}/guest/default/moving").status_code == 200
    http.delete(f"{API}/actions/moving")
    assert stranger.get(f"{WEB}/guest/default/moving").status_code == 404


def test_sequences_and_compositions_can_be_exported(http: httpx.Client, web: httpx.Client) -> None:
    """The first step gets what the call brings; the last answers."""
    put_action(http, "name", "function main(a) { return { who: a.who + '!', method: a.__ow_method }; }")
    put_action(http, "greet", "function main(a) { return { body: `hello ${a.who} by ${a.method}` }; }")
    put_sequence(http, "greeting", "/_/name", "/_/greet")
    put(http, "actions/greeting", {"annotations": parameters(**{"web-export": True})})
    sequence = web.get(f"{WEB}/guest/default/greeting?who=Ada")
    conductor = (
        "function main(a) { return a.body ? { params: { body: a.body } } : { action: 'greet', params: { who: a.who, method: 'x' } }; }"
    )
    put_web(http, "composed", conductor, {"conductor": True})
    composition = web.get(f"{WEB}/guest/default/composed?who=Ada")

    assert sequence.text == "hello Ada! by get"
    assert len(record(http, sequence.headers["x-openwhisk-activation-id"])["logs"]) == 2
    assert composition.text == "hello Ada by x"


def test_a_sequence_whose_parts_are_no_longer_allowed_is_refused(hub: hubs.Hub, http: httpx.Client, stranger: httpx.Client) -> None:
    """Before anything runs."""
    put(http, "packages/shared", {"publish": True})
    put_action(http, "shared/part")
    with tenant(hub, "sequencer") as owner:
        put_sequence(owner, "seq", "/guest/shared/part")
        put(owner, "actions/seq", {"annotations": parameters(**{"web-export": True})})
        assert stranger.get(f"{WEB}/sequencer/default/seq.json").status_code == 200
        put(http, "packages/shared", {"publish": False})
        refused = stranger.get(f"{WEB}/sequencer/default/seq.json")
        assert said(refused) == (403, "The supplied authentication is not authorized to access 'guest/shared'.")
        assert cors_of(refused) == WEB_CORS


def test_secrets_go_to_the_environment(http: httpx.Client, stranger: httpx.Client) -> None:
    """Parameters marked `init` are no arguments."""
    code = "function main(a) { return { body: { env: process.env.TOKEN, argument: a.TOKEN === undefined } }; }"
    put_web(http, "env", code, parameters=[{"key": "TOKEN", "value": "s3cret", "init": True}])
    assert stranger.get(f"{WEB}/guest/default/env").json() == {"env": "s3cret", "argument": True}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/api/v1/web/guest/default/%65cho", 200),
        ("/api/v1/web/guest/default/../default/./echo", 200),
        ("/api/v1/web/guest/default/x/../echo", 200),
        ("/api/v1/web/guest/default/echo/../../../../namespaces", 401),
        ("/api/v1/web/guest/default/%2e%2e/echo", 404),
        ("/api/v1/web/guest/default/echo%00", 404),
        ("/api/v1/web/guest/default/%ff", 404),
        ("/api/v1/web/guest/default/ec%2Fho", 404),
        ("/api/v1/web/guest/default/%zz", 401),
        ("/api/v1/web/guest/default/" + "a" * 257, 401),
        ("/api/v1/web/guest/default/echo?%", 200),
        ("/api/v1/web/guest/default/echo?%zz=%ff&=&&a", 200),
        ("/api/v1/web/guest/default/echo?a=%00", 400),
        ("/api/v1/web/guest/default/echo/%ff/%2e%2e/%zz", 200),
    ],
)
def test_odd_addresses_are_never_a_failure_of_ours(hub: hubs.Hub, http: httpx.Client, target: str, status: int) -> None:
    """Each is understood, or refused."""
    assert sent_as_it_is(hub, "GET", target)[0] == status
