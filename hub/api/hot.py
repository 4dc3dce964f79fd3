"""The two calls that carry the load, invoking and firing: the same answers as any route, without what a framework adds.

`hub.api.edge` and `hub.api.express` hand a request here when its path is one of the two; everything else goes through the ordinary routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from hub.api import bodies
from hub.api.query import flag, wait_within
from hub.domain.activation import Activation, Status
from hub.domain.errors import RequestError
from hub.domain.identity import Identity
from hub.domain.names import OWN_NAMESPACE, FullName, check_entity_name, check_namespace
from hub.domain.parameters import Json
from hub.services.access import own_entity
from hub.services.invoke import Invocation, Pending, Running
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


Read = Callable[[int, str], Awaitable[bytes]]
"""Reads the whole body, given the most bytes it may have and what it is declared to have."""


class Question(msgspec.Struct, frozen=True):
    """One call as it came in. `transaction_id` is the request's id."""

    target: Target
    query: bytes
    headers: list[tuple[bytes, bytes]]
    transaction_id: str


class Answer(msgspec.Struct, frozen=True):
    """What is said to it; `activation_id` is empty where nothing ran."""

    status: int
    body: bytes = b""
    activation_id: str = ""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As they are sent, without those that every answer carries."""
        if not self.body:
            return []
        return [
            (b"content-type", _JSON),
            (b"content-length", str(len(self.body)).encode()),
            (b"x-openwhisk-activation-id", self.activation_id.encode()),
        ]


async def answer(services: Services, question: Question, read: Read) -> Answer:
    """Answer one call, in the order of openwhisk-api §1.4. Raises RequestError for what is wrong with it."""
    target = question.target
    headers: dict[bytes, bytes] = dict(question.headers)
    caller = await services.identities.authenticate(_text(headers, b"authorization"), trigger=target.name if target.fire else None)
    name = _name(target, caller.namespace)
    largest = caller.limits.max_payload_size or services.settings.limits.payload
    if target.fire:
        services.throttles.admit_fire(caller)
        own_entity(caller, name)
        return await _fire(services, caller, name, await _body(headers, read, largest), question)
    services.throttles.admit_invocation(caller)
    if services.actions.peek(caller, name) is None:
        await services.actions.admit(caller, name)
    return await _invoke(services, caller, name, await _body(headers, read, largest), question)


class Begun(msgspec.Struct, frozen=True):
    """A blocking call under way, and what its caller wants to see of it."""

    running: Running
    result_only: bool
    wait: float


def begin(services: Services, question: Question, body: bytes) -> Begun | None:
    """As `answer` for a blocking call, at once: None, and nothing has happened, when anything has to be looked up or committed first.

    Raises RequestError.
    """
    target = question.target
    headers: dict[bytes, bytes] = dict(question.headers)
    caller = services.identities.peek(_text(headers, b"authorization") or "")
    if caller is None or target.fire:
        return None
    try:
        wishes = wishes_of(question.query, services.settings.invoke.blocking_wait)
    except RequestError:
        return None  # what is wrong comes first is for `answer` to say
    if wishes.wait is None:
        return None
    name = _name(target, caller.namespace)
    resolved = services.actions.peek(caller, name)
    if resolved is None or resolved.action.exec.kind == "sequence":
        return None
    services.throttles.admit_invocation(caller)
    bodies.check_size(len(body), caller.limits.max_payload_size or services.settings.limits.payload)
    _check_json(headers, body)
    invocation = Invocation(caller=caller, name=name, payload=decode_object(body), transaction_id=question.transaction_id, wait=wishes.wait)
    return Begun(services.invoke.begin(invocation, resolved), wishes.result, wishes.wait.total_seconds())


def ended(begun: Begun, activation: Activation) -> Answer:
    """What is said when it ended in time."""
    shown = _shown(activation, result_only=begun.result_only)
    return Answer(_STATUS[activation.response.status], encode(shown), activation.activation_id)


async def overdue(services: Services, begun: Begun) -> Answer:
    """What is said when it did not. Raises RequestError when it cannot be accepted."""
    pending = await services.invoke.overdue(begun.running)
    return _accepted(pending.activation_id)


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    found = headers.get(name)
    return None if found is None else found.decode("latin-1")


async def _body(headers: dict[bytes, bytes], read: Read, largest: int) -> bytes:
    body = await read(largest, headers.get(b"content-length", b"").decode("latin-1"))
    _check_json(headers, body)
    return body


def _check_json(headers: dict[bytes, bytes], body: bytes) -> None:
    if headers.get(b"content-type") != _JSON or b"content-encoding" in headers:
        bodies.check_json(body, _text(headers, b"content-type"), _text(headers, b"content-encoding"))


async def _invoke(services: Services, caller: Identity, name: FullName, body: bytes, question: Question) -> Answer:
    wishes = wishes_of(question.query, services.settings.invoke.blocking_wait)
    ended = await services.invoke.invoke(
        Invocation(caller=caller, name=name, payload=decode_object(body), transaction_id=question.transaction_id, wait=wishes.wait)
    )
    if isinstance(ended, Pending):
        return _accepted(ended.activation_id)
    shown = _shown(ended, result_only=wishes.result)
    return Answer(_STATUS[ended.response.status], encode(shown), ended.activation_id)


def _shown(ended: Activation, *, result_only: bool) -> Json:
    """The record, or only its result; a list is always bare (openwhisk-api §3.1)."""
    result = ended.response.result
    if result_only or isinstance(result, list):
        return result
    return activation_to_wire(ended, logs=ended.annotations.get("kind") == "sequence")


async def _fire(services: Services, caller: Identity, name: FullName, body: bytes, question: Question) -> Answer:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in question.headers}
    fired = await services.triggers.fire(caller, name, decode_object(body), headers, question.transaction_id)
    return Answer(204) if fired is None else _accepted(fired)


def _accepted(activation_id: str) -> Answer:
    return Answer(202, encode({"activationId": activation_id}), activation_id)
