"""The hub answers as its own description says: Schemathesis draws requests from the published OpenAPI document (openwhisk-api §1.1, §1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies

from hub.wire.openwhisk.document import openapi
from tests.compat.steps import put, put_action, put_rule
from tests.support import hubs
from tests.support.hubs import Hub

THERE = {"actions": "there", "packages": "bag", "triggers": "bell", "rules": "ring"}
OPERATIONS = [(method, path) for method in ("get", "put", "post", "delete") for path, item in openapi()["paths"].items() if method in item]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub in whose namespace something of every kind is there."""
    with hubs.running(tmp_path_factory.mktemp("described") / "data") as found:
        with found.http as http:
            put_action(http, "there", "def main(args):\n    return {'fine': True}\n", kind="python:3")
            put(http, "packages/bag")
            put_action(http, "bag/there", "def main(args):\n    return {'fine': True}\n", kind="python:3")
            put(http, "triggers/bell")
            put_rule(http, "ring", "bell", "there")
            http.post("/api/v1/namespaces/_/actions/there?blocking=true")
        yield found


@pytest.fixture(scope="module")
def described(hub: Hub) -> Any:
    """The document, as the hub serves it."""
    schema = schemathesis.openapi.from_url(f"{hub.address}/api/v1/openapi.json")
    with hub.http as http:
        newest = http.get("/api/v1/namespaces/_/activations?limit=1").json()[0]["activationId"]

    def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
        """Most requests are about something that is there."""
        return _led(context.operation.path, dict(path_parameters or {}), newest)

    def map_body(context: Any, body: Any) -> Any:
        """Kinds and names that were drawn are hardly ever real ones."""
        return _mended(body) if isinstance(body, dict) else body

    schema.hook(map_path_parameters)
    schema.hook(map_body)
    return schema


def _led(path: str, drawn: dict[str, Any], newest: str) -> dict[str, Any]:
    drawn = {name: "_" if name == "namespace" and len(str(value)) != 2 else value for name, value in drawn.items()}
    if sum(len(str(value)) for value in drawn.values()) % 3 == 0:
        return drawn
    collection = path.split("/")[3] if path.count("/") > 2 else ""
    real = {"package": "bag", "name": "there" if "package" in drawn else THERE.get(collection, "x"), "activation_id": newest}
    return {**drawn, **{name: value for name, value in real.items() if name in drawn}}


def _mended(body: dict[str, Any]) -> dict[str, Any]:
    real = {
        "exec": {"kind": "python:3", "code": "def main(args):\n    return {'fine': True}\n"},
        "trigger": "/_/bell",
        "action": "/_/there",
    }
    mended = {name: value for name, value in real.items() if name in body and len(str(body[name])) % 3}
    return {**body, **mended, **({"version": "1.2.3"} if "version" in body else {})}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=strategies.data())
def test_every_answer_is_one_that_the_description_promises(data: Any, hub: Hub, described: Any, method: str, path: str) -> None:
    """No server error, and status, content type and shape are among those that the document names for the route."""
    uuid, _, key = hub.auth.partition(":")
    case = data.draw(described[path][method].as_strategy())
    case.call_and_validate(auth=(uuid, key), checks=CHECKS)
