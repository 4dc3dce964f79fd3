"""`/api/v1/namespaces/{ns}/activations` (openwhisk-api §2.6, §8)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.events import END, EventStream, follows, last_event
from hub.api.query import INTEGER, is_path, malformed_query
from hub.api.requests import flag, identity, json_response, milliseconds, namespace_of, page_of, services
from hub.domain.activation import Activation
from hub.domain.errors import Malformed
from hub.domain.names import check_activation_id
from hub.services.access import own_space
from hub.storage.base import ActivationFilter
from hub.wire.activations import activation_row, activation_to_wire, response_to_wire


def _filter(request: Request) -> ActivationFilter:
    name = request.query_params.get("name") or None
    if name is not None and not is_path(name):
        raise malformed_query("name", f"Parameter may be a 'simple' name or 'package-name/simple' name: {name}")
    return ActivationFilter(path=name, since=milliseconds(request, "since"), upto=milliseconds(request, "upto"))


async def list_activations(request: Request) -> Response:
    """GET: a page of rows, of full records with `docs`, or their count."""
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    own_space(caller, namespace)
    page = page_of(request, "activations")
    where = _filter(request)
    docs = flag(request, "docs")
    if flag(request, "count"):
        if docs:
            raise Malformed("The parameter 'docs' is not permitted with 'count'.")
        total = await services(request).activations.count(caller, namespace, where)
        return json_response({"activations": max(total - page.skip, 0)})
    rows = await services(request).activations.listed(caller, namespace, where, page, logs=docs)
    return json_response([activation_to_wire(row) if docs else activation_row(row) for row in rows])


async def _found(request: Request) -> Activation:
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    return await services(request).activations.get(caller, namespace, check_activation_id(request.path_params["activation_id"]))


async def get_activation(request: Request) -> Response:
    """GET one record."""
    return json_response(activation_to_wire(await _found(request)))


async def get_result(request: Request) -> Response:
    """GET the response of one."""
    return json_response(response_to_wire((await _found(request)).response))


async def get_logs(request: Request) -> Response:
    """GET the logs of one; with `follow`, as events while they are written."""
    if follows(request):
        return await _followed(request)
    return json_response({"logs": list((await _found(request)).logs)})


async def _followed(request: Request) -> Response:
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    activation_id = check_activation_id(request.path_params["activation_id"])
    mark = last_event(request)
    if mark == END:
        await services(request).activations.get(caller, namespace, activation_id)
        return Response(status_code=204)
    seen = int(mark) if INTEGER.match(mark) else 0
    return EventStream(await services(request).tails.follow(caller, namespace, activation_id, max(seen, 0)))


_ALL = "/namespaces/{namespace}/activations"

routes = [
    Route(_ALL, list_activations, methods=["GET"]),
    Route(f"{_ALL}/", list_activations, methods=["GET"]),
    Route(f"{_ALL}/{{activation_id}}", get_activation, methods=["GET"]),
    Route(f"{_ALL}/{{activation_id}}/", get_activation, methods=["GET"]),
    Route(f"{_ALL}/{{activation_id}}/result", get_result, methods=["GET"]),
    Route(f"{_ALL}/{{activation_id}}/logs", get_logs, methods=["GET"]),
]
