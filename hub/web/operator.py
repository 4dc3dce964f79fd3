"""The operator's page: how the hub is (reliability §5.1). Its data is `GET /hub/v1/admin/health`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.domain.identity import Identity
from hub.services.directory import Services
from hub.web.pages import page


async def operator(request: Request) -> Response:
    """Isolation, pool, feeds, retention, versions."""
    caller: Identity | None = request.state.identity
    if caller is None:
        return page(request, "sign_in.html", 401, words="")
    if not caller.operator:
        return page(request, "missing.html", 404, words="There is nothing here for you.")
    found: Services = request.app.state.services
    return page(request, "operator.html", health=await found.health.details())


routes = [Route("/operator", operator, methods=["GET"])]
