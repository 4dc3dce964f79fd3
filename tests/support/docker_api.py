"""A Docker Engine in its API (v1.44, the part that the hub and `docker ps|inspect|logs|rm` use), whose containers are local processes.

Written after the Engine API reference, and held against the real `docker` command line where there is one. It is stricter than the real one: a
member of a container's configuration that the reference does not name is refused.

Started as `python -m tests.support.docker_api SOCKET|PORT [SECURITY_OPTION…]`; it ends its containers when it ends.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import struct
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from tests.support.containers import LocalContainer, can_be_had
from tests.support.servers import free_port

VERSION = "1.44"
CONFIG = [
    "Hostname",
    "Domainname",
    "User",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "ExposedPorts",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "Env",
    "Cmd",
    "Healthcheck",
    "ArgsEscaped",
    "Image",
    "Volumes",
    "WorkingDir",
    "Entrypoint",
    "NetworkDisabled",
    "MacAddress",
    "OnBuild",
    "Labels",
    "StopSignal",
    "StopTimeout",
    "Shell",
    "HostConfig",
    "NetworkingConfig",
]
HOST_CONFIG = [
    "CpuShares",
    "Memory",
    "CgroupParent",
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpusetCpus",
    "CpusetMems",
    "Devices",
    "DeviceCgroupRules",
    "DeviceRequests",
    "MemoryReservation",
    "MemorySwap",
    "MemorySwappiness",
    "NanoCpus",
    "OomKillDisable",
    "Init",
    "PidsLimit",
    "Ulimits",
    "Binds",
    "ContainerIDFile",
    "LogConfig",
    "NetworkMode",
    "PortBindings",
    "RestartPolicy",
    "AutoRemove",
    "VolumeDriver",
    "VolumesFrom",
    "Mounts",
    "ConsoleSize",
    "Annotations",
    "CapAdd",
    "CapDrop",
    "CgroupnsMode",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "IpcMode",
    "Cgroup",
    "Links",
    "OomScoreAdj",
    "PidMode",
    "Privileged",
    "PublishAllPorts",
    "ReadonlyRootfs",
    "SecurityOpt",
    "StorageOpt",
    "Tmpfs",
    "UTSMode",
    "UsernsMode",
    "ShmSize",
    "Sysctls",
    "Runtime",
    "Isolation",
    "MaskedPaths",
    "ReadonlyPaths",
]
FRAME = struct.Struct(">BxxxI")
NUMBERS = {"stdout": 1, "stderr": 2}


class Engine:
    """What there is."""

    def __init__(self, security: list[str]) -> None:
        self.security = security
        self.images: set[str] = set()
        self.pulls: list[str] = []
        self.networks: dict[str, dict[str, Any]] = {}
        self.containers: dict[str, Row] = {}

    def find(self, name: str) -> Row | None:
        for row in self.containers.values():
            if name == row.name or (len(name) >= 12 and row.id.startswith(name)):
                return row
        return None


class Row:
    """One container, from its making to its removal."""

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        self.id = secrets.token_hex(32)
        self.name = name
        self.config = config
        self.made = time.time()
        self.inner: LocalContainer | None = None
        self.ip = ""

    @property
    def host(self) -> dict[str, Any]:
        found: dict[str, Any] = self.config["HostConfig"]
        return found

    @property
    def state(self) -> dict[str, Any]:
        inner = self.inner
        status = "created" if inner is None else "exited" if inner.ended.is_set() else "running"
        return {
            "Status": status,
            "Running": status == "running",
            "Paused": False,
            "Restarting": False,
            "OOMKilled": bool(inner and inner.oom),
            "Dead": False,
            "Pid": inner.pid if inner else 0,
            "ExitCode": (inner.exit_code or 0) if inner else 0,
            "Error": "",
        }

    def inspected(self) -> dict[str, Any]:
        ports = (
            {"8080/tcp": [{"HostIp": self.inner.host, "HostPort": str(self.inner.port)}]} if self.state["Running"] and self.inner else {}
        )
        return {
            "Id": self.id,
            "Created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.made)),
            "Name": f"/{self.name}",
            "State": self.state,
            "Image": self.config["Image"],
            "Config": {key: value for key, value in self.config.items() if key != "HostConfig"} | {"Tty": False},
            "HostConfig": self.host,
            "NetworkSettings": {"Ports": ports, "Networks": {self.host["NetworkMode"]: {}}},
            "Mounts": [],
        }

    def listed(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.config["Image"],
            "ImageID": "",
            "Command": "proxy",
            "Created": int(self.made),
            "Ports": [],
            "Labels": self.config.get("Labels") or {},
            "State": self.state["Status"],
            "Status": self.state["Status"],
            "HostConfig": {"NetworkMode": self.host["NetworkMode"]},
        }


def refused(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)


ENGINE: list[Engine] = []


async def ping(_request: Request) -> Response:
    return PlainTextResponse("OK", headers={"Api-Version": VERSION, "Ostype": "linux"})


async def version(_request: Request) -> Response:
    return JSONResponse(
        {
            "Version": "25.0.0",
            "ApiVersion": VERSION,
            "MinAPIVersion": "1.24",
            "Os": "linux",
            "Arch": "amd64",
            "GoVersion": "go",
            "GitCommit": "",
            "KernelVersion": "",
        }
    )


async def info(_request: Request) -> Response:
    runtimes = {"runc": {"path": "runc"}, "runsc": {"path": "runsc"}}
    return JSONResponse(
        {
            "ID": "local",
            "SecurityOptions": ENGINE[0].security,
            "MemoryLimit": True,
            "PidsLimit": True,
            "CpuCfsQuota": True,
            "Runtimes": runtimes,
            "DefaultRuntime": "runc",
            "Pulled": ENGINE[0].pulls,
        }
    )


async def network(request: Request) -> Response:
    name = request.path_params["name"]
    networks = ENGINE[0].networks
    if name not in networks:
        return refused(404, f"network {name} not found")
    if request.method == "DELETE":
        del networks[name]
        return Response(status_code=204)
    return JSONResponse(networks[name])


async def create_network(request: Request) -> Response:
    body = await request.json()
    if body["Name"] in ENGINE[0].networks:
        return refused(409, f"network with name {body['Name']} already exists")
    ENGINE[0].networks[body["Name"]] = {"Id": secrets.token_hex(32), "Scope": "local", **body}
    return JSONResponse({"Id": "", "Warning": ""}, 201)


async def networks(_request: Request) -> Response:
    return JSONResponse(list(ENGINE[0].networks.values()))


async def image(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ENGINE[0].images:
        return refused(404, f"No such image: {name}")
    return JSONResponse({"Id": "sha256:" + "0" * 64, "RepoTags": [name]})


async def pull(request: Request) -> Response:
    name, tag = request.query_params["fromImage"], request.query_params.get("tag", "")
    ENGINE[0].pulls.append(f"{name}:{tag}")
    if "private" in name:
        return refused(404, f"pull access denied for {name}, repository does not exist or may require 'docker login'")

    async def steps() -> AsyncIterator[bytes]:
        yield json.dumps({"status": f"Pulling from {name}", "id": tag}).encode() + b"\r\n"
        if can_be_had(name):
            ENGINE[0].images.update({f"{name}:{tag}", *([name] if tag == "latest" else [])})
            yield json.dumps({"status": "Status: Downloaded newer image"}).encode() + b"\r\n"
        else:
            words = f"manifest for {name}:{tag} not found: manifest unknown"
            yield json.dumps({"errorDetail": {"message": words}, "error": words}).encode() + b"\r\n"

    return StreamingResponse(steps(), media_type="application/json")


async def create(request: Request) -> Response:
    body = await request.json()
    strange = [key for key in body if key not in CONFIG] + [key for key in body["HostConfig"] if key not in HOST_CONFIG]
    if strange:
        return refused(400, f"not in the reference: {', '.join(strange)}")
    if body["Image"] not in ENGINE[0].images:
        return refused(404, f"No such image: {body['Image']}")
    name = request.query_params["name"]
    if ENGINE[0].find(name):
        return refused(409, f'Conflict. The container name "/{name}" is already in use')
    row = Row(name, body)
    ENGINE[0].containers[row.id] = row
    return JSONResponse({"Id": row.id, "Warnings": []}, 201)


async def start(request: Request) -> Response:
    row = ENGINE[0].find(request.path_params["name"])
    if row is None:
        return refused(404, f"No such container: {request.path_params['name']}")
    if row.host["NetworkMode"] not in ENGINE[0].networks:
        return refused(404, f"network {row.host['NetworkMode']} not found")
    bound = row.host["PortBindings"]["8080/tcp"][0]
    env = dict(pair.split("=", 1) for pair in row.config["Env"])
    row.inner = LocalContainer(row.config["Image"], bound["HostIp"], free_port(), row.host["Memory"] // 1_048_576, env)
    await row.inner.start()
    return Response(status_code=204)


async def inspect(request: Request) -> Response:
    row = ENGINE[0].find(request.path_params["name"])
    return JSONResponse(row.inspected()) if row else refused(404, f"No such container: {request.path_params['name']}")


async def logs(request: Request) -> Response:
    row = ENGINE[0].find(request.path_params["name"])
    if row is None or row.inner is None:
        return refused(404, f"No such container: {request.path_params['name']}")
    inner, follow = row.inner, request.query_params.get("follow") in {"1", "true"}

    async def frames() -> AsyncIterator[bytes]:
        if follow:
            async for name, data in inner.output():
                yield FRAME.pack(NUMBERS[name], len(data)) + data
        else:
            for name, data in list(inner.history):
                yield FRAME.pack(NUMBERS[name], len(data)) + data

    return StreamingResponse(frames(), media_type="application/vnd.docker.multiplexed-stream")


async def wait(request: Request) -> Response:
    row = ENGINE[0].find(request.path_params["name"])
    if row is None or row.inner is None:
        return refused(404, f"No such container: {request.path_params['name']}")
    await row.inner.ended.wait()
    return JSONResponse({"StatusCode": row.state["ExitCode"]})


async def remove(request: Request) -> Response:
    row = ENGINE[0].find(request.path_params["name"])
    if row is None:
        return refused(404, f"No such container: {request.path_params['name']}")
    if row.state["Running"] and request.query_params.get("force") not in {"1", "true"}:
        return refused(409, "You cannot remove a running container. Stop the container before attempting removal or force remove")
    if row.inner:
        await row.inner.end()
    ENGINE[0].containers.pop(row.id, None)
    return Response(status_code=204)


async def listed(request: Request) -> Response:
    wanted = json.loads(request.query_params.get("filters") or "{}").get("label") or []
    labels = [label.split("=", 1) for label in wanted]
    every = request.query_params.get("all") in {"1", "true"}
    rows = [
        row.listed()
        for row in ENGINE[0].containers.values()
        if (every or row.state["Running"]) and all((row.config.get("Labels") or {}).get(key) == value for key, value in labels)
    ]
    return JSONResponse(rows)


ROUTES = [
    Route("/_ping", ping),
    Route("/version", version),
    Route("/info", info),
    Route("/networks", networks),
    Route("/networks/create", create_network, methods=["POST"]),
    Route("/networks/{name}", network, methods=["GET", "DELETE"]),
    Route("/images/create", pull, methods=["POST"]),
    Route("/images/{name:path}/json", image),
    Route("/containers/json", listed),
    Route("/containers/create", create, methods=["POST"]),
    Route("/containers/{name}/start", start, methods=["POST"]),
    Route("/containers/{name}/wait", wait, methods=["POST"]),
    Route("/containers/{name}/json", inspect),
    Route("/containers/{name}/logs", logs),
    Route("/containers/{name}", remove, methods=["DELETE"]),
]


async def main(place: str, *security: str) -> None:
    ENGINE.append(Engine(list(security)))
    app = Starlette(routes=[*ROUTES, Mount("/v{version}", routes=ROUTES)])
    where: dict[str, Any] = {"port": int(place)} if place.isdecimal() else {"uds": place}
    try:
        await uvicorn.Server(uvicorn.Config(app, **where, log_level="warning", timeout_graceful_shutdown=1)).serve()
    finally:
        await asyncio.gather(*(row.inner.end() for row in ENGINE[0].containers.values() if row.inner))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
