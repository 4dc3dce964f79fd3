"""The API as actions see it from inside their cells: the OpenWhisk routes and nothing else of the hub (design §9)."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/"
SENTENCE = "Actions reach the OpenWhisk API of this hub, below /api/v1, and nothing else of it.\n"


class OnlyApi:
    """An ASGI application that passes requests for the API on and refuses the others: 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not scope["path"].startswith(PREFIX):
            await PlainTextResponse(SENTENCE, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
