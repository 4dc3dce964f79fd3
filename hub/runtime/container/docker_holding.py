"""How well a Docker Engine holds actions, by what it tells of itself; nothing is tried here (reliability §5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.runtime.cells import ladder
from hub.runtime.container.engine import Holding

OWN_KERNEL = 5
_SHARING = {"", "runc", "crun", "io.containerd.runc.v2"}
_NETWORK = (
    "every address that the engine's network lets through, those of the machine and of its neighbours among them; "
    "the engine's disk, where an image has a root that it can write to"
)
_KERNEL = "the kernel, which all share"


def of(info: Mapping[str, Any], runtime: str) -> Holding:
    """The highest level whose every part the engine says it has. `info` is its `GET /info`, `runtime` the OCI runtime asked for."""
    options = " ".join(map(str, info.get("SecurityOptions") or ()))
    higher: dict[str, str] = {}
    level = _level(info, options, higher)
    if level == ladder.CELL_WITH_GROUP and runtime not in _SHARING:
        return Holding(level=OWN_KERNEL, name=f"container in {runtime}", leaves_open=_NETWORK)
    higher[str(OWN_KERNEL)] = (
        f"{runtime} shares the kernel" if runtime else "HUB_RUNTIME__RUNTIME_CLASS names no runtime with a kernel of its own"
    )
    open_ = f"{_NETWORK}; {_KERNEL}"
    if level < ladder.CELL:
        open_ += "; root in a container is root of the machine, without capabilities"
    return Holding(level=level, name="container", leaves_open=open_, higher=higher)


def _level(info: Mapping[str, Any], options: str, higher: dict[str, str]) -> int:
    if not info.get("PidsLimit"):
        higher["1"] = "the engine keeps no limit on processes"
        return ladder.NONE
    if "name=seccomp" not in options or "profile=unconfined" in options:
        higher["2"] = "the engine filters no system calls (seccomp)"
        return ladder.LIMITS
    if "name=userns" not in options and "name=rootless" not in options:
        higher["3"] = "the engine gives containers no user namespace: run it rootless, or with userns-remap"
        return ladder.FENCE
    if not (info.get("MemoryLimit") and info.get("CpuCfsQuota")):
        higher["4"] = "the engine keeps no limits on memory and processor"
        return ladder.CELL
    return ladder.CELL_WITH_GROUP
