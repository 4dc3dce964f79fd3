"""Engines of containers in tests: one of local processes, and the real ones where they answer."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from hub.runtime.container import drivers
from hub.runtime.container.images import Images
from hub.runtime.container.runtime import ContainerRuntime
from hub.runtime.isolation import Choice
from tests.support.local_engine import LocalEngine

API = "http://hub.example"
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
