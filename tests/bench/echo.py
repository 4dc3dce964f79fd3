"""The yardstick: a bare Starlette echo on the same server, with the same parser and loop."""

from __future__ import annotations

import socket
import sys

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """What came in goes out."""
    return Response(await request.body(), media_type="application/json")


def main() -> None:
    """Serve on a free port and say which."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen(1024)
    sys.stdout.write(f"{door.getsockname()[1]}\n")
    sys.stdout.flush()
    app = Starlette(routes=[Route("/echo", echo, methods=["POST"])])
    config = uvicorn.Config(app, log_level="critical", access_log=False, server_header=False, lifespan="off", http="httptools", ws="none")
    import asyncio

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[door]))


if __name__ == "__main__":
    main()
