"""Reading requests: who calls, what they sent, which page they want (openwhisk-api §1.5, §8.1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from hub.api import bodies, query
from hub.domain.identity import Identity
from hub.domain.names import OWN_NAMESPACE, FullName, check_entity_name, check_namespace
from hub.domain.parameters import Json
from hub.storage.base import Page
from hub.wire.json import decode, encode

if TYPE_CHECKING:
    from hub.services.directory import Services

LARGEST_BODY = 52_428_800
LARGE_BODY = 1_048_576
LARGEST_PAGE = 200


def services(request: Request) -> Services:
    """The services of this hub."""
    found: Services = request.app.state.services
    return found


async def identity(request: Request, *, trigger: str | None = None) -> Identity:
    """The caller; a restricted key is good for reading the named trigger only. Raises Unauthenticated or NotAllowed."""
    return await services(request).identities.authenticate(request.headers.get("authorization"), trigger=trigger)


def transaction_id(request: Request) -> str:
    """The id of this request, equal to `code` in error bodies."""
    found: str = request.scope["state"]["transaction_id"]
    return found


def namespace_of(request: Request, caller: Identity) -> str:
    """The namespace in the path; `_` is the caller's."""
    text: str = request.path_params["namespace"]
    return caller.namespace if text == OWN_NAMESPACE else check_namespace(text)


def name_of(request: Request, caller: Identity) -> FullName:
    """The entity in the path."""
    namespace = namespace_of(request, caller)
    package = request.path_params.get("package")
    if package:
        check_entity_name(package)
    return FullName(namespace, check_entity_name(request.path_params["name"]), package)


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A boolean of the query. Raises Malformed for other text."""
    return query.flag(request.query_params, name, default=default)


def page_of(request: Request, collection: str) -> Page:
    """`limit` 0 to 200 (0 means 200, default 30) and `skip` (openwhisk-api §8.1)."""
    limit = _integer(request, "limit", collection, 30)
    if not 0 <= limit <= LARGEST_PAGE:
        raise query.malformed_query("limit", f"The value '{limit}' is not in the range of 0 to {LARGEST_PAGE} for {collection}.")
    skip = _integer(request, "skip", collection, 0)
    if skip < 0:
        raise query.malformed_query("skip", f"The value '{skip}' is not greater than or equal to 0 for {collection}.")
    return Page(limit=limit or LARGEST_PAGE, skip=skip)


def _integer(request: Request, name: str, collection: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not query.INTEGER.match(text):
        raise query.malformed_query(name, f"The value '{text}' is not an integer for {collection}.")
    return int(text)


def milliseconds(request: Request, name: str) -> int | None:
    """`since` and `upto` (openwhisk-api §8.1)."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not query.INTEGER.match(text):
        raise query.malformed_query(name, f"Parameter is not a valid value for epoch seconds: {text}")
    return int(text)


async def read_body(request: Request, largest: int) -> bytes:
    """The body, no larger than `largest` bytes. Raises TooLarge, and Malformed for one that was cut off."""
    return await bodies.read(request.receive, request.headers.get("content-length", ""), largest)


async def json_body(request: Request) -> Json:
    """The body of a PUT: any JSON value. A large one is read in a thread: other requests go on meanwhile."""
    body = await read_body(request, LARGEST_BODY)
    bodies.check_json(body, request.headers.get("content-type"), request.headers.get("content-encoding"))
    return decode(body) if len(body) <= LARGE_BODY else await asyncio.to_thread(decode, body)


def json_response(value: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Compact JSON with exactly `application/json` (openwhisk-api §1.6)."""
    return Response(encode(value), status, headers, "application/json")
