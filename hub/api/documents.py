"""The descriptions of the OpenWhisk interface, without credentials (openwhisk-api §1.1)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.requests import json_response
from hub.wire.openwhisk.document import openapi, root
from hub.wire.openwhisk.swagger import swagger_of


async def get_openapi(_request: Request) -> Response:
    """GET: OpenAPI 3.1 of `/api/v1`."""
    return json_response(openapi())


async def get_swagger(_request: Request) -> Response:
    """GET: the same in Swagger 2.0."""
    return json_response(swagger_of(openapi()))


async def get_root_swagger(_request: Request) -> Response:
    """GET: Swagger 2.0 of what is above `/api/v1`."""
    return json_response(swagger_of(root()))


async def to_reference(_request: Request) -> Response:
    """GET: the page is one step below; the query is for the page that upstream has there."""
    return Response(status_code=308, headers={"location": "docs/index.html?url=/api/v1/api-docs"})


version_routes = [
    Route("/api/v1/openapi.json", get_openapi, methods=["GET"]),
    Route("/api/v1/api-docs", get_swagger, methods=["GET"]),
    Route("/api/v1/api-docs/", get_swagger, methods=["GET"]),
    Route("/api/v1/docs", to_reference, methods=["GET"]),
]
routes = [Route("/api-docs", get_root_swagger, methods=["GET"])]
