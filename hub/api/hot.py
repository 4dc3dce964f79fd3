"""The two calls that carry the load, invoking and firing, as plain ASGI: the same answers as any route, without what a framework adds.

`hub.api.edge` hands a request here when its path is one of the two; everything else goes through the ordinary routes.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from hub.api import bodies
from hub.api.query import flag, wait_within
from hub.domain.activation import Activation, Status
from hub.domain.identity import Identity
from hub.domain.names import OWN_NAMESPACE, FullName, check_entity_name, check_namespace
from hub.domain.parameters import Json
from hub.services.access import own_entity
from hub.services.invoke import Invocation, Pending
from hub.wire.activations import activation_to_wire
from hub.wire.json import decode_object, encode

if TYPE_CHECKING:
    from hub.services.directory import Services

PREFIX = "/api/v1/namespaces/"
ROUTES = (
    ("POST", "/namespaces/{namespace}/actions/{name}"),
    ("POST", "/namespaces/{namespace}/actions/{package}/{name}"),
    ("POST", "/namespaces/{namespace}/triggers/{name}"),
)
"""What is answered here, as other modules say it with Route."""
_STATUS = {Status.SUCCESS: 200, Status.APPLICATION_ERROR: 502, Status.DEVELOPER_ERROR: 502, Status.WHISK_ERROR: 500}
_JSON = b"application/json"
_SIMPLE, _PACKAGED = 3, 4


class Target(msgspec.Struct, frozen=True):
    """What a path names: `namespace` may be `_`."""

    fire: bool
    namespace: str
    package: str | None
    name: str


class Wishes(msgspec.Struct, frozen=True):
    """What the query of an invocation asks for."""

    result: bool
    wait: timedelta | None


@lru_cache(maxsize=8192)
def target_of(path: str) -> Target | None:
    """The action or trigger in a path of ours, or None for any other path."""
    if not path.startswith(PREFIX):
        return None
    parts = path[len(PREFIX) :].split("/")
    if not all(parts):
        return None
    if len(parts) == _SIMPLE and parts[1] in {"actions", "triggers"}:
        return Target(parts[1] == "triggers", parts[0], None, parts[2])
    if len(parts) == _PACKAGED and parts[1] == "actions":
        return Target(fire=False, namespace=parts[0], package=parts[2], name=parts[3])
    return None


@lru_cache(maxsize=1024)
def wishes_of(query: bytes, longest: timedelta) -> Wishes:
    """Read `blocking`, `result` and `timeout`. Raises Malformed."""
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    wait = wait_within(given.get("timeout"), longest) if flag(given, "blocking") else None
    return Wishes(flag(given, "result"), wait)


@lru_cache(maxsize=8192)
def _name(target: Target, own: str) -> FullName:
    namespace = own if target.namespace == OWN_NAMESPACE else check_namespace(target.namespace)
    package = check_entity_name(target.package) if target.package else None
    return FullName(namespace, check_entity_name(target.name), package)


async def serve(services: Services, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one call, in the order of openwhisk-api §1.4. Raises RequestError for what is wrong with it."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    caller = await services.identities.authenticate(_text(headers, b"authorization"), trigger=target.name if target.fire else None)
    name = _name(target, caller.namespace)
    largest = caller.limits.max_payload_size or services.settings.limits.payload
    if target.fire:
        services.throttles.admit_fire(caller)
        own_entity(caller, name)
        await _fire(services, caller, name, await _body(headers, receive, largest), scope, send)
    else:
        services.throttles.admit_invocation(caller)
        if services.actions.peek(caller, name) is None:
            await services.actions.admit(caller, name)
        await _invoke(services, caller, name, await _body(headers, receive, largest), scope, send)


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    found = headers.get(name)
    return None if found is None else found.decode("latin-1")


async def _body(headers: dict[bytes, bytes], receive: Receive, largest: int) -> bytes:
    body = await bodies.read(receive, headers.get(b"content-length", b"").decode("latin-1"), largest)
    if headers.get(b"content-type") != _JSON or b"content-encoding" in headers:
        bodies.check_json(body, _text(headers, b"content-type"), _text(headers, b"content-encoding"))
    return body


async def _invoke(services: Services, caller: Identity, name: FullName, body: bytes, scope: Scope, send: Send) -> None:
    wishes = wishes_of(scope["query_string"], services.settings.invoke.blocking_wait)
    transaction_id: str = scope["state"]["transaction_id"]
    ended = await services.invoke.invoke(
        Invocation(caller=caller, name=name, payload=decode_object(body), transaction_id=transaction_id, wait=wishes.wait)
    )
    if isinstance(ended, Pending):
        await _answer(send, 202, {"activationId": ended.activation_id}, ended.activation_id)
    else:
        await _answer(send, _STATUS[ended.response.status], _shown(ended, result_only=wishes.result), ended.activation_id)


def _shown(ended: Activation, *, result_only: bool) -> Json:
    """The record, or only its result; a list is always bare (openwhisk-api §3.1)."""
    result = ended.response.result
    if result_only or isinstance(result, list):
        return result
    return activation_to_wire(ended, logs=ended.annotations.get("kind") == "sequence")


async def _fire(services: Services, caller: Identity, name: FullName, body: bytes, scope: Scope, send: Send) -> None:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    fired = await services.triggers.fire(caller, name, decode_object(body), headers, scope["state"]["transaction_id"])
    if fired is None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    else:
        await _answer(send, 202, {"activationId": fired}, fired)


async def _answer(send: Send, status: int, value: Json, activation_id: str) -> None:
    body = encode(value)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-openwhisk-activation-id", activation_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
