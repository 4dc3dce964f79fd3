"""A real pouchdb-server: a CouchDB as far as documents and changes go (packages-and-feeds §14.2)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.support.peers import NODE, node
from tests.support.servers import free_port, server


@contextlib.contextmanager
def running(folder: Path, port: int | None = None) -> Iterator[str]:
    """The server's address. Everything is in memory; a request it cannot answer does not end it."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    program = NODE / "node_modules" / "pouchdb-server" / "bin" / "pouchdb-server"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NODE_OPTIONS": f"--require {NODE / 'guard.cjs'}"}
    command = [node(), str(program), "-m", "-n", "-p", str(port), "-o", "127.0.0.1"]
    with server(command, f"http://127.0.0.1:{port}/", cwd=folder, environment=environment) as address:
        yield address.rstrip("/")
