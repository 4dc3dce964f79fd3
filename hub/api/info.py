"""The info documents and the hub's pulse (openwhisk-api §1.1, §1.2; design §8)."""

from __future__ import annotations

from importlib.metadata import version

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.api.requests import json_response, services
from hub.telemetry import metrics

MB = 1024 * 1024
SUPPORT = {"github": "https://github.com/apache/openwhisk/issues", "slack": "http://slack.openwhisk.org"}
"""As every OpenWhisk says it: what clients compare is the whole document."""
INVOKER = "invoker0/0"
LOOPBACK = ("127.", "::1")


async def platform(request: Request) -> Response:
    """`GET /` for programs: durations in ms, sizes in bytes."""
    hub = services(request)
    limits = hub.settings.limits
    actions = {
        "action_duration": (100, limits.max_action_timeout),
        "action_memory": (128 * MB, limits.max_action_memory * MB),
        "action_logs": (0, limits.max_action_logs * MB),
    }
    ranges: dict[str, int] = {}
    for name, (low, high) in actions.items():
        ranges |= {f"default_min_{name}": low, f"default_max_{name}": high, f"min_{name}": low, f"max_{name}": high}
    document = {
        "description": "OpenWhisk",
        "support": SUPPORT,
        "api_paths": ["/api/v1"],
        "runtimes": hub.kinds.manifest(),
        "limits": {
            "actions_per_minute": limits.invocations_per_minute,
            "triggers_per_minute": limits.fires_per_minute,
            "concurrent_actions": limits.concurrent_invocations,
            "sequence_length": 50,
            **ranges,
        },
    }
    return json_response(document)


async def api_version(_request: Request) -> Response:
    """`GET /api/v1`, without credentials."""
    number = version("whiskhub")
    return json_response(
        {
            "description": "OpenWhisk API",
            "api_version": "1.0.0",
            "api_version_path": "v1",
            "build": number,
            "buildno": number,
            "swagger_paths": {"ui": "/docs", "api-docs": "/api-docs"},
        }
    )


async def api(_request: Request) -> Response:
    """`GET /api`: nothing is there but what it has below."""
    raise HTTPException(405, headers={"Allow": "OPTIONS"})


async def invokers(request: Request) -> Response:
    """`GET /invokers`: the one of this process."""
    return json_response({INVOKER: "up" if services(request).pool.takes_work else "down"})


async def healthy_invokers(request: Request) -> Response:
    """`GET /invokers/healthy/count`: a bare number."""
    return json_response(int(services(request).pool.takes_work))


async def ready_invokers(request: Request) -> Response:
    """`GET /invokers/ready`: 500 when none takes work."""
    fine = services(request).pool.takes_work
    return json_response({"healthy": "1/1"} if fine else {"unhealthy": "0/1"}, 200 if fine else 500)


async def ping(_request: Request) -> Response:
    """`GET /ping`."""
    return PlainTextResponse("pong", headers={"content-type": "text/plain; charset=UTF-8"})


async def live(_request: Request) -> Response:
    """The process turns."""
    return json_response({"live": True})


async def ready(request: Request) -> Response:
    """Every dependency answers; otherwise 503 names the one that is out."""
    found = await services(request).health.ready()
    return json_response(found, 200 if found["ready"] else 503)


async def prometheus(request: Request) -> Response:
    """`GET /metrics`: for loopback, or with the operator's key (design §9)."""
    host = request.client.host if request.client else ""
    if not host.startswith(LOOPBACK):
        caller = await services(request).identities.authenticate(request.headers.get("authorization"))
        if not caller.operator:
            return json_response({"error": "The metrics are for the operator of this hub.", "code": ""}, 403)
    return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


routes = [
    Route("/api", api),
    Route("/invokers", invokers, methods=["GET"]),
    Route("/invokers/healthy/count", healthy_invokers, methods=["GET"]),
    Route("/invokers/ready", ready_invokers, methods=["GET"]),
    Route("/ping", ping, methods=["GET"]),
    Route("/live", live, methods=["GET"]),
    Route("/ready", ready, methods=["GET"]),
    Route("/metrics", prometheus, methods=["GET"]),
]
version_routes = [Route("/api/v1", api_version, methods=["GET"]), Route("/api/v1/", api_version, methods=["GET"])]
