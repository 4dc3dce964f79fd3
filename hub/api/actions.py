"""`/api/v1/namespaces/{ns}/actions`, less the invocation itself, which is in `hot` (openwhisk-api §1.3)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.requests import flag, identity, json_body, json_response, name_of, namespace_of, page_of, services
from hub.domain.action import SequenceExec
from hub.domain.build import BuildState
from hub.domain.names import FullName, check_entity_name
from hub.domain.parameters import Json
from hub.wire.entities import action_from_wire, action_row, action_to_wire


async def list_actions(request: Request) -> Response:
    """GET: a page of rows, or their count."""
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    package = request.path_params.get("package")
    if package is not None:
        check_entity_name(package)
    await services(request).actions.admit_list(caller, namespace, package)
    page = page_of(request, "actions")
    if flag(request, "count"):
        total = await services(request).actions.count(caller, namespace, package)
        return json_response({"actions": max(total - page.skip, 0)})
    rows = await services(request).actions.listed(caller, namespace, package, page)
    return json_response([action_row(action) for action in rows])


async def get_action(request: Request) -> Response:
    """GET one, with its effective parameters."""
    caller = await identity(request)
    name = name_of(request, caller)
    await services(request).actions.admit(caller, name)
    code = flag(request, "code", default=True)
    found = await services(request).actions.get(caller, name, code=code)
    row = action_to_wire(found.action, code=code, parameters=found.shown_to(caller))
    if isinstance(found.action.exec, SequenceExec):
        row["parameters"].sort(key=lambda item: item["key"] != "_actions")
    if found.binding is not None and not code:
        row["binding"] = str(found.binding)
    return json_response(_told(request, found.action.name, row))


async def put_action(request: Request) -> Response:
    """PUT: create, or update with `overwrite`."""
    caller = await identity(request)
    name = name_of(request, caller)
    await services(request).actions.admit_write(caller, name)
    overwrite = flag(request, "overwrite")
    put = action_from_wire(await json_body(request))
    action = await services(request).actions.put(caller, name, put, overwrite=overwrite)
    return json_response(_told(request, name, action_to_wire(action)))


def _told(request: Request, name: FullName, row: dict[str, Json]) -> dict[str, Json]:
    """With a word of the build that the action waits for, or that failed; the annotations are those of this answer alone."""
    build = services(request).builds.unfinished(name)
    if build is not None:
        state = "failed" if build.state is BuildState.FAILED else "pending"
        row["annotations"] = [*row["annotations"], {"key": "build", "value": state}, {"key": "buildId", "value": build.id}]
    return row


async def delete_action(request: Request) -> Response:
    """DELETE: answers what was deleted."""
    caller = await identity(request)
    return json_response(action_to_wire(await services(request).actions.remove(caller, name_of(request, caller))))


_ONE = "/namespaces/{namespace}/actions/{name}"
_PACKAGED = "/namespaces/{namespace}/actions/{package}/{name}"

routes = [
    Route("/namespaces/{namespace}/actions", list_actions, methods=["GET"]),
    Route("/namespaces/{namespace}/actions/", list_actions, methods=["GET"]),
    Route("/namespaces/{namespace}/actions/{package}/", list_actions, methods=["GET"]),
    *(
        Route(path, handler, methods=[method])
        for path in (_ONE, _PACKAGED)
        for method, handler in (("GET", get_action), ("PUT", put_action), ("DELETE", delete_action))
    ),
]
