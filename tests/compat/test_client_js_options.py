"""The `openwhisk` npm client, unchanged: its options, its environment, retries and error objects (openwhisk-api §1.7, §9.1, §11.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.steps import ECHO, FORBIDDEN, record
from tests.support import hubs, openwhisk_js
from tests.support.certificates import self_signed
from tests.support.openwhisk_js import Client, Refused

INVALID = "The supplied authentication is invalid"
NOT_SUPPLIED = "The resource requires authentication, which was not supplied with the request"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("client-js-options") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def ow(hub: hubs.Hub) -> Iterator[Client]:
    """The client with the guest's key; the trigger `seen` runs an action that gets the headers of the fire."""
    with openwhisk_js.client(hub) as found:
        found("actions.create", name="echo", action=ECHO)
        found("triggers.create", name="seen")
        found("rules.create", name="seen-rule", trigger="seen", action="echo")
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The same key, to look at what the client made."""
    with hub.http as found:
        yield found


def headers_of(client: Client, http: httpx.Client, **options: Any) -> dict[str, str]:
    """The headers with which a client fires."""
    fired = client("triggers.invoke", name="seen", **options)
    (started,) = [json.loads(line) for line in record(http, fired["activationId"])["logs"]]
    found: dict[str, str] = record(http, started["activationId"])["response"]["result"]["__ow_headers"]
    return found


def refusal_of(client: Client, call: str, *given: Any, **options: Any) -> Refused:
    """The error of a call."""
    with pytest.raises(Refused) as refusal:
        client(call, *given, **options)
    return refusal.value


def test_the_address_is_given_in_three_ways(hub: hubs.Hub, ow: Client) -> None:
    """`apihost` with `apiversion`, the whole `api` with and without the last slash, or the environment."""
    host = hub.address
    without = ow.with_options(apihost=None)
    ways: list[dict[str, Any]] = [{"apihost": host, "apiversion": "v1"}, {"api": f"{host}/api/v1/"}, {"api": f"{host}/api/v1"}]
    for options in ways:
        assert without.with_options(**options)("namespaces.list") == ["guest"]
    environment = {"__OW_API_HOST": host, "__OW_API_KEY": hub.auth}
    assert ow.with_options(apihost=None, api_key=None, environment=environment)("namespaces.list") == ["guest"]


def test_a_version_of_the_interface_that_is_not_here_is_not_found(ow: Client) -> None:
    """404."""
    assert refusal_of(ow.with_options(apiversion="v2"), "namespaces.list").status == 404


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"api_key": None}, "Invalid constructor options. Missing api_key parameter or token plugin."),
        ({"apihost": None}, "Invalid constructor options. Missing either api or apihost parameters."),
        ({"retry": "often"}, "Invalid constructor options. 'retry' option must be an object, e.g. '{ retries: 2 }'."),
    ],
)
def test_options_that_cannot_be_are_refused_by_the_client(ow: Client, options: dict[str, Any], text: str) -> None:
    """Before anything is sent."""
    refused = refusal_of(ow.with_options(**options), "namespaces.list")

    assert (refused.name, refused.status, refused.message) == ("Error", None, text)


def test_a_key_is_taken_as_basic_or_as_bearer(hub: hubs.Hub, ow: Client) -> None:
    """An `auth_handler` gives the header."""
    bearer = ow.with_options(api_key=None, auth_handler={"$bearer": hub.auth})

    assert bearer("namespaces.list") == ["guest"]
    assert bearer("actions.invoke", name="echo", blocking=True, result=True, params={"a": 1}) == {"a": 1}


def test_a_key_that_is_none_is_refused(hub: hubs.Hub, ow: Client) -> None:
    """401, whatever is wrong with it; the message names call and reason."""
    uuid, _, key = hub.auth.partition(":")
    cases = {f"{uuid}:{key[:-1]}": INVALID, f"{uuid}:{key}x": INVALID, f"{'0' * 36}:{key}": INVALID, "no-colon": NOT_SUPPLIED}
    for text, reason in cases.items():
        refused = refusal_of(ow.with_options(api_key=text), "namespaces.list")
        assert (refused.name, refused.status, refused.error["error"]) == ("OpenWhiskError", 401, reason)
        assert refused.message == f'GET {hub.address}/api/v1/namespaces Returned HTTP 401 (Unauthorized) --> "{reason}"'
    assert refusal_of(ow.with_options(api_key=None, auth_handler={"$bearer": "x"}), "namespaces.list").status == 401


def test_a_namespace_option_is_the_namespace_of_every_call(ow: Client, http: httpx.Client) -> None:
    """It stands in the path and in `x-namespace-id`; a call's own goes before it; a foreign one is 403."""
    own = ow.with_options(namespace="guest")
    foreign = ow.with_options(namespace="whisk.system")

    assert own("actions.get", name="echo", code=False)["namespace"] == "guest"
    assert headers_of(own, http)["x-namespace-id"] == "guest"
    assert {row["name"] for row in foreign("packages.list")} >= {"utils"}
    assert refusal_of(foreign, "actions.list").error["error"] == FORBIDDEN.format("whisk.system")
    assert foreign("actions.get", name="echo", namespace="guest", code=False)["namespace"] == "guest"


