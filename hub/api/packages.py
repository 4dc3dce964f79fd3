"""`/api/v1/namespaces/{ns}/packages` (openwhisk-api §5)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.requests import flag, identity, json_body, json_response, name_of, namespace_of, page_of, services
from hub.services.access import own_entity
from hub.wire.entities import package_from_wire, package_row, package_to_wire, package_with_actions


async def list_packages(request: Request) -> Response:
    """GET: a page of rows, or their count; of a foreign namespace only the public ones."""
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    page = page_of(request, "packages")
    if flag(request, "count"):
        total = await services(request).packages.count(caller, namespace)
        return json_response({"packages": max(total - page.skip, 0)})
    return json_response([package_row(package) for package in await services(request).packages.listed(caller, namespace, page)])


async def get_package(request: Request) -> Response:
    """GET one with its actions and feeds; strangers see the keys of parameters, not their values (design §9 "Secrets")."""
    caller = await identity(request)
    package, parameters, actions = await services(request).packages.get(caller, name_of(request, caller))
    return json_response(package_with_actions(package, actions, parameters=parameters))


async def put_package(request: Request) -> Response:
    """PUT: create a package or a binding, or update it with `overwrite`."""
    caller = await identity(request)
    name = name_of(request, caller)
    own_entity(caller, name)
    overwrite = flag(request, "overwrite")
    put = package_from_wire(await json_body(request))
    return json_response(package_to_wire(await services(request).packages.put(caller, name, put, overwrite=overwrite)))


async def delete_package(request: Request) -> Response:
    """DELETE: answers what was deleted."""
    caller = await identity(request)
    name = name_of(request, caller)
    own_entity(caller, name)
    force = flag(request, "force")
    return json_response(package_to_wire(await services(request).packages.remove(caller, name, force=force)))


_ONE = "/namespaces/{namespace}/packages/{name}"

routes = [
    Route("/namespaces/{namespace}/packages", list_packages, methods=["GET"]),
    Route("/namespaces/{namespace}/packages/", list_packages, methods=["GET"]),
    Route(_ONE, get_package, methods=["GET"]),
    Route(_ONE, put_package, methods=["PUT"]),
    Route(_ONE, delete_package, methods=["DELETE"]),
]
