"""The official `openwhisk` npm client, unchanged, driven from a test."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.hubs import Hub
from tests.support.lines import Lines, answering
from tests.support.peers import NODE, node


class Refused(Exception):
    """The client rejected or threw: an `OpenWhiskError` with status and body, or an `Error` of its own."""

    def __init__(self, refused: dict[str, Any]) -> None:
        super().__init__(refused["message"])
        self.name: str = refused["name"]
        self.message: str = refused["message"]
        self.status: int | None = refused.get("statusCode")
        self.error: Any = refused.get("error")


class Client:
    """`openwhisk(options)`; `environment` is set while a call runs."""

    def __init__(self, program: Lines, options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._program = program
        self._options = options
        self._environment = environment

    def __call__(self, call: str, *arguments: Any, **options: Any) -> Any:
        """`client("actions.get", name="a")` is `client.actions.get({name: 'a'})`. Raises Refused."""
        given = [*arguments, options] if options else list(arguments)
        question = {"options": self._options, "environment": self._environment, "call": call, "arguments": given}
        said = self._program.ask(question)
        if "refused" in said:
            raise Refused(said["refused"])
        return said.get("answer")

    def with_options(self, *, environment: Mapping[str, str] | None = None, **options: Any) -> Client:
        """The same with other options; None takes one away."""
        merged = {name: value for name, value in {**self._options, **options}.items() if value is not None}
        return Client(self._program, merged, environment or {})


@contextlib.contextmanager
def client(hub: Hub, **options: Any) -> Iterator[Client]:
    """A client with the guest's key, in a Node.js process of its own."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and not name.startswith("__OW_")}
    program: Path = NODE / "calls.mjs"
    with answering([node(), str(program)], cwd=NODE, log=hub.data.parent / "calls.log", environment=environment) as lines:
        yield Client(lines, {"apihost": hub.address, "api_key": hub.auth, **options}, {})


def buffer(content: bytes) -> dict[str, str]:
    """A Node.js Buffer."""
    return {"$buffer": base64.b64encode(content).decode()}
