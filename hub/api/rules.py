"""`/api/v1/namespaces/{ns}/rules` (openwhisk-api §4.3, §4.4)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.api.requests import flag, identity, json_body, json_response, name_of, namespace_of, page_of, services
from hub.services.access import own_entity, own_space
from hub.wire.entities import rule_from_wire, rule_row, rule_to_wire
from hub.wire.json import cut, malformed, shown


async def list_rules(request: Request) -> Response:
    """GET: a page of rows without status, or their count."""
    caller = await identity(request)
    namespace = namespace_of(request, caller)
    own_space(caller, namespace)
    page = page_of(request, "rules")
    if flag(request, "count"):
        total = await services(request).rules.count(caller, namespace)
        return json_response({"rules": max(total - page.skip, 0)})
    return json_response([rule_row(rule) for rule in await services(request).rules.listed(caller, namespace, page)])


async def get_rule(request: Request) -> Response:
    """GET one with its status."""
    caller = await identity(request)
    rule, active = await services(request).rules.get(caller, name_of(request, caller))
    return json_response(rule_to_wire(rule, active=active))


async def put_rule(request: Request) -> Response:
    """PUT: create, or update with `overwrite`."""
    caller = await identity(request)
    name = name_of(request, caller)
    own_entity(caller, name)
    overwrite = flag(request, "overwrite")
    put = rule_from_wire(await json_body(request))
    rule, active = await services(request).rules.put(caller, name, put, overwrite=overwrite)
    return json_response(rule_to_wire(rule, active=active))


async def delete_rule(request: Request) -> Response:
    """DELETE: answers what was deleted, inactive."""
    caller = await identity(request)
    rule = await services(request).rules.remove(caller, name_of(request, caller))
    return json_response(rule_to_wire(rule, active=False))


async def switch_rule(request: Request) -> Response:
    """POST: turn on or off; answers text, no JSON."""
    caller = await identity(request)
    name = name_of(request, caller)
    own_entity(caller, name)
    body = await json_body(request)
    status = body.get("status") if isinstance(body, dict) else None
    if status not in ("active", "inactive"):
        found = cut(status) if isinstance(status, str) else shown(status)
        raise malformed(f"requirement failed: {found} is not a recognized rule state", field="status")
    await services(request).rules.switch(caller, name, active=status == "active")
    return PlainTextResponse("OK", headers={"content-type": "text/plain; charset=UTF-8"})


_ONE = "/namespaces/{namespace}/rules/{name}"

routes = [
    Route("/namespaces/{namespace}/rules", list_rules, methods=["GET"]),
    Route("/namespaces/{namespace}/rules/", list_rules, methods=["GET"]),
    Route(_ONE, get_rule, methods=["GET"]),
    Route(_ONE, put_rule, methods=["PUT"]),
    Route(_ONE, delete_rule, methods=["DELETE"]),
    Route(_ONE, switch_rule, methods=["POST"]),
]
