"""The engine that `HUB_RUNTIME_URL` names."""

from __future__ import annotations

from collections.abc import Callable

from hub.runtime.container.address import DockerAddress, KubernetesAddress
from hub.runtime.container.engine import Engine

SCHEMES = ("docker:", "kubernetes:")


def engine_for(url: str, runtime_class: str) -> Callable[[str], Engine]:
    """Makes the engine, once the mark of the hub is known. Raises EngineRefused for an address that is none."""
    if url.startswith("docker:"):
        from hub.runtime.container.docker import DockerEngine  # noqa: PLC0415 - a driver is imported when it is chosen

        address = DockerAddress.parse(url)
        return lambda mark: DockerEngine(address, mark, runtime=runtime_class)
    from hub.runtime.container.kubernetes import KubernetesEngine  # noqa: PLC0415 - as above

    place = KubernetesAddress.parse(url)
    return lambda mark: KubernetesEngine(place, mark, runtime_class=runtime_class)
