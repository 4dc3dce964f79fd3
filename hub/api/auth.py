"""Who is behind a request to our own routes and pages: Basic key or the page's session (design §2.1)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.domain.errors import NotAllowed, Unauthenticated
from hub.domain.identity import Identity
from hub.services.directory import Services

SESSION = "hub_session"
SECURE_SESSION = "__Host-hub_session"


class SignedIn:
    """Sets `request.state.identity` (None for strangers) outside `/api/v1`, whose routes authenticate by themselves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not scope["path"].startswith(("/api/", "/hooks/")):
            request = Request(scope)
            scope["state"]["identity"] = await _identity(request)
        await self._app(scope, receive, send)


async def _identity(request: Request) -> Identity | None:
    services: Services = request.app.state.services
    header = request.headers.get("authorization")
    if header is not None:
        try:
            return await services.identities.authenticate(header)
        except (Unauthenticated, NotAllowed):
            return None
    token = request.cookies.get(SECURE_SESSION) or request.cookies.get(SESSION)
    return await services.sessions.identity(token) if token else None
