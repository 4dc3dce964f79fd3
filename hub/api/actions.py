"""`/api/v1/namespaces/{ns}/actions` (openwhisk-api §1.3, §3.1)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.requests import (
    flag,
    identity,
    json_body,
    json_response,
    name_of,
    namespace_of,
    page_of,
    payload_body,
    services,
    transaction_id,
    wait_of,
)
from hub.domain.action import SequenceExec
from hub.domain.activation import Activation, Status
from hub.domain.names import check_entity_name
from hub.domain.parameters import Json
from hub.services.invoke import Invocation, Pending
from hub.wire.activations import activation_to_wire
from hub.wire.entities import action_from_wire, action_row, action_to_wire

_STATUS = {Status.SUCCESS: 200, Status.APPLICATION_ERROR: 502, Status.DEVELOPER_ERROR: 502, Status.WHISK_ERROR: 500}


async def list_actions(request: Request) -> Response:
    """GET: a page of rows, or their count."""
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    package = request.path_params.get("package")
    page = page_of(request, "actions")
    if package is not None:
        check_entity_name(package)
    if flag(request, "count"):
        total = await services(request).actions.count(caller, namespace, package)
        return json_response({"actions": max(total - page.skip, 0)})
    rows = await services(request).actions.list(caller, namespace, package, page)
    return json_response([action_row(action) for action in rows])


async def get_action(request: Request) -> Response:
    """GET one, with its effective parameters."""
    caller = await identity(request)
    name = name_of(request, caller)
    code = flag(request, "code", default=True)
    found = await services(request).actions.get(caller, name, code=code)
    row = action_to_wire(found.action, code=code, parameters=found.parameters)
    if isinstance(found.action.exec, SequenceExec):
        row["parameters"].sort(key=lambda item: item["key"] != "_actions")
    if found.binding is not None and not code:
        row["binding"] = str(found.binding)
    return json_response(row)


async def put_action(request: Request) -> Response:
    """PUT: create, or update with `overwrite`."""
    caller = await identity(request)
    name = name_of(request, caller)
    overwrite = flag(request, "overwrite")
    put = action_from_wire(await json_body(request))
    action = await services(request).actions.put(caller, name, put, overwrite=overwrite)
    return json_response(action_to_wire(action))


async def delete_action(request: Request) -> Response:
    """DELETE: answers what was deleted."""
    caller = await identity(request)
    return json_response(action_to_wire(await services(request).actions.remove(caller, name_of(request, caller))))


async def invoke_action(request: Request) -> Response:
    """POST: invoke."""
    caller = await identity(request)
    name = name_of(request, caller)
    payload = await payload_body(request)
    blocking = flag(request, "blocking")
    result_only = flag(request, "result")
    longest = services(request).settings.invoke.blocking_wait
    wait = wait_of(request, longest) if blocking else None
    invocation = Invocation(caller=caller, name=name, payload=payload, transaction_id=transaction_id(request), wait=wait)
    ended = await services(request).invoke.invoke(invocation)
    headers = {"x-openwhisk-activation-id": ended.activation_id}
    if isinstance(ended, Pending):
        return json_response({"activationId": ended.activation_id}, 202, headers)
    return json_response(_answer(ended, result_only=result_only), _STATUS[ended.response.status], headers)


def _answer(ended: Activation, *, result_only: bool) -> Json:
    result = ended.response.result
    if result_only or isinstance(result, list):
        return result
    return activation_to_wire(ended, logs=ended.annotations.get("kind") == "sequence")


_ONE = "/namespaces/{namespace}/actions/{name}"
_PACKAGED = "/namespaces/{namespace}/actions/{package}/{name}"

routes = [
    Route(_ONE, invoke_action, methods=["POST"]),
    Route(_PACKAGED, invoke_action, methods=["POST"]),
    Route("/namespaces/{namespace}/actions", list_actions, methods=["GET"]),
    Route("/namespaces/{namespace}/actions/", list_actions, methods=["GET"]),
    Route("/namespaces/{namespace}/actions/{package}/", list_actions, methods=["GET"]),
    *(
        Route(path, handler, methods=[method])
        for path in (_ONE, _PACKAGED)
        for method, handler in (("GET", get_action), ("PUT", put_action), ("DELETE", delete_action))
    ),
]
