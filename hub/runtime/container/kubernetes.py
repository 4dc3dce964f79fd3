"""`kubernetes:` — containers that are pods, over the API of a cluster (core/v1)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from hub.runtime.base import LaunchFailed
from hub.runtime.container import pods
from hub.runtime.container.address import KubernetesAddress
from hub.runtime.container.cluster import Cluster, NoCluster
from hub.runtime.container.engine import PORT, STEADY, ContainerSpec, EngineRefused, Holding, ImageMissing, plain_client
from hub.telemetry.log import get_logger

log = get_logger(__name__)

ASK_SECONDS = 60.0
START_SECONDS = 300.0
"""How long a pod may take to run, its image being pulled and a place being found for it."""
_UNREACHED = "error trying to reach service"
"""How the API server begins when it could not hand a request to a pod."""
_PROBE = ContainerSpec(image="openwhisk/dockerskeleton:nightly", action="/probe", memory=128, env={})


class _Refused(Exception):
    """The API said no, in its words."""


class KubernetesEngine:
    """See `hub.runtime.container.engine.Engine`. `mark` is the hub's; `runtime_class` names what runs pods, empty for the cluster's own."""

    def __init__(self, address: KubernetesAddress, mark: str, *, runtime_class: str = "") -> None:
        self._address = address
        self._mark = mark
        self._runtime_class = runtime_class
        self._cluster: Cluster | None = None
        self._pods: httpx.AsyncClient | None = None

    async def open(self) -> Holding:
        """See `Engine.open`. A pod is asked for without being made: so it is known what the cluster allows, and what it passes over."""
        address = self._address
        try:
            self._cluster = await asyncio.to_thread(self._find)
            self._pods = self._cluster.client(f"/api/v1/namespaces/{address.namespace}")
            self._pods.timeout = httpx.Timeout(ASK_SECONDS)
            made = (await self._ask("POST", "/pods", params={"dryRun": "All"}, json=self._manifest("probe", _PROBE))).json()
            await self._sweep()
        except NoCluster as error:
            raise address.refused(str(error)) from error
        except (httpx.HTTPError, _Refused, ValueError, OSError) as error:
            if self._runtime_class and "RuntimeClass" in str(error):
                found = f"HUB_RUNTIME__RUNTIME_CLASS cannot be used: found {self._runtime_class}; the cluster says: {error}."
                raise EngineRefused(f"{found} Write a runtime class that it has, or leave the setting out.") from error
            raise address.refused(str(error) or type(error).__name__) from error
        return pods.holding(made, self._runtime_class)

    def _find(self) -> Cluster:
        if self._address.kubeconfig:
            return Cluster.of_kubeconfig(Path(self._address.kubeconfig), self._address.context)
        return Cluster.of_pod()

    def _manifest(self, name: str, spec: ContainerSpec) -> dict[str, Any]:
        return pods.manifest(f"whiskhub-{self._mark}-{name}", self._mark, spec, runtime_class=self._runtime_class)

    async def _sweep(self) -> None:
        parameters = {"labelSelector": f"{pods.LABEL}={self._mark}", "gracePeriodSeconds": "0"}
        await self._ask("DELETE", "/pods", params=parameters)

    async def start(self, spec: ContainerSpec) -> PodContainer:
        """See `Engine.start`."""
        body = self._manifest(secrets.token_hex(6), spec)
        name = body["metadata"]["name"]
        try:
            await self._ask("POST", "/pods", json=body)
            async with asyncio.timeout(START_SECONDS):
                pod = await self._running(name, spec.image)
        except (httpx.HTTPError, _Refused, TimeoutError, ValueError, KeyError) as error:
            await self.remove(name)
            raise LaunchFailed(f"The cluster did not start {spec.image}: {error or 'it took too long'}") from error
        except BaseException:
            await asyncio.shield(self.remove(name))
            raise
        return PodContainer(self, name, str(pod["status"].get("podIP", "")))

    async def _running(self, name: str, image: str) -> dict[str, Any]:
        """The pod once its container runs, or has ended already. Raises ImageMissing, _Refused."""
        pod: dict[str, Any] = (await self._ask("GET", f"/pods/{name}")).json()
        while not pods.started(pod):
            async with contextlib.aclosing(self._changes(name, pod["metadata"].get("resourceVersion", ""))) as changes:
                async for found in changes:
                    pod = found
                    trouble = pods.trouble(pod)
                    if trouble in pods.BAD_IMAGE:
                        log.warning("An image could not be pulled", image=image, reason=trouble)
                        raise ImageMissing(image)
                    if trouble:
                        raise _Refused(trouble)
                    if pods.started(pod):
                        break
        return pod

    async def _changes(self, name: str, version: str) -> AsyncGenerator[dict[str, Any], None]:
        """What becomes of a pod; the server ends the list now and then."""
        parameters = {"watch": "true", "fieldSelector": f"metadata.name={name}", "resourceVersion": version, "timeoutSeconds": "30"}
        async with self._client.stream("GET", "/pods", params=parameters) as response:
            if response.is_error:
                raise _Refused(_message(response.status_code, await response.aread()))
            async for line in response.aiter_lines():
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise _Refused(str(event["object"].get("message", "the watch ended")))
                if event["type"] == "DELETED":
                    raise _Refused("somebody removed the pod")
                yield event["object"]

    # What containers ask of their engine

    def client(self, name: str, ip: str) -> httpx.AsyncClient:
        """Speaks to a pod, by its own address or through the API server."""
        if self._cluster is None:
            raise LaunchFailed("the engine is not open")
        if self._address.proxied:
            through = f"/api/v1/namespaces/{self._address.namespace}/pods/{name}:{PORT}/proxy"
            client = self._cluster.client(through, expiry=STEADY)
            client.event_hooks = {"response": [_only_of_the_pod]}
            return client
        return plain_client(f"http://{f'[{ip}]' if ':' in ip else ip}:{PORT}", expiry=STEADY)

    async def output(self, name: str) -> AsyncIterator[tuple[str, bytes]]:
        """The cluster keeps one stream for both."""
        parameters = {"follow": "true", "container": pods.CONTAINER}
        timeout = httpx.Timeout(ASK_SECONDS, read=None)
        async with self._client.stream("GET", f"/pods/{name}/log", params=parameters, timeout=timeout) as response:
            response.raise_for_status()
            async for part in response.aiter_raw():
                yield "stdout", part

    async def out_of_memory(self, name: str) -> bool:
        """See `Container.out_of_memory`."""
        try:
            return pods.out_of_memory((await self._ask("GET", f"/pods/{name}")).json())
        except (httpx.HTTPError, _Refused):
            return False

    async def remove(self, name: str) -> None:
        """End a pod at once; one that is not there is gone already."""
        try:
            await self._ask("DELETE", f"/pods/{name}", params={"gracePeriodSeconds": "0"}, missing=True)
        except (httpx.HTTPError, _Refused) as error:
            log.warning("A pod could not be ended; the next start tries again", pod=name, reason=str(error))

    async def close(self) -> None:
        """See `Engine.close`."""
        if self._pods is None:
            return
        with contextlib.suppress(httpx.HTTPError, _Refused):
            await self._sweep()
        await self._pods.aclose()

    @property
    def _client(self) -> httpx.AsyncClient:
        if self._pods is None:
            raise LaunchFailed("the engine is not open")
        return self._pods

    async def _ask(self, method: str, path: str, *, missing: bool = False, **more: Any) -> httpx.Response:
        """Raises _Refused with the words of the API, httpx.HTTPError when it does not answer."""
        response = await self._client.request(method, path, **more)
        if response.is_error and not (missing and response.status_code == httpx.codes.NOT_FOUND):
            raise _Refused(_message(response.status_code, response.content))
        return response


class PodContainer:
    """See `Container`. Its two streams are one in the cluster's logs, so that a run ends with two borders, and every line is of stdout."""

    markers: Mapping[str, int] = {"stdout": 2}

    def __init__(self, engine: KubernetesEngine, name: str, ip: str) -> None:
        self._engine = engine
        self._name = name
        self._ip = ip

    def client(self) -> httpx.AsyncClient:
        """See `Container.client`."""
        return self._engine.client(self._name, self._ip)

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """See `Container.output`."""
        return self._engine.output(self._name)

    async def out_of_memory(self) -> bool:
        """See `Container.out_of_memory`."""
        return await self._engine.out_of_memory(self._name)

    async def end(self) -> None:
        """See `Container.end`."""
        await self._engine.remove(self._name)


async def _only_of_the_pod(response: httpx.Response) -> None:
    """What the API server says of a pod that it cannot reach is no answer of the pod's. Raises httpx.ReadError."""
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        said = _message(response.status_code, await response.aread())
        if said.startswith(_UNREACHED):
            raise httpx.ReadError(said)


def _message(status: int, body: bytes) -> str:
    """The `message` of a Status (core/v1)."""
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any])["message"])
    except (msgspec.MsgspecError, KeyError):
        return f"it answered {status}"