def test_the_environment_of_an_action_is_enough_for_a_client(hub: hubs.Hub, ow: Client) -> None:
    """`__OW_API_HOST`, `__OW_API_KEY`, `__OW_NAMESPACE` and `__OW_TRANSACTION_ID`, as the hub sets them for an action."""
    ow(
        "actions.create",
        name="tells",
        action="function main() { return Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith('__OW_'))); }",
        annotations={"provide-api-key": True},
    )
    told = ow("actions.invoke", name="tells", blocking=True, result=True)
    environment = {**told, "__OW_API_HOST": hub.address}
    inside = ow.with_options(apihost=None, api_key=None, environment=environment)

    assert told["__OW_NAMESPACE"] == "guest"
    assert refusal_of(inside, "actions.get", name="missing").error["code"] == told["__OW_TRANSACTION_ID"]


def test_headers_of_a_caller_arrive(ow: Client, http: httpx.Client) -> None:
    """The user agent by its three ways, headers of one call; the key is not shown."""
    seen = headers_of(ow, http, headers={"x-mine": "1"})

    assert seen["user-agent"] == "openwhisk-client-js"
    assert seen["x-mine"] == "1"
    assert seen["content-type"] == "application/json; charset=utf-8"
    assert "Basic" not in seen["authorization"]
    assert headers_of(ow.with_options(environment={"__OW_USER_AGENT": "mine/1"}), http)["user-agent"] == "mine/1"
    assert headers_of(ow, http, **{"User-Agent": "mine/2"})["user-agent"] == "mine/2"


def test_the_id_of_a_request_is_the_code_of_its_error(ow: Client) -> None:
    """`__OW_TRANSACTION_ID` comes back; otherwise each request has an id of its own."""
    given = refusal_of(ow.with_options(environment={"__OW_TRANSACTION_ID": "asked-for"}), "actions.get", "missing")
    codes = {refusal_of(ow, "actions.get", "missing").error["code"] for _ in range(2)}

    assert given.error == {"error": "The requested resource does not exist.", "code": "asked-for"}
    assert len(codes) == 2


def test_a_failing_call_is_sent_again_as_often_as_asked(ow: Client) -> None:
    """`retry` counts failures of the action as well: each attempt is a run on record."""
    ow("actions.create", name="fails", action="function main() { return { error: 'again' }; }")
    once = refusal_of(ow, "actions.invoke", name="fails", blocking=True)
    again = refusal_of(ow.with_options(retry={"retries": 2, "minTimeout": 1}), "actions.invoke", name="fails", blocking=True)

    assert (once.status, again.status) == (502, 502)
    assert again.message.endswith('--> "again"')
    assert ow("activations.list", name="fails", count=True) == {"activations": 4}


def test_a_hub_that_is_not_there_is_an_error_without_status(ow: Client) -> None:
    """With and without retries."""
    away = ow.with_options(apihost="http://127.0.0.1:1")
    for client in (away, away.with_options(retry={"retries": 1, "minTimeout": 1})):
        refused = refusal_of(client, "namespaces.list")
        assert (refused.name, refused.status) == ("OpenWhiskError", None)
        assert refused.message.startswith("Unknown Error From API: ")


def test_connections_are_kept_and_requests_come_through_a_proxy(hub: hubs.Hub, ow: Client) -> None:
    """`agent` with one socket; `proxy`: the hub takes a request in absolute form, as proxies send it."""
    kept = ow.with_options(agent={"$agent": True})

    assert [kept("namespaces.list") for _ in range(3)] == [["guest"]] * 3
    assert ow.with_options(proxy=hub.address)("namespaces.list") == ["guest"]


def test_large_bodies_arrive_whole_and_larger_ones_are_refused(ow: Client) -> None:
    """1 MB of parameters; above it 413, with what was allowed in the text."""
    fits = "x" * 1_000_000
    assert ow("actions.invoke", name="echo", blocking=True, result=True, params={"a": fits}) == {"a": fits}
    refused = refusal_of(ow, "actions.invoke", name="echo", blocking=True, params={"a": "x" * 1_048_577})

    assert refused.status == 413
    assert "1048576" in refused.error["error"]


def test_a_certificate_of_ones_own_is_taken_when_it_is_not_checked(tmp_path: Path) -> None:
    """`ignore_certs`, or `__OW_IGNORE_CERTS`; otherwise the client refuses."""
    certificate, key = self_signed(tmp_path)
    with hubs.running(tmp_path / "data", TLS__CERT=str(certificate), TLS__KEY=str(key)) as hub, openwhisk_js.client(hub) as strict:
        assert hub.address.startswith("https://")
        assert strict.with_options(ignore_certs=True)("namespaces.list") == ["guest"]
        assert strict.with_options(environment={"__OW_IGNORE_CERTS": "true"})("namespaces.list") == ["guest"]
        assert strict.with_options(ignore_certs=True, apihost=hub.address.removeprefix("https://"))("namespaces.list") == ["guest"]
        assert "self-signed certificate" in refusal_of(strict, "namespaces.list").message
