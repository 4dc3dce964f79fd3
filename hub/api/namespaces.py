"""`/api/v1/namespaces` and what they may ask for (openwhisk-api §1.3, §9.6)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.requests import identity, json_response, namespace_of, services
from hub.domain.errors import Malformed
from hub.domain.identity import NamespaceLimits
from hub.domain.parameters import LARGEST, Json
from hub.services.access import own_space


async def list_namespaces(request: Request) -> Response:
    """GET: exactly the caller's."""
    return json_response([(await identity(request)).namespace])


async def get_limits(request: Request) -> Response:
    """GET: the limits of the caller's namespace."""
    caller = await identity(request)
    own_space(caller, namespace_of(request, caller))
    defaults = services(request).settings.limits
    own = caller.limits
    concurrent = defaults.concurrent_invocations if own.concurrent_invocations is None else own.concurrent_invocations
    ranges = caller.actions
    return json_response(
        {
            "invocationsPerMinute": defaults.invocations_per_minute if own.invocations_per_minute is None else own.invocations_per_minute,
            "concurrentInvocations": concurrent,
            "firesPerMinute": defaults.fires_per_minute if own.fires_per_minute is None else own.fires_per_minute,
            "minActionMemory": ranges.memory[0],
            "maxActionMemory": ranges.memory[1],
            "minActionLogs": ranges.logs[0],
            "maxActionLogs": ranges.logs[1],
            "minActionTimeout": ranges.timeout[0],
            "maxActionTimeout": ranges.timeout[1],
            "minActionConcurrency": ranges.concurrency[0],
            "maxActionConcurrency": ranges.concurrency[1],
            "maxParameterSize": f"{own.max_parameter_size or LARGEST} B",
            "maxActionInstances": concurrent,
            **_own_only(own),
        }
    )


def _own_only(own: NamespaceLimits) -> dict[str, Json]:
    """What is shown only when it was set."""
    shown: dict[str, Json] = {}
    if own.allowed_kinds is not None:
        shown["allowedKinds"] = list(own.allowed_kinds)
    if own.store_activations is not None:
        shown["storeActivations"] = own.store_activations
    if own.max_payload_size is not None:
        shown["maxPayloadSize"] = f"{own.max_payload_size} B"
    return shown


async def no_inner_limits(request: Request) -> Response:
    """GET below limits: upstream has the words but not the route."""
    await identity(request)
    raise Malformed("Inner entity level routes for limits are not yet implemented.")


routes = [
    Route("/namespaces", list_namespaces, methods=["GET"]),
    Route("/namespaces/", list_namespaces, methods=["GET"]),
    Route("/namespaces/{namespace}/limits", get_limits, methods=["GET"]),
    Route("/namespaces/{namespace}/limits/", get_limits, methods=["GET"]),
    Route("/namespaces/{namespace}/limits/{name}", no_inner_limits, methods=["GET"]),
]
