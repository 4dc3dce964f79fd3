"""`/hub/v1/builds`: how far the dependencies of actions are built (design §9 "Cells")."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.openapi import own_document
from hub.api.own import caller, limit_of
from hub.api.requests import json_response, services
from hub.wire.builds import build_row, build_to_wire


async def list_builds(request: Request) -> Response:
    """GET: those of the caller's namespace, the latest first."""
    identity = caller(request)
    limit = limit_of(request)
    found = services(request).builds.listed(identity)
    rows = [build_row(build, identity.namespace) for build in found[:limit]]
    return json_response({"builds": rows, "meta": {"total": len(found), "next": None}})


async def get_build(request: Request) -> Response:
    """GET one: its state, its steps and the end of its log."""
    identity = caller(request)
    build = services(request).builds.get(identity, request.path_params["id"])
    return json_response({"build": build_to_wire(build, identity.namespace)})


async def openapi(_request: Request) -> Response:
    """GET: this interface, described."""
    return json_response(own_document())


routes = [
    Route("/openapi.json", openapi, methods=["GET"]),
    Route("/builds", list_builds, methods=["GET"]),
    Route("/builds/{id}", get_build, methods=["GET"]),
]
