"""`/api/v1/namespaces/{ns}/triggers`, less the fire itself, which is in `hot` (openwhisk-api §4.1)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.requests import flag, identity, json_body, json_response, name_of, namespace_of, page_of, services
from hub.services.access import own_entity, own_space
from hub.wire.entities import trigger_from_wire, trigger_row, trigger_to_wire


async def list_triggers(request: Request) -> Response:
    """GET: a page of rows, or their count."""
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    own_space(caller, namespace)
    page = page_of(request, "triggers")
    if flag(request, "count"):
        total = await services(request).triggers.count(caller, namespace)
        return json_response({"triggers": max(total - page.skip, 0)})
    return json_response([trigger_row(trigger) for trigger in await services(request).triggers.listed(caller, namespace, page)])


async def get_trigger(request: Request) -> Response:
    """GET one with its rules; a key that was made for its feed may do this, too."""
    caller = await identity(request, trigger=request.path_params["name"])
    return json_response(trigger_to_wire(await services(request).triggers.get(caller, name_of(request, caller))))


async def put_trigger(request: Request) -> Response:
    """PUT: create, or update with `overwrite`."""
    caller = await identity(request)
    name = name_of(request, caller)
    own_entity(caller, name)
    overwrite = flag(request, "overwrite")
    put = trigger_from_wire(await json_body(request))
    return json_response(trigger_to_wire(await services(request).triggers.put(caller, name, put, overwrite=overwrite)))


async def delete_trigger(request: Request) -> Response:
    """DELETE: answers what was deleted."""
    caller = await identity(request)
    return json_response(trigger_to_wire(await services(request).triggers.remove(caller, name_of(request, caller))))


_ONE = "/namespaces/{namespace}/triggers/{name}"

routes = [
    Route("/namespaces/{namespace}/triggers", list_triggers, methods=["GET"]),
    Route("/namespaces/{namespace}/triggers/", list_triggers, methods=["GET"]),
    Route(_ONE, get_trigger, methods=["GET"]),
    Route(_ONE, put_trigger, methods=["PUT"]),
    Route(_ONE, delete_trigger, methods=["DELETE"]),
]
