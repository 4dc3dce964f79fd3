"""Prism as a proxy: every request and answer is checked against GitHub's own description of its API."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.peers import NODE, node
from tests.support.servers import free_port, server

PLACES = ("/repos/{owner}/{repo}/hooks", "/repos/{owner}/{repo}/hooks/{hook_id}")


def description() -> dict[str, Any]:
    """GitHub's OpenAPI document, cut to the hook paths and what they refer to."""
    program = node()
    assert program
    whole = json.loads((NODE / "node_modules/@octokit/openapi/generated/api.github.com.json").read_text())
    cut: dict[str, Any] = {"openapi": whole["openapi"], "info": whole["info"], "paths": {}, "components": {}}
    for place in PLACES:
        cut["paths"][place] = {verb: row for verb, row in whole["paths"][place].items() if verb != "servers"}
    waiting = [cut["paths"]]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                _, _, kind, name = reference.split("/")
                if name not in cut["components"].setdefault(kind, {}):
                    cut["components"][kind][name] = whole["components"][kind][name]
                    waiting.append(whole["components"][kind][name])
            waiting.extend(value.values())
    return cut


@contextlib.contextmanager
def checking(folder: Path, upstream: str) -> Iterator[str]:
    """The address of a proxy before `upstream`: what breaks the description is answered with an error that says how."""
    folder.mkdir(parents=True, exist_ok=True)
    document = folder / "github.json"
    document.write_text(json.dumps(description()))
    port = free_port()
    program = NODE / "node_modules/@stoplight/prism-cli/dist/index.js"
    command = [node(), str(program), "proxy", str(document), upstream, "--errors", "-h", "127.0.0.1", "-p", str(port)]
    with server(command, f"http://127.0.0.1:{port}/", cwd=folder) as address:
        yield address.rstrip("/")
