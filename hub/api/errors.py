"""What a service's errors are in HTTP: one row covers a family (openwhisk-api §1.7; problem+json on our own routes)."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.errors import (
    Conflict,
    Corrupted,
    Malformed,
    NotAllowed,
    NotFound,
    RequestError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedType,
)
from hub.domain.parameters import Json
from hub.telemetry.log import get_logger
from hub.wire.json import encode

log = get_logger(__name__)

STATUS: dict[type[RequestError], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedType: 415,
    Unprocessable: 422,
    Throttled: 429,
    Corrupted: 500,
    Unavailable: 503,
}
OWN_ROUTES = ("/catalog/", "/hub/", "/hooks/")
API = "/api/v1"
NO_ROUTE = "The requested resource could not be found."
INTERNAL = "There was an internal server error."
REALM = 'Basic realm="OpenWhisk secure realm",charset=UTF-8'


def status_of(error: RequestError) -> int:
    """The status of the nearest ancestor in the table."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)


def error_response(
    request: Request, status: int, message: str, *, field: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """The error body of the route's family: `{"error", "code"}` for OpenWhisk's, problem+json for ours."""
    code = request.scope.get("state", {}).get("transaction_id", "")
    body: dict[str, Json]
    if request.scope["path"].startswith(OWN_ROUTES):
        title = HTTPStatus(status).phrase
        body = {"type": "about:blank", "title": title, "status": status, "detail": message, "code": code}
        if field:
            body["field"] = field
        return Response(encode(body), status, headers, "application/problem+json")
    return Response(encode({"error": message, "code": code}), status, headers, "application/json")


async def on_request_error(request: Request, error: Exception) -> Response:
    """A service said what is wrong."""
    if not isinstance(error, RequestError):
        raise error
    status = status_of(error)
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = REALM
    if isinstance(error, Throttled | Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    return error_response(request, status, str(error), field=error.field, headers=headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """The framework found no route, or no method: on `/api/v1` that is the same (openwhisk-api §1.3)."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not request.scope["path"].startswith(API):
        message = f"HTTP method not allowed, supported methods: {headers.get('Allow', '')}"
        return error_response(request, error.status_code, message, headers=headers)
    if error.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return error_response(request, HTTPStatus.NOT_FOUND, NO_ROUTE)
    return error_response(request, error.status_code, error.detail, headers=headers)


async def on_failure(request: Request, error: Exception) -> Response:
    """Our own trouble: the details go to the log, never to the caller."""
    log.error("A request failed", path=request.scope["path"], method=request.method, exc_info=error)
    return error_response(request, 500, INTERNAL)
