"""Where logs go, as Adobe's `aio` asks before it shows any: they stay here (openwhisk-api §11.3)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.requests import identity, json_body, json_response, namespace_of
from hub.domain.errors import Malformed
from hub.domain.parameters import Json
from hub.services.access import own_space

HERE: dict[str, Json] = {"adobe_io_runtime": {}}


async def get_destination(request: Request) -> Response:
    """GET: the records of activations hold the logs."""
    await _own(request)
    return json_response(HERE)


async def put_destination(request: Request) -> Response:
    """PUT: no other place than the records is known."""
    await _own(request)
    wanted = await json_body(request)
    if not isinstance(wanted, dict) or wanted.keys() != HERE.keys():
        raise Malformed("Logs are kept with their activations here; only the destination adobe_io_runtime can be chosen.")
    return json_response(HERE)


async def get_errors(request: Request) -> Response:
    """GET: nothing is forwarded, so nothing fails."""
    await _own(request)
    return json_response({"configured_forwarder": "adobe_io_runtime", "errors": []})


async def _own(request: Request) -> None:
    caller = await identity(request)
    own_space(caller, namespace_of(request, caller))


_ONE = "/runtime/namespaces/{namespace}/logForwarding"

routes = [
    Route(_ONE, get_destination, methods=["GET"]),
    Route(_ONE, put_destination, methods=["PUT"]),
    Route(f"{_ONE}/errors", get_errors, methods=["GET"]),
]
