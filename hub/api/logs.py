"""`/hub/v1/namespaces/{ns}/logs`: what all actions of a namespace print, while they print it (design §2.1)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.events import EventStream, last_event
from hub.api.own import caller
from hub.api.query import is_path
from hub.api.requests import namespace_of, services
from hub.domain.errors import Malformed, NotFound


def _action(request: Request) -> str | None:
    text = request.query_params.get("action")
    if text is not None and not is_path(text):
        raise Malformed(f"action is a name, or package/name; found {text[:100]!r}.", field="action")
    return text


async def follow_logs(request: Request) -> Response:
    """GET: events `line` and `ended` from now on, or from after the header Last-Event-ID."""
    identity = caller(request)
    namespace = namespace_of(request, identity)
    if namespace != identity.namespace:
        raise NotFound
    return EventStream(services(request).tails.watch(namespace, _action(request), last_event(request)))


routes = [Route("/namespaces/{namespace}/logs", follow_logs, methods=["GET"])]
