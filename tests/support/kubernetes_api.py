"""A Kubernetes API server in the part that the hub uses (core/v1 of 1.33: pods, their logs, their proxy), whose pods are local processes.

Written after the API reference of 1.33. Each pod has an address of its own on the loopback. It knows one namespace, `actions`, and one token,
whose rights are those of the role in `hub/docs/containers.md`.
`--old` makes it pass over `hostUsers`, as clusters do that do not know the field.

Started as `python -m tests.support.kubernetes_api PORT CERTIFICATE KEY TOKEN [--old]`.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.runtime.container.engine import plain_client
from tests.support.containers import LocalContainer, can_be_had

POD_SPEC = [
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "ephemeralContainers",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostUsers",
    "hostname",
    "imagePullSecrets",
    "initContainers",
    "nodeName",
    "nodeSelector",
    "os",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "resourceClaims",
    "resources",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "securityContext",
    "serviceAccountName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
]
CONTAINER = [
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resizePolicy",
    "resources",
    "restartPolicy",
    "securityContext",
    "startupProbe",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
]
SECURITY = [
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "windowsOptions",
]
CLASSES = ("gvisor",)
PAGE = Path(__file__).parents[2] / "hub" / "docs" / "containers.md"


class Pod:
    """One, as the API shows it, and what runs in it."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.inner: LocalContainer | None = None
        self.ip = "127." + ".".join(str(secrets.randbelow(250) + 2) for _ in range(3))
        self.state: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
        self.phase = "Pending"
        self.gone = False

    def shown(self) -> dict[str, Any]:
        status = {
            "phase": self.phase,
            "podIP": self.ip if self.inner else "",
            "containerStatuses": [{"name": "action", "state": self.state}],
        }
        return {**self.body, "status": status}


class Cluster:
    """What there is, and a bell that rings when it changes."""

    def __init__(self, token: str, *, old: bool) -> None:
        self.token, self.old, self.rights = token, old, rights()
        self.pods: dict[str, Pod] = {}
        self.bell = asyncio.Condition()
        self.tasks: set[asyncio.Task[None]] = set()

    async def ring(self) -> None:
        async with self.bell:
            self.bell.notify_all()

    async def run(self, pod: Pod) -> None:
        """What a node does with a pod."""
        container = pod.body["spec"]["containers"][0]
        if not can_be_had(container["image"]):
            pod.state = {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}
            await self.ring()
            return
        memory = int(container["resources"]["limits"]["memory"].removesuffix("Mi"))
        env = {row["name"]: row["value"] for row in container["env"]}
        inner = LocalContainer(container["image"], pod.ip, 8080, memory, env)
        await inner.start()
        pod.inner, pod.phase, pod.state = inner, "Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        await self.ring()
        await inner.ended.wait()
        pod.phase, pod.state = "Failed", {"terminated": {"reason": "OOMKilled" if inner.oom else "Error", "exitCode": inner.exit_code}}
        await self.ring()

    async def end(self, pod: Pod) -> None:
        pod.gone = True
        self.pods.pop(pod.body["metadata"]["name"], None)
        if pod.inner:
            await pod.inner.end()
        await self.ring()


CLUSTER: list[Cluster] = []


def refused(status: int, reason: str, message: str) -> Response:
    return JSONResponse(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": status}, status
    )


