"""`docker:` — containers made by the Docker Engine, over its API (v1.44, or what an older engine has)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from hub.runtime.base import LaunchFailed
from hub.runtime.container import docker_holding
from hub.runtime.container.address import DockerAddress
from hub.runtime.container.engine import PORT, STEADY, ContainerSpec, EngineRefused, Holding, ImageMissing, plain_client
from hub.runtime.container.output import SETTLED
from hub.telemetry.log import get_logger

log = get_logger(__name__)

API = (1, 44)
LABEL = "whiskhub.hub"
PULL_SECONDS = 600.0
ASK_SECONDS = 60.0
_OPEN_PORT = f"{PORT}/tcp"
_FRAME = struct.Struct(">BxxxI")
_Part = TypeVar("_Part")
_STREAMS = {1: "stdout", 2: "stderr"}
_NEWEST = ("latest", "")
_MB = 1_048_576


class _Refused(Exception):
    """The engine said no, in its words."""


def _message(status: int, body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any])["message"])
    except (msgspec.MsgspecError, KeyError):
        return f"it answered {status}"


def _spoken(theirs: str) -> str:
    """The version of the API to speak: ours, or an older engine's own."""
    major, _, minor = theirs.partition(".")
    return ".".join(map(str, min(API, (int(major), int(minor)))))


def _split(image: str) -> tuple[str, str]:
    """A reference as the engine pulls it: name, and tag or digest."""
    name, _, digest = image.partition("@")
    if digest:
        return name, digest
    head, slash, last = name.rpartition("/")
    bare, _, tag = last.partition(":")
    return f"{head}{slash}{bare}", tag


def _published(state: dict[str, Any]) -> str:
    """The port at which the container is reached; empty when it ended at once."""
    ports = (state["NetworkSettings"].get("Ports") or {}).get(_OPEN_PORT)
    return str(ports[0]["HostPort"]) if ports else ""


async def _until(parts: AsyncIterator[_Part], end: Coroutine[Any, Any, None]) -> AsyncIterator[_Part]:
    """The parts that come before an end, and those that were on their way."""
    ending = asyncio.ensure_future(end)
    coming: asyncio.Future[_Part] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(parts))
            await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                await asyncio.wait({coming}, timeout=SETTLED)
            if not coming.done():
                return
            try:
                yield coming.result()
            except StopAsyncIteration:
                return
    finally:
        unfinished: list[asyncio.Future[Any]] = [ending, *([coming] if coming else [])]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)


