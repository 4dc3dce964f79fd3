"""A real hub in a process of its own, on a free port, with a data folder of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import httpx

from hub.client import read_wskprops
from tests.support.tls import TLS

LONGEST_START = 30.0


class Settings(TypedDict):
    """Settings of a hub, without the prefix."""

    RUNTIME__LEVEL: str


WITHOUT_CELLS: Settings = {"RUNTIME__LEVEL": "0"}
"""For tests whose actions leave marks in folders of the test."""


@dataclass
class Hub:
    """A running hub."""

    process: subprocess.Popen[bytes]
    data: Path
    address: str
    auth: str
    log: Path
    run: Sequence[str] = ()

    @property
    def http(self) -> httpx.Client:
        """A client with the guest's key."""
        uuid, _, key = self.auth.partition(":")
        return httpx.Client(base_url=self.address, auth=(uuid, key), timeout=70, trust_env=False, verify=TLS)

    def kill(self) -> None:
        """As a power cut would: at once."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As an operator would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def command(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `hub …` against this hub."""
        environment = {**clean_environment(), "WSK_CONFIG_FILE": str(self.data / "wskprops"), "HUB_DATA": str(self.data), "COLUMNS": "160"}
        return subprocess.run(
            [*(self.run or program()), *words], capture_output=True, text=True, input=stdin, env=environment, timeout=50, check=False
        )


def program() -> list[str]:
    """The command `hub` of this interpreter."""
    return [sys.executable, "-c", "from hub.cli import main; main()"]


def clean_environment() -> dict[str, str]:
    """The environment of the tests, without settings of a hub."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}


def start(data: Path, *, port: int = 0, run: Sequence[str] = (), **settings: str) -> Hub:
    """Start a hub and return when it is ready. Settings are HUB_… names without the prefix; `run` is another `program`."""
    data.parent.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}.log"
    environment = {**clean_environment(), **{f"HUB_{name}": value for name, value in settings.items()}}
    trusted = ssl.create_default_context(cafile=settings["TLS__CERT"]) if "TLS__CERT" in settings else TLS
    (data / "wskprops").unlink(missing_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*(run or program()), "serve", "--data", str(data), "--port", str(port)],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            message = f"the hub ended with {process.returncode}: {log.read_text()[-2000:]}"
            raise AssertionError(message)
        props = read_wskprops(data / "wskprops")
        if props:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{props['APIHOST']}/ready", timeout=2, trust_env=False, verify=trusted).status_code == 200:
                    return Hub(process, data, props["APIHOST"], props["AUTH"], log, run)
        _breathe()
    process.kill()
    message = f"the hub was not ready after {LONGEST_START} s: {log.read_text()[-2000:]}"
    raise AssertionError(message)


def _breathe() -> None:
    """Another process is starting; there is nothing to wait on but its answer."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["sleep", "0.02"], check=False, timeout=1)


@contextlib.contextmanager
def running(data: Path, **settings: str) -> Iterator[Hub]:
    """A hub for the time of a block."""
    hub = start(data, port=0, **settings)
    try:
        yield hub
    finally:
        if hub.process.poll() is None:
            hub.process.kill()
            hub.process.wait()
