"""Pods as the API has them (core/v1): what is asked for, and what became of it (reliability §5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.runtime.cells import ladder
from hub.runtime.container.engine import PORT, ContainerSpec, Holding
from hub.runtime.process import LONGEST_LIFE

LABEL = "whiskhub/hub"
CONTAINER = "action"
BAD_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_WAITS = (None, "ContainerCreating", "PodInitializing")
_SCRATCH = ("tmp", "run", "action")
_DISK = "256Mi"
_NETWORK = "every address that the namespace's network policies let through; the number of processes, where the node keeps no limit on it"


def manifest(name: str, mark: str, spec: ContainerSpec, *, runtime_class: str) -> dict[str, Any]:
    """A pod with nothing of the cluster in it: no token, no names of services, no user of the node, no capabilities."""
    security: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": not spec.writable,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if spec.user.isdecimal():
        security |= {"runAsUser": int(spec.user), "runAsNonRoot": spec.user != "0"}
    size = {"cpu": "1", "memory": f"{spec.memory}Mi", "ephemeral-storage": _DISK}
    container = {
        "name": CONTAINER,
        "image": spec.image,
        "env": [{"name": key, "value": value} for key, value in spec.env.items()],
        "ports": [{"containerPort": PORT}],
        "resources": {"limits": size, "requests": {**size, "cpu": "50m"}},
        "securityContext": security,
        "volumeMounts": [] if spec.writable else [{"name": name, "mountPath": f"/{name}"} for name in _SCRATCH],
    }
    pod: dict[str, Any] = {
        "hostUsers": False,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        # One whose hub never comes back ends by itself.
        "activeDeadlineSeconds": 2 * LONGEST_LIFE,
        "containers": [container],
        "volumes": [] if spec.writable else [{"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}} for name in _SCRATCH],
    }
    if runtime_class:
        pod["runtimeClassName"] = runtime_class
    metadata = {
        "name": name,
        "labels": {LABEL: mark, "app.kubernetes.io/part-of": "whiskhub"},
        "annotations": {"whiskhub/action": spec.action},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}


def holding(made: Mapping[str, Any], runtime_class: str) -> Holding:
    """What the cluster kept of what was asked for: one that does not know a field passes over it in silence."""
    spec = made["spec"]
    higher: dict[str, str] = {}
    kept = spec["containers"][0].get("securityContext") or {}
    level = ladder.CELL
    if not kept.get("seccompProfile"):
        level, higher["2"] = ladder.LIMITS, "the cluster passed over the seccomp profile"
    elif spec.get("hostUsers") is not False:
        level, higher["3"] = ladder.FENCE, "the cluster gives pods no user namespace (hostUsers: false)"
    elif runtime_class and spec.get("runtimeClassName") == runtime_class:
        return Holding(level=5, name=f"pod of {runtime_class}", leaves_open=_NETWORK)
    else:
        higher["4"] = "whether the node limits the processes of a pod, the API does not tell"
    higher["5"] = "HUB_RUNTIME__RUNTIME_CLASS names no runtime class with a kernel of its own"
    return Holding(level=level, name="pod", leaves_open=f"{_NETWORK}; the kernel, which all share", higher=higher)


def _status(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = pod["status"].get("containerStatuses") or [{}]
    found: Mapping[str, Any] = rows[0].get("state") or {}
    return found


def started(pod: Mapping[str, Any]) -> bool:
    """Whether its container runs, or has ended already."""
    status = _status(pod)
    return "terminated" in status or ("running" in status and bool(pod["status"].get("podIP")))


def trouble(pod: Mapping[str, Any]) -> str:
    """Why its container will not start; empty while it may."""
    reason = (_status(pod).get("waiting") or {}).get("reason")
    if reason not in _WAITS:
        return str(reason)
    return str(pod["status"].get("reason", "the pod failed")) if pod["status"].get("phase") == "Failed" and not started(pod) else ""


def out_of_memory(pod: Mapping[str, Any]) -> bool:
    """Whether its container was ended for want of memory."""
    return (_status(pod).get("terminated") or {}).get("reason") == "OOMKilled"