def rights() -> set[tuple[str, str]]:
    """What the role on the page of containers allows: resources and verbs."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    role = next(document for document in map(yaml.safe_load, blocks) if document["kind"] == "Role")
    return {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


def asked(request: Request) -> tuple[str, str]:
    """The resource and the verb of a request, as access control reads them."""
    if request.url.path.endswith("/log"):
        return "pods/log", "get"
    if "/proxy/" in request.url.path:
        return "pods/proxy", "create"
    if "name" in request.path_params:
        return "pods", {"GET": "get", "DELETE": "delete"}[request.method]
    verb = {"POST": "create", "DELETE": "deletecollection", "GET": "list"}[request.method]
    return "pods", "watch" if request.query_params.get("watch") in {"1", "true"} else verb


def denied(request: Request) -> Response | None:
    if request.headers.get("authorization") != f"Bearer {CLUSTER[0].token}":
        return refused(401, "Unauthorized", "Unauthorized")
    if request.path_params["namespace"] != "actions":
        return refused(
            403,
            "Forbidden",
            f'pods is forbidden: User "hub" cannot use resource "pods" in the namespace "{request.path_params["namespace"]}"',
        )
    resource, verb = asked(request)
    if (resource, verb) not in CLUSTER[0].rights:
        return refused(403, "Forbidden", f'{resource} is forbidden: User "hub" cannot {verb} resource "{resource}"')
    return None


async def pods(request: Request) -> Response:
    return denied(request) or await {"POST": _create, "DELETE": _collection, "GET": _list}[request.method](request)


async def _create(request: Request) -> Response:
    body = await request.json()
    spec = body["spec"]
    [container] = spec["containers"]
    strange = [key for key in spec if key not in POD_SPEC] + [key for key in container if key not in CONTAINER]
    strange += [key for key in container["securityContext"] if key not in SECURITY]
    if strange:
        return refused(400, "BadRequest", f"strict decoding error: unknown fields {', '.join(strange)}")
    if spec.get("runtimeClassName", CLASSES[0]) not in CLASSES:
        return refused(
            403,
            "Forbidden",
            f'pods "{body["metadata"]["name"]}" is forbidden: pod rejected: RuntimeClass "{spec["runtimeClassName"]}" not found',
        )
    if CLUSTER[0].old:
        spec.pop("hostUsers", None)
    body["metadata"] |= {
        "uid": secrets.token_hex(8),
        "resourceVersion": "1",
        "namespace": "actions",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    pod = Pod(body)
    if request.query_params.get("dryRun") != "All":
        CLUSTER[0].pods[body["metadata"]["name"]] = pod
        task = asyncio.create_task(CLUSTER[0].run(pod))
        CLUSTER[0].tasks.add(task)
        task.add_done_callback(CLUSTER[0].tasks.discard)
    return JSONResponse(pod.shown(), 201)


def _chosen(request: Request) -> list[Pod]:
    found = list(CLUSTER[0].pods.values())
    for pair in filter(None, request.query_params.get("labelSelector", "").split(",")):
        key, _, value = pair.partition("=")
        found = [pod for pod in found if pod.body["metadata"].get("labels", {}).get(key) == value]
    for pair in filter(None, request.query_params.get("fieldSelector", "").split(",")):
        found = [pod for pod in found if pod.body["metadata"]["name"] == pair.partition("=")[2]]
    return found


async def _collection(request: Request) -> Response:
    for pod in _chosen(request):
        await CLUSTER[0].end(pod)
    return JSONResponse({"kind": "Status", "apiVersion": "v1", "status": "Success"})


async def _list(request: Request) -> Response:
    if request.query_params.get("watch") not in {"1", "true"}:
        return JSONResponse(
            {
                "kind": "PodList",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": "1"},
                "items": [pod.shown() for pod in _chosen(request)],
            }
        )
    watched = _chosen(request)

    async def events() -> AsyncIterator[bytes]:
        last = ""
        while watched:
            pod = watched[0]
            shown = json.dumps({"type": "DELETED" if pod.gone else "MODIFIED", "object": pod.shown()})
            if shown != last:
                last = shown
                yield shown.encode() + b"\n"
            if pod.gone:
                return
            async with CLUSTER[0].bell:
                await CLUSTER[0].bell.wait()

    return StreamingResponse(events(), media_type="application/json")


async def pod(request: Request) -> Response:
    if (no := denied(request)) is not None:
        return no
    found = CLUSTER[0].pods.get(request.path_params["name"])
    if found is None:
        return refused(404, "NotFound", f'pods "{request.path_params["name"]}" not found')
    if request.method == "DELETE":
        await CLUSTER[0].end(found)
    return JSONResponse(found.shown())


async def log(request: Request) -> Response:
    if (no := denied(request)) is not None:
        return no
    found = CLUSTER[0].pods.get(request.path_params["name"])
    if found is None or found.inner is None:
        return refused(404, "NotFound", f'pods "{request.path_params["name"]}" not found')
    inner = found.inner

    async def output() -> AsyncIterator[bytes]:
        async for _, data in inner.output():
            yield data

    return StreamingResponse(output(), media_type="text/plain")


async def proxy(request: Request) -> Response:
    """A request to a pod through the API server."""
    if (no := denied(request)) is not None:
        return no
    found = CLUSTER[0].pods.get(request.path_params["name"].partition(":")[0])
    if found is None or found.inner is None:
        return refused(503, "ServiceUnavailable", "no endpoints available")
    async with plain_client(f"http://{found.ip}:8080") as client:
        try:
            answer = await client.post(f"/{request.path_params['path']}", content=await request.body())
        except httpx.HTTPError as error:
            return refused(503, "ServiceUnavailable", f"error trying to reach service: {error}")
    return Response(answer.content, answer.status_code, media_type="application/json")


async def everything(request: Request) -> Response:
    """For tests: the pods, whatever the rights."""
    return JSONResponse({"items": [pod.shown() for pod in _chosen(request)]})


BASE = "/api/v1/namespaces/{namespace}/pods"
ROUTES = [
    Route("/everything", everything),
    Route(BASE, pods, methods=["GET", "POST", "DELETE"]),
    Route(BASE + "/{name}", pod, methods=["GET", "DELETE"]),
    Route(BASE + "/{name}/log", log),
    Route(BASE + "/{name}/proxy/{path:path}", proxy, methods=["POST"]),
]


async def main(port: str, certificate: str, key: str, token: str, *options: str) -> None:
    CLUSTER.append(Cluster(token, old="--old" in options))
    app = Starlette(routes=ROUTES)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=int(port), ssl_certfile=certificate, ssl_keyfile=key, log_level="warning", timeout_graceful_shutdown=1
    )
    try:
        await uvicorn.Server(config).serve()
    finally:
        await asyncio.gather(*(pod.inner.end() for pod in CLUSTER[0].pods.values() if pod.inner))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
