"""A stateful fake of GitHub's hooks API, and of its deliveries (packages-and-feeds §13.3). Its answers are checked by Prism."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.servers import free_port
from tests.support.tls import TLS

TOKEN = "a-token-that-only-tests-know"
MOST = 20


@dataclass
class GitHub:
    """Hooks by repository, and what was asked."""

    address: str = ""
    hooks: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    secrets: dict[int, str] = field(default_factory=dict)
    unknown_events: set[str] = field(default_factory=set)
    number: int = 100

    def app(self) -> Starlette:
        """The API."""
        place = "/repos/{owner}/{repo}/hooks"
        return Starlette(
            routes=[
                Route("/user", self.user, methods=["GET"]),
                Route(place, self.create, methods=["POST"]),
                Route(place, self.listed, methods=["GET"]),
                Route(place + "/{hook_id:int}", self.one, methods=["GET", "PATCH", "DELETE"]),
            ]
        )

    def _refused(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if given not in {f"Bearer {TOKEN}", f"token {TOKEN}"}:
            return _error(401, "Bad credentials")
        if request.path_params.get("repo") == "missing":
            return _error(404, "Not Found")
        if request.path_params.get("repo") == "locked":
            return _error(
                403, "Resource not accessible by personal access token", {"x-accepted-github-permissions": "repository_hooks=write"}
            )
        return None

    async def user(self, request: Request) -> Response:
        """Whose token."""
        return self._refused(request) or JSONResponse({"login": "ada", "id": 1})

    async def listed(self, request: Request) -> Response:
        """All hooks of a repository."""
        return self._refused(request) or JSONResponse([_shown(hook) for hook in self._of(request).values()])

    def _of(self, request: Request) -> dict[int, dict[str, Any]]:
        params = request.path_params
        return self.hooks.setdefault(f"{params['owner']}/{params['repo']}", {})

    async def create(self, request: Request) -> Response:
        """A new hook."""
        refused = self._refused(request)
        if refused:
            return refused
        try:
            body = await request.json()
        except ValueError:
            return _error(400, "Problems parsing JSON")
        config = body.get("config") or {}
        events = body.get("events", ["push"])
        if not config.get("url") or not isinstance(events, list):
            return _error(422, "Validation Failed", errors=[{"resource": "Hook", "code": "custom", "message": "config.url is required"}])
        hooks = self._of(request)
        if any(hook["config"]["url"] == config["url"] for hook in hooks.values()):
            return _error(
                422,
                "Validation Failed",
                errors=[{"resource": "Hook", "code": "custom", "message": "Hook already exists on this repository"}],
            )
        for event in events:
            if sum(event in hook["events"] for hook in hooks.values()) >= MOST:
                return _error(
                    422,
                    "Validation Failed",
                    errors=[{"resource": "Hook", "code": "custom", "message": f"The {event!r} event cannot have more than {MOST} hooks"}],
                )
        self.number += 1
        self.secrets[self.number] = config.get("secret", "")
        hook = self._hook(
            request, self.number, [event for event in events if event not in self.unknown_events], config, active=body.get("active", True)
        )
        hooks[self.number] = hook
        return JSONResponse(_shown(hook), 201)

    def _hook(self, request: Request, number: int, events: list[str], config: dict[str, Any], *, active: bool) -> dict[str, Any]:
        base = f"{self.address}/repos/{request.path_params['owner']}/{request.path_params['repo']}/hooks/{number}"
        return {
            "type": "Repository",
            "id": number,
            "name": "web",
            "active": active,
            "events": events,
            "config": config,
            "updated_at": "2026-11-24T00:00:00Z",
            "created_at": "2026-11-24T00:00:00Z",
            "url": base,
            "test_url": f"{base}/test",
            "ping_url": f"{base}/pings",
            "deliveries_url": f"{base}/deliveries",
            "last_response": {"code": None, "status": "unused", "message": None},
        }

    async def one(self, request: Request) -> Response:
        """Read, change, remove."""
        refused = self._refused(request)
        if refused:
            return refused
        hooks, number = self._of(request), request.path_params["hook_id"]
        if number not in hooks:
            return _error(404, "Not Found")
        if request.method == "DELETE":
            del hooks[number]
            return Response(status_code=204)
        if request.method == "PATCH":
            body = await request.json()
            hooks[number]["events"] = body.get("events", hooks[number]["events"])
            if "config" in body:
                hooks[number]["config"] = body["config"]
                self.secrets[number] = body["config"].get("secret", "")
        return JSONResponse(_shown(hooks[number]))

    def deliver(self, number: int, event: str, payload: Any, *, delivery: str = "", secret: str | None = None) -> httpx.Response:
        """Send a signed delivery as GitHub does."""
        hook = next(hook for hooks in self.hooks.values() for key, hook in hooks.items() if key == number)
        body = json.dumps(payload).encode()
        key = self.secrets[number] if secret is None else secret
        headers = {
            "content-type": "application/json",
            "user-agent": "GitHub-Hookshot/044aadd",
            "x-github-event": event,
            "x-github-delivery": delivery or str(uuid.uuid4()),
            "x-github-hook-id": str(number),
            "x-hub-signature-256": "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest(),
        }
        return httpx.post(hook["config"]["url"], content=body, headers=headers, timeout=10, trust_env=False, verify=TLS)


def _shown(hook: dict[str, Any]) -> dict[str, Any]:
    config = {**hook["config"]}
    if config.get("secret"):
        config["secret"] = "********"
    return {**hook, "config": config}


def _error(status: int, message: str, headers: dict[str, str] | None = None, errors: list[Any] | None = None) -> Response:
    body: dict[str, Any] = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    if errors:
        body["errors"] = errors
    return JSONResponse(body, status, headers)


@contextlib.contextmanager
def running() -> Iterator[GitHub]:
    """The fake, served by a thread of this process."""
    github = GitHub()
    port = free_port()
    github.address = f"http://127.0.0.1:{port}"
    config = uvicorn.Config(github.app(), host="127.0.0.1", port=port, log_level="critical", lifespan="off", ws="none")
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, daemon=True)
    thread.start()
    deadline = 200
    while not web.started and deadline:
        thread.join(0.05)
        deadline -= 1
    try:
        yield github
    finally:
        web.should_exit = True
        thread.join(10)
