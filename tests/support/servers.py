"""Starting a server of somebody else on a free port, and waiting until it answers."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from tests.support.tls import TLS

LONGEST = 40.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


@contextlib.contextmanager
def server(command: list[str], address: str, *, cwd: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A server for the time of a block; its address once it answers anything."""
    log = cwd / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=cwd, env=dict(environment) if environment else None
        )
    try:
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()[-2000:]
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(address, timeout=2, trust_env=False, verify=TLS)
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        else:
            message = f"{command[0]} does not answer: {log.read_text()[-2000:]}"
            raise AssertionError(message)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
