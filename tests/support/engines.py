"""Engines of containers in tests: one of local processes, and the real ones where they answer."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

from hub.runtime.container import drivers
from hub.runtime.container.images import Images
from hub.runtime.container.runtime import ContainerRuntime
from hub.runtime.isolation import Choice
from tests.support.certificates import self_signed
from tests.support.eventually import eventually
from tests.support.local_engine import LocalEngine
from tests.support.servers import free_port

API = "http://hub.example"
ROOT = Path(__file__).parents[2]
ANY_LEVEL = Choice(highest=0, accept=0, loopback=True)


@lru_cache
def answers(*command: str) -> bool:
    """Whether a real engine is behind the command line of its own."""
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def containers_of(where: str, remembered: Path) -> ContainerRuntime:
    """A runtime of containers, not yet open. No real engine can be had in CI, so that they are skipped there, too."""
    if where == "docker" and not answers("docker", "version"):
        pytest.skip("no Docker Engine answers here")
    kubeconfig = Path.home() / ".kube" / "config"
    if where == "kubernetes" and not (kubeconfig.exists() and answers("kubectl", "get", "pods")):
        pytest.skip("no Kubernetes cluster answers here")
    url = {"docker": "docker:", "kubernetes": f"kubernetes:default?kubeconfig={kubeconfig}"}.get(where)
    if url is None:
        return ContainerRuntime(Images.read(), LocalEngine, ANY_LEVEL, remembered, api_host=lambda: API)
    engine = drivers.engine_for(url, "")
    return ContainerRuntime(Images.read(), lambda: engine("contract"), ANY_LEVEL, remembered, api_host=lambda: API)


@contextlib.contextmanager
def docker_api(folder: Path, *security: str) -> Iterator[Path]:
    """A Docker Engine's API, its containers being local processes; the socket file. `security` is what it says of how it holds them."""
    place = folder / "docker.sock"
    with _server("tests.support.docker_api", str(place), *security):
        eventually(place.exists, what="the socket of the engine")
        yield place


@contextlib.contextmanager
def docker_api_over_tcp() -> Iterator[int]:
    """The same on a port of the loopback."""
    port = free_port()
    with _server("tests.support.docker_api", str(port)):
        eventually(lambda: _listens(port), what="the engine")
        yield port


@contextlib.contextmanager
def kubernetes_api(folder: Path, *options: str) -> Iterator[Path]:
    """A Kubernetes API server, its pods being local processes; a kubeconfig with the right to use the namespace `actions`."""
    certificate, key = self_signed(folder)
    port, token = free_port(), secrets.token_hex(16)
    server = f"https://127.0.0.1:{port}"
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "local",
                "contexts": [{"name": "local", "context": {"cluster": "here", "user": "hub"}}],
                "clusters": [{"name": "here", "cluster": {"server": server, "certificate-authority": certificate.name}}],
                "users": [{"name": "hub", "user": {"token": token}}],
            }
        )
    )
    with _server("tests.support.kubernetes_api", str(port), str(certificate), str(key), token, *options):
        eventually(lambda: _listens(port), what="the API server")
        yield kubeconfig


@contextlib.contextmanager
def _server(module: str, *words: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0
