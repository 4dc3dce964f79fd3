"""`/catalog/v1/installs`: plan, install, uninstall (marketplace §3)."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.own import body_of, caller
from hub.api.requests import flag, json_response, services
from hub.wire.catalog import install_to_wire

_FIELDS: dict[str, tuple[type, ...]] = {"package": (str,), "as": (str,), "settings": (dict,), "connections": (dict,)}


async def list_installs(request: Request) -> Response:
    """GET: the caller's."""
    rows = await services(request).installs.listed(caller(request))
    return json_response({"installs": [install_to_wire(row) for row in rows], "meta": {"total": len(rows), "next": None}})


async def get_install(request: Request) -> Response:
    """GET: one."""
    return json_response({"install": install_to_wire(await services(request).installs.get(caller(request), request.path_params["name"]))})


async def install(request: Request) -> Response:
    """POST: with `dry_run` the plan, else the plan carried out."""
    identity = caller(request)
    dry_run = flag(request, "dry_run")
    given = await body_of(request, _FIELDS, ("package",))
    installs = services(request).installs
    chosen = {str(key): str(value) for key, value in given.get("connections", {}).items()}
    plan = await installs.plan(identity, given["package"], name=given.get("as"), settings=given.get("settings"), connections=chosen)
    told = {"plan": [msgspec.to_builtins(step) for step in plan.steps], "warnings": list(plan.warnings), "dry_run": dry_run}
    if dry_run:
        return json_response({"install": install_to_wire(plan.install), **told})
    return json_response({"install": install_to_wire(await installs.apply(identity, plan)), **told}, 201)


async def uninstall(request: Request) -> Response:
    """DELETE: the receipt."""
    receipt = await services(request).installs.uninstall(caller(request), request.path_params["name"])
    return json_response({"receipt": [msgspec.to_builtins(row) for row in receipt]})


routes = [
    Route("/installs", list_installs, methods=["GET"]),
    Route("/installs", install, methods=["POST"]),
    Route("/installs/{name}", get_install, methods=["GET"]),
    Route("/installs/{name}", uninstall, methods=["DELETE"]),
]