class DockerEngine:
    """See `hub.runtime.container.engine.Engine`.

    `mark` is the hub's; `runtime` is the OCI runtime to run containers with, empty for the engine's own choice.
    """

    def __init__(self, address: DockerAddress, mark: str, *, runtime: str = "") -> None:
        self._address = address
        self._mark = mark
        self._runtime = runtime
        self._network = address.network or f"whiskhub-{mark}"
        self._bound_to = "127.0.0.1"
        self._shares_processors = False
        self._pulling: dict[str, asyncio.Task[None]] = {}
        self._client = plain_client(address.base_url, socket=address.socket)
        self._client.timeout = httpx.Timeout(ASK_SECONDS)

    async def open(self) -> Holding:
        """See `Engine.open`."""
        try:
            version = (await self._ask("GET", "/version")).json()
            self._client.base_url = httpx.URL(f"{self._address.base_url}/v{_spoken(version['ApiVersion'])}")
            info = (await self._ask("GET", "/info")).json()
            await self._find_network()
            await self._sweep()
        except (httpx.HTTPError, _Refused, ValueError, KeyError, OSError) as error:
            raise self._address.refused(f"{type(error).__name__}: {error}" if not str(error) else str(error)) from error
        if self._runtime and self._runtime not in info.get("Runtimes", {}):
            known = ", ".join(sorted(info.get("Runtimes", {})))
            raise EngineRefused(f"HUB_RUNTIME__RUNTIME_CLASS cannot be used: found {self._runtime}; the engine has {known or 'none'}.")
        if not self._address.local:
            self._bound_to = await asyncio.to_thread(socket.gethostbyname, self._address.host)
        # One that cannot, such as a rootless one without the right, refuses a container that asks for it.
        self._shares_processors = bool(info.get("CpuCfsQuota"))
        return docker_holding.of(info, self._runtime)

    async def _find_network(self) -> None:
        """A network for the containers alone, on which they do not see each other; one that the operator named is there already."""
        found = await self._ask("GET", f"/networks/{quote(self._network, safe='')}", missing=True)
        if found.status_code != httpx.codes.NOT_FOUND:
            return
        if self._address.network:
            raise _Refused(f"there is no network {self._network}")
        options = {"com.docker.network.bridge.enable_icc": "false"}
        await self._ask(
            "POST", "/networks/create", json={"Name": self._network, "Driver": "bridge", "Labels": self._labels, "Options": options}
        )

    @property
    def _labels(self) -> dict[str, str]:
        return {LABEL: self._mark}

    async def _sweep(self) -> None:
        filters = msgspec.json.encode({"label": [f"{LABEL}={self._mark}"]}).decode()
        left = (await self._ask("GET", "/containers/json", params={"all": "true", "filters": filters})).json()
        await asyncio.gather(*(self.remove(row["Id"]) for row in left))
        if left:
            log.info("Containers that a former hub left were ended", containers=len(left))

    async def start(self, spec: ContainerSpec) -> DockerContainer:
        """See `Engine.start`."""
        name = f"whiskhub-{self._mark}-{secrets.token_hex(6)}"
        try:
            await self._have_image(spec.image)
            await self._ask("POST", "/containers/create", params={"name": name}, json=self._config(spec))
            await self._ask("POST", f"/containers/{name}/start")
            state = (await self._ask("GET", f"/containers/{name}/json")).json()
            port = _published(state)
        except (httpx.HTTPError, _Refused, ValueError, KeyError) as error:
            await self.remove(name)
            raise LaunchFailed(f"The container engine did not start {spec.image}: {error}") from error
        except BaseException:
            await asyncio.shield(self.remove(name))
            raise
        return DockerContainer(self, name, f"http://{self._bound_to}:{port}" if port else "")

    def _config(self, spec: ContainerSpec) -> dict[str, Any]:
        """What is made: nothing of the host in it, no capabilities, no way to get any, and limits on all that it takes."""
        host: dict[str, Any] = {
            "NetworkMode": self._network,
            "PortBindings": {_OPEN_PORT: [{"HostIp": self._bound_to, "HostPort": ""}]},
            "Memory": spec.memory * _MB,
            "MemorySwap": spec.memory * _MB,
            "PidsLimit": 256,
            "Ulimits": [
                {"Name": "nofile", "Soft": 1024, "Hard": 1024},
                {"Name": "fsize", "Soft": 256 * _MB, "Hard": 256 * _MB},
                {"Name": "core", "Soft": 0, "Hard": 0},
            ],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
            "ReadonlyRootfs": not spec.writable,
            "Tmpfs": {} if spec.writable else dict.fromkeys(("/tmp", "/run", "/action"), f"rw,exec,nosuid,nodev,size={64 * _MB},mode=1777"),  # noqa: S108 - in the container
            "ShmSize": 16 * _MB,
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "Privileged": False,
            "OomScoreAdj": 500,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "16m", "max-file": "1"}},
        }
        if self._shares_processors:
            host["NanoCpus"] = 1_000_000_000
        if self._runtime:
            host["Runtime"] = self._runtime
        return {
            "Image": spec.image,
            "Env": [f"{key}={value}" for key, value in spec.env.items()],
            "User": spec.user,
            "Labels": {**self._labels, "whiskhub.action": spec.action},
            "ExposedPorts": {_OPEN_PORT: {}},
            "AttachStdout": False,
            "AttachStderr": False,
            "HostConfig": host,
        }

    # Images

    async def _have_image(self, image: str) -> None:
        """Pull what is not there, and what says of itself that it is the newest. Raises ImageMissing."""
        name, tag = _split(image)
        there = (await self._ask("GET", f"/images/{quote(image, safe='/:@')}/json", missing=True)).status_code == httpx.codes.OK
        if there and tag not in _NEWEST:
            return
        pulling = self._pulling.get(image)
        if pulling is None:
            pulling = self._pulling[image] = asyncio.get_running_loop().create_task(self._pull(name, tag))
            pulling.add_done_callback(lambda _task: self._pulling.pop(image, None))
        try:
            await asyncio.shield(pulling)
        except (httpx.HTTPError, _Refused, TimeoutError, msgspec.MsgspecError) as error:
            if there:
                return  # the one that is here is as good as any
            log.warning("An image could not be pulled", image=image, reason=str(error))
            raise ImageMissing(image) from error

    async def _pull(self, name: str, tag: str) -> None:
        """The engine answers with a line for each step, and says in one of them what went wrong."""
        parameters = {"fromImage": name, "tag": tag or "latest"}
        timeout = httpx.Timeout(PULL_SECONDS)
        async with self._client.stream("POST", "/images/create", params=parameters, timeout=timeout) as response:
            if response.is_error:
                raise _Refused(_message(response.status_code, await response.aread()))
            async for line in response.aiter_lines():
                said = msgspec.json.decode(line) if line.strip() else {}
                if "error" in said:
                    raise _Refused(str(said["error"]))

    # What containers ask of their engine

    def output(self, name: str) -> AsyncIterator[tuple[str, bytes]]:
        """See `Container.output`."""
        return _until(self._frames(name), self._ended(name))

    async def _frames(self, name: str) -> AsyncIterator[tuple[str, bytes]]:
        """The engine's frames: a byte for the stream, a length, and bytes."""
        parameters = {"follow": "true", "stdout": "true", "stderr": "true"}
        timeout = httpx.Timeout(ASK_SECONDS, read=None)
        async with self._client.stream("GET", f"/containers/{name}/logs", params=parameters, timeout=timeout) as response:
            response.raise_for_status()
            received = bytearray()
            async for part in response.aiter_raw():
                received += part
                while len(received) >= _FRAME.size:
                    kind, length = _FRAME.unpack_from(received)
                    if len(received) < _FRAME.size + length:
                        break
                    yield _STREAMS.get(kind, "stdout"), bytes(memoryview(received)[_FRAME.size : _FRAME.size + length])
                    del received[: _FRAME.size + length]

    async def _ended(self, name: str) -> None:
        """Wait for the end of a container; some engines leave its log open then."""
        timeout = httpx.Timeout(ASK_SECONDS, read=None)
        await self._ask("POST", f"/containers/{name}/wait", missing=True, timeout=timeout)

    async def out_of_memory(self, name: str) -> bool:
        """See `Container.out_of_memory`."""
        try:
            state = (await self._ask("GET", f"/containers/{name}/json")).json()["State"]
        except (httpx.HTTPError, _Refused):
            return False
        return bool(state.get("OOMKilled"))

    async def remove(self, name: str) -> None:
        """End a container and what it wrote; one that is not there is gone already."""
        try:
            await self._ask("DELETE", f"/containers/{name}", params={"force": "true", "v": "true"}, missing=True)
        except (httpx.HTTPError, _Refused) as error:
            log.warning("A container could not be ended; the next start tries again", container=name, reason=str(error))

    async def close(self) -> None:
        """See `Engine.close`."""
        for task in tuple(self._pulling.values()):
            task.cancel()
        with contextlib.suppress(httpx.HTTPError, _Refused):
            await self._sweep()
            if not self._address.network:
                await self._ask("DELETE", f"/networks/{self._network}", missing=True)
        await self._client.aclose()

    async def _ask(self, method: str, path: str, *, missing: bool = False, **more: Any) -> httpx.Response:
        """Raises _Refused with the engine's words, httpx.HTTPError when it does not answer."""
        response = await self._client.request(method, path, **more)
        if response.is_error and not (missing and response.status_code == httpx.codes.NOT_FOUND):
            raise _Refused(_message(response.status_code, response.content))
        return response


class DockerContainer:
    """See `Container`. An engine keeps the two streams apart."""

    markers: Mapping[str, int] = {"stdout": 1, "stderr": 1}

    def __init__(self, engine: DockerEngine, name: str, base_url: str) -> None:
        self._engine = engine
        self._name = name
        self._base_url = base_url

    def client(self) -> httpx.AsyncClient:
        """See `Container.client`."""
        return plain_client(self._base_url, expiry=STEADY)

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """See `Container.output`."""
        return self._engine.output(self._name)

    async def out_of_memory(self) -> bool:
        """See `Container.out_of_memory`."""
        return await self._engine.out_of_memory(self._name)

    async def end(self) -> None:
        """See `Container.end`."""
        await self._engine.remove(self._name)
