"""`hub admin` over the data folder's socket: whoever can open the socket is the operator (design §8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.api.errors import status_of
from hub.domain.errors import Malformed, RequestError
from hub.domain.parameters import Json
from hub.services.admin import Admin
from hub.wire.json import decode_object

Command = Callable[[dict[str, Json]], Awaitable[str]]


def admin_app(admin: Admin, base_url: str) -> Starlette:
    """One route a command: POST `/{command}` with its arguments as JSON; the answer is the text to print."""
    commands: dict[str, Command] = {
        "user-create": lambda given: admin.create_user(
            _text(given, "subject"),
            namespace=given.get("namespace"),
            auth=given.get("auth"),
            revoke=bool(given.get("revoke")),
            force=bool(given.get("force")),
            generate=bool(given.get("generate")),
        ),
        "user-get": lambda given: admin.get_user(
            _text(given, "subject"), namespace=given.get("namespace"), everything=bool(given.get("all"))
        ),
        "user-whois": lambda given: admin.whois(_text(given, "auth")),
        "user-list": lambda given: admin.list_users(
            _text(given, "namespace"), pick=int(given.get("pick", 1)), everything=bool(given.get("all")), keys_only=bool(given.get("keys"))
        ),
        "user-delete": lambda given: admin.delete_user(_text(given, "subject"), namespace=given.get("namespace")),
        "user-block": lambda given: admin.block_users([str(name) for name in given.get("subjects", [])], blocked=True),
        "user-unblock": lambda given: admin.block_users([str(name) for name in given.get("subjects", [])], blocked=False),
        "limits-set": lambda given: admin.set_limits(
            _text(given, "namespace"), {str(name): [str(word) for word in words] for name, words in given.get("limits", {}).items()}
        ),
        "limits-get": lambda given: admin.get_limits(_text(given, "namespace")),
        "limits-delete": lambda given: admin.delete_limits(_text(given, "namespace")),
        "link": lambda _given: admin.link(base_url),
    }

    async def run(request: Request) -> Response:
        command = commands.get(request.path_params["command"])
        if command is None:
            return PlainTextResponse("This hub does not know that command; is the command newer than the hub?", 404)
        try:
            return PlainTextResponse(await command(decode_object(await request.body())))
        except RequestError as error:
            return PlainTextResponse(str(error), status_of(error))

    return Starlette(routes=[Route("/{command}", run, methods=["POST"])])


def _text(given: dict[str, Json], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is required", field=name)
    return value
