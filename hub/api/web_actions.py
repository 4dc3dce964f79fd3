"""`/api/v1/web/{ns}/{package or default}/{action}[.extension][/rest]` as plain ASGI (openwhisk-api §7.1).

`hub.api.edge` hands a request here when its path names an action. Credentials are optional; those that are not valid are no credentials.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from hub.api.errors import INTERNAL, status_of
from hub.api.requests import read_body
from hub.domain.errors import Malformed, NotAllowed, RequestError, Throttled, Unauthenticated, Unavailable
from hub.domain.identity import Identity
from hub.domain.names import FullName, check_entity_name
from hub.domain.web import WebRequest, WebResponse
from hub.telemetry.log import get_logger
from hub.wire.web_cors import Headers, cors_headers
from hub.wire.web_projection import EXTENSIONS
from hub.wire.web_refusal import refused

if TYPE_CHECKING:
    from hub.services.directory import Services

log = get_logger(__name__)

PREFIX = b"/api/v1/web/"
METHODS = frozenset({"GET", "DELETE", "POST", "PUT", "HEAD", "OPTIONS", "PATCH"})
NATIVE = frozenset({("whisk.system", "apimgmt")})
"""Packages that upstream has as web actions and the hub as routes of its own (openwhisk-api §16)."""
_DEFAULT_PACKAGE = "default"
_LONGEST_SEGMENT = 1024
_WITHOUT_LENGTH = frozenset({204, 304})


class WebTarget(msgspec.Struct, frozen=True):
    """What a path names; `path` is what follows the action, as it was sent."""

    name: FullName
    extension: str
    path: str


def web_target_of(raw: bytes) -> WebTarget | None:
    """The action in a path whose dot segments are resolved, or None for any other path."""
    if not raw.startswith(PREFIX):
        return None
    segments = raw[len(PREFIX) :].split(b"/", 3)
    if len(segments) < 3 or max(map(len, segments[:3])) > _LONGEST_SEGMENT:  # noqa: PLR2004 - namespace, package, action
        return None
    found = _named(*segments[:3])
    if found is None:
        return None
    rest = "/" + segments[3].decode("latin-1") if len(segments) > 3 else ""  # noqa: PLR2004 - and the rest
    return WebTarget(found[0], found[1], rest)


@lru_cache(maxsize=4096)
def _named(*raw: bytes) -> tuple[FullName, str] | None:
    """The action and the extension that three segments stand for; None where one is no name."""
    try:
        namespace, package, last = (unquote_to_bytes(segment).decode() for segment in raw)
        base, dot, extension = last.rpartition(".")
        name, extension = (base, extension) if dot and extension in EXTENSIONS else (last, "http")
        if (namespace, package) in NATIVE:
            return None
        within = None if package == _DEFAULT_PACKAGE else check_entity_name(package)
        return FullName(check_entity_name(namespace), check_entity_name(name), within), extension
    except (UnicodeDecodeError, Malformed):
        return None


async def serve(services: Services, target: WebTarget, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one call, whatever becomes of it."""
    headers = headers_of(scope)
    await respond(_called(services, target, headers, scope, receive), cors_headers(headers), scope, send)


def headers_of(scope: Scope) -> Headers:
    """The headers of the request as text."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])


async def respond(call: Awaitable[WebResponse], ours: Headers, scope: Scope, send: Send) -> None:
    """Send what the call answers; what goes wrong is told with `ours` among the headers."""
    transaction_id: str = scope["state"]["transaction_id"]
    try:
        response = await call
    except ClientDisconnect:
        return
    except RequestError as error:
        response = refusal(error, transaction_id, ours)
    except Exception:  # our own trouble goes to the log, and never to the caller
        log.exception("A web action could not be called", path=scope["path"])
        response = refused(500, INTERNAL, transaction_id, ours)
    await answer(response, transaction_id, send, body=scope["method"] != "HEAD")


def refusal(error: RequestError, transaction_id: str, ours: Headers) -> WebResponse:
    """What a service's error is over the web."""
    return refused(status_of(error), str(error), transaction_id, (*ours, *_wait(error)))


async def _called(services: Services, target: WebTarget, headers: Headers, scope: Scope, receive: Receive) -> WebResponse:
    largest = await services.web_actions.largest_body(target.name.namespace)
    request = WebRequest(
        method=scope["method"],
        name=target.name,
        transaction_id=scope["state"]["transaction_id"],
        extension=target.extension,
        path=target.path,
        query=scope["query_string"].decode(errors="replace"),
        headers=headers,
        body=await read_body(Request(scope, receive), largest),
        caller=await _caller(services, headers),
    )
    return await services.web_actions.call(request)


async def _caller(services: Services, headers: Headers) -> Identity | None:
    authorization = next((value for name, value in headers if name == "authorization"), None)
    if authorization is None:
        return None
    try:
        return await services.identities.authenticate(authorization)
    except (Unauthenticated, NotAllowed):
        return None


def _wait(error: RequestError) -> tuple[tuple[str, str], ...]:
    return (("retry-after", str(error.retry_after)),) if isinstance(error, Throttled | Unavailable) else ()


async def answer(response: WebResponse, transaction_id: str, send: Send, *, body: bool = True) -> None:
    """Send it, with the ids of the request and of the run; the caller of HEAD gets everything but the body."""
    headers = [(name.lower().encode("latin-1"), _on_the_line(value)) for name, value in response.headers]
    if response.status not in _WITHOUT_LENGTH:
        headers.append((b"content-length", str(len(response.body)).encode()))
    headers.append((b"x-request-id", transaction_id.encode("latin-1")))
    if response.activation_id is not None:
        headers.append((b"x-openwhisk-activation-id", response.activation_id.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body if body else b""})


def _on_the_line(value: str) -> bytes:
    """Headers are Latin-1; what does not fit goes as UTF-8, which is what browsers try next."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()
