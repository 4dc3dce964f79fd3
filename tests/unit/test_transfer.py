"""What moving makes of a namespace: settings of feeds, secrets, APIs, the order of sequences."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.domain.names import FullName
from hub.domain.parameters import Parameter, Parameters
from hub.domain.project import ApiRoute, Project, ProjectAction, ProjectApi, ProjectPackage, Variable, own, variables
from hub.domain.secrecy import is_secret
from hub.services.transfer.differing import why_not_run
from hub.services.transfer.feeds import NotCarried, settings_of
from hub.services.transfer.plan import in_order
from hub.services.transfer.secrets import MissingSecrets, secrets_in_code, with_secrets, without_secrets
from hub.wire import apidocs, live
from hub.wire.project import files_of, writable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALARM = {"name": "t", "namespace": "ns", "payload": {"a": 1}, "cron": "0 0 1 0 *", "timezone": "UTC", "strict": False, "startDate": None}
ACTIVE = {"active": True}


def settings(
    package: str, config: dict[str, Any], bound: dict[str, Any] | None = None, status: dict[str, Any] | None = None
) -> dict[str, Any]:
    return settings_of(package, {"config": config, "status": status or ACTIVE}, bound or {}, NOW)


def test_an_alarm_of_openwhisk_keeps_its_months() -> None:
    """It says no dialect; one of a hub does."""
    assert settings("alarms", ALARM) == {
        "cron": "0 0 1 0 *",
        "dialect": "openwhisk",
        "strict": False,
        "timezone": "UTC",
        "trigger_payload": {"a": 1},
    }
    assert settings("alarms", {**ALARM, "dialect": "standard"})["dialect"] == "standard"


@pytest.mark.parametrize(
    ("start", "kept"), [(1, False), ("2025-01-01T00:00:00Z", False), ("2026-01-01T00:00:30Z", False), ("2027-01-01", True)]
)
def test_a_start_that_has_passed_is_no_setting(start: Any, kept: bool) -> None:  # noqa: FBT001 - a row of the table
    """Nor is the one that an interval gave itself."""
    assert ("startDate" in settings("alarms", {"minutes": 5, "startDate": start})) is kept


@pytest.mark.parametrize(
    ("config", "status", "why"),
    [
        ({"date": "2025-01-01"}, ACTIVE, "its date has passed"),
        ({"cron": "* * * * *", "stopDate": 5}, ACTIVE, "its last date has passed"),
        ({"cron": "* * * * *"}, {"active": False, "reason": {"message": "no key"}}, "disabled where it was (no key)"),
        (None, ACTIVE, "cannot be read"),
    ],
)
def test_a_feed_that_cannot_be_made_again_says_why(config: Any, status: Any, why: str) -> None:
    """It has ended, was stopped, or does not tell its settings."""
    with pytest.raises(NotCarried, match=why.replace("(", r"\(").replace(")", r"\)")):
        settings("alarms", config, status=status)


def test_what_a_binding_gives_is_no_setting_of_the_feed() -> None:
    """It comes from there again; a secret that is only told as set is a variable."""
    bound = {"host": "h", "username": {"$connection": "main", "field": "username"}, "token": Variable("", note="sealed")}
    config = {"host": "h", "username": "ada", "token": {"set": True}, "password": {"set": True}, "dbname": "d", "cursor": "7", "name": "t"}

    assert settings("cloudant", config, bound) == {"dbname": "d", "password": Variable("", note="sealed")}


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("password", "x", True),
        ("apiKey", "x", True),
        ("api-key", "x", True),
        ("password", 1234, True),
        ("max_tokens", 100, False),
        ("password", "", False),
        ("password", None, False),
        ("password", True, False),
        ("config", {"db": {"password": "x"}}, True),
        ("credentials", {"user": "ada"}, True),
        ("config", [{"host": "h"}], False),
        ("where", "postgres://ada:pw@db/x", True),
        ("where", "https://db/x?y=z", False),
        ("note", "ghp_" + "a" * 36, True),
        ("region", "eu", False),
    ],
)
def test_a_secret_is_known_by_its_name_or_its_look(name: str, value: Any, secret: bool) -> None:  # noqa: FBT001 - a row of the table
    """Wherever it stands in a value; a number only under a name that says password."""
    assert is_secret(name, value) is secret


def package(**values: Any) -> Project:
    return Project(packages=(ProjectPackage(name=own("p"), parameters=Parameters.of(values)),))


def test_secrets_have_names_of_their_own() -> None:
    """Two that would share one do not; the type of each is kept."""
    hidden = without_secrets(package(**{"a-token": "x", "a.token": "y", "password": 7, "credentials": {"user": "ada"}, "region": "eu"}))

    assert [(found.name, found.type) for found in variables(hidden)] == [
        ("P_A_TOKEN", "string"),
        ("P_A_TOKEN_2", "string"),
        ("P_CREDENTIALS", "json"),
        ("P_PASSWORD", "integer"),
    ]
    filled = with_secrets(hidden, {"P_A_TOKEN": "x", "P_A_TOKEN_2": "y", "P_PASSWORD": "7", "P_CREDENTIALS": '{"user": "ada"}'})
    assert filled.packages[0].parameters.values() == {
        "a-token": "x",
        "a.token": "y",
        "password": 7,
        "credentials": {"user": "ada"},
        "region": "eu",
    }


def test_all_secrets_that_are_missing_are_named() -> None:
    """At once, and nothing of a value."""
    with pytest.raises(MissingSecrets) as caught:
        with_secrets(without_secrets(package(token="x", password="y")), {})

    assert caught.value.names == ["P_PASSWORD", "P_TOKEN"]


def test_a_package_that_a_manifest_cannot_name_is_left() -> None:
    """`Default` is a good name in OpenWhisk."""
    project = Project(
        packages=(ProjectPackage(name=own("Default")), ProjectPackage(name=own("p"))),
        actions=(ProjectAction(name=own("a", "Default"), kind="x"),),
    )
    kept = writable(project)

    assert [package.path for package in kept.packages] == ["p"]
    assert [left.name for left in kept.left] == ["Default", "Default/a"]


def test_connections_are_written_by_name() -> None:
    """What they refer to is not there in another place; the list says which it was."""
    files = files_of(without_secrets(package(user={"$connection": "main", "field": "username"})))

    assert b'user: "$P_USER"' in files["manifest.yaml"]
    assert b"# user of package p, of the connection main\nP_USER=\n" in files[".env.example"]


def test_a_secret_in_code_is_told() -> None:
    """It cannot be taken out."""
    code = 'KEY = "' + "AKIA" + "A" * 16 + '"'
    (told,) = secrets_in_code(Project(actions=(ProjectAction(name=own("a"), kind="python:3", code=code),)))

    assert (told.what, told.name) == ("action", "a")
    assert "an access key of AWS" in told.why


def test_parameters_of_the_package_are_not_the_actions_own() -> None:
    """GET shows both together (openwhisk-api §2.4); what an old action says of its key by silence is said."""
    inherited = Parameters((Parameter(key="host", value="h"), Parameter(key="port", value=1)))
    row = {
        "name": "a",
        "namespace": "ns/p",
        "version": "0.0.1",
        "exec": {"kind": "nodejs:20", "code": "x"},
        "limits": {"timeout": 60000, "memory": 512, "logs": 10, "concurrency": 1},
        "annotations": [{"key": "exec", "value": "nodejs:20"}],
        "parameters": [{"key": "host", "value": "h"}, {"key": "port", "value": 2}, {"key": "own", "value": None}],
    }
    action = live.action_from_live(row, "ns", inherited)

    assert action.parameters.values() == {"own": None, "port": 2}
    assert action.limits == {"memory": 512}
    assert action.annotations.values() == {"provide-api-key": True}


def test_what_upstream_encrypted_is_a_variable() -> None:
    """Its text is of no use anywhere else (openwhisk-api §2.3)."""
    row = {"name": "p", "namespace": "ns", "parameters": [{"key": "x", "value": "Zm9v", "encryption": "aes-256"}]}

    assert isinstance(live.package_from_live(row, "ns").parameters.get("x"), Variable)


def test_a_sequence_comes_after_those_it_is_made_of() -> None:
    """However deep."""
    parts = {"a": ["b", "c"], "b": ["c"], "c": ["x"]}
    actions = [
        ProjectAction(name=own(name), kind="sequence", components=tuple(own(part) for part in found)) for name, found in parts.items()
    ]

    assert [action.path for action in in_order(actions)] == ["c", "b", "a"]


RUNTIMES: dict[str, list[dict[str, Any]]] = {
    "python": [{"kind": "python:3", "image": "whiskhub/x:process"}, {"kind": "python:3.11", "image": "whiskhub/y:process", "default": True}]
}


@pytest.mark.parametrize(
    ("kind", "runs"),
    [("python:3", True), ("python:default", True), ("python:3.9", True), ("python:3.99", False), ("swift:5", False), ("blackbox", False)],
)
def test_kinds_that_do_not_run_are_known_before(kind: str, runs: bool) -> None:  # noqa: FBT001 - a row of the table
    """Older ones of a family run (design §9); a place that tells nothing is tried."""
    assert (why_not_run(kind, RUNTIMES) is None) is runs
    assert why_not_run(kind, {}) is None


def gateway(**operation: Any) -> dict[str, Any]:
    backend = {"url": "https://old.example/api/v1/web/ns/lib/books.http", "namespace": "ns", "package": "lib", "action": "books"}
    return {
        "gwApiUrl": "https://old.example/api/x/club",
        "apidoc": {
            "swagger": "2.0",
            "info": {"title": "Books", "version": "1.0.0"},
            "basePath": "/club",
            "paths": {"/books/{id}": {"get": {"operationId": "getBooksId", "x-openwhisk": backend, "responses": {}, **operation}}},
            "x-ibm-configuration": {"cors": {"enabled": True}, "assembly": {}},
        },
    }


def test_an_api_is_its_routes() -> None:
    """As the gateway has them, as a manifest has them, as createApi wants them."""
    api = apidocs.from_live(gateway(), "ns")
    ((body, response),) = apidocs.to_live(api, "https://new.example", "me", "uuid:key", lambda _: 7)

    assert api == ProjectApi(base_path="/club", name="Books", routes=(ApiRoute("/books/{id}", "get", own("books", "lib"), "http"),))
    assert apidocs.to_manifest(api) == {"Books": {"club": {"books/{id}": {"lib/books": {"method": "GET", "response": "http"}}}}}
    assert response == "http"
    assert (body["gatewayBasePath"], body["gatewayPath"], body["gatewayMethod"]) == ("/club", "/books/{id}", "GET")
    assert body["action"]["backendUrl"] == "https://new.example/api/v1/web/me/lib/books.http"
    assert body["action"]["secureKey"] == 7
    assert [parameter["name"] for parameter in body["pathParameters"]] == ["id"]


def test_an_api_that_says_more_keeps_its_document() -> None:
    """Without the address and the namespace that it was served at."""
    api = apidocs.from_live(gateway(security=[{"key": []}]), "ns")
    ((body, _),) = apidocs.to_live(api, "https://new.example", "me", "uuid:key", lambda _: None)

    assert "old.example" not in str(api.document)
    assert apidocs.to_manifest(api) is None
    assert "https://new.example/api/v1/web/me/lib/books.http" in body["swagger"]
    assert '"namespace":"me"' in body["swagger"]


def test_a_reference_in_ones_own_namespace_is_relative() -> None:
    """Others stay."""
    assert live.relative("/ns/p/a", "ns") == own("a", "p")
    assert live.relative("/whisk.system/utils/echo", "ns") == FullName("whisk.system", "echo", "utils")
    assert [live.feed_name(text, "ns") for text in ("/whisk.system/alarms/alarm", "ns/p/f", "p/f", "f", "", 7)] == [
        FullName("whisk.system", "alarm", "alarms"),
        own("f", "p"),
        own("f", "p"),
        own("f"),
        None,
        None,
    ]
