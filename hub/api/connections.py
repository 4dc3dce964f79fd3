"""`/catalog/v1/connections`: make, test, remove; nothing secret ever comes out (marketplace §5)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.own import body_of, caller
from hub.api.requests import flag, json_response, services
from hub.wire.catalog import connection_to_wire

_FIELDS: dict[str, tuple[type, ...]] = {
    "package": (str,),
    "connection": (str,),
    "name": (str,),
    "fields": (dict,),
    "accept_untested": (bool,),
}


async def list_connections(request: Request) -> Response:
    """GET: the caller's."""
    rows = await services(request).connections.listed(caller(request))
    return json_response({"connections": [connection_to_wire(row) for row in rows], "meta": {"total": len(rows), "next": None}})


async def add_connection(request: Request) -> Response:
    """POST: tested, then stored."""
    identity = caller(request)
    given = await body_of(request, _FIELDS, ("package", "name"))
    made = await services(request).connections.add(
        identity,
        given["package"],
        given.get("connection"),
        given["name"],
        given.get("fields", {}),
        accept_untested=given.get("accept_untested", False),
    )
    return json_response({"connection": connection_to_wire(made)}, 201)


async def get_connection(request: Request) -> Response:
    """GET: one, secrets as set."""
    found = await services(request).connections.get(caller(request), request.path_params["name"])
    return json_response({"connection": connection_to_wire(found)})


async def check_connection(request: Request) -> Response:
    """POST: ask the service again."""
    found = await services(request).connections.check(caller(request), request.path_params["name"])
    return json_response({"connection": connection_to_wire(found)})


async def remove_connection(request: Request) -> Response:
    """DELETE: refused while installs use it, unless forced."""
    users = await services(request).connections.remove(caller(request), request.path_params["name"], force=flag(request, "force"))
    return json_response({"removed": request.path_params["name"], "stopped": users})


routes = [
    Route("/connections", list_connections, methods=["GET"]),
    Route("/connections", add_connection, methods=["POST"]),
    Route("/connections/{name}", get_connection, methods=["GET"]),
    Route("/connections/{name}", remove_connection, methods=["DELETE"]),
    Route("/connections/{name}/check", check_connection, methods=["POST"]),
]
