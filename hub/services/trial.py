"""Running code once in a throw-away process, without making an action of it: how connections are tested."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import msgspec

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Response, Status
from hub.domain.build import BuildFailed
from hub.domain.parameters import Json
from hub.runtime.base import LaunchFailed, ProcessSpec, Run, Runtime, Start
from hub.runtime.egress import Egress

LIMITS = Limits(timeout=30_000, logs=1)


class Trial:
    """Runs once and throws the process away, logs and all."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.layers_for: Callable[[CodeExec], Awaitable[tuple[str, ...]]] | None = None

    async def run(self, exec_: CodeExec, payload: dict[str, Json], *, namespace: str, name: str, egress: Egress | None = None) -> Response:
        """The response of one run; without `egress` it goes nowhere."""
        spec = ProcessSpec(key=(namespace, f"trial/{name}", 0, namespace), exec=exec_, limits=LIMITS, egress=egress)
        try:
            if self.layers_for is not None:
                spec = msgspec.structs.replace(spec, layers=await self.layers_for(exec_))
            process = await self._runtime.launch(spec)
        except (LaunchFailed, BuildFailed) as error:
            return Response.error(Status.WHISK_ERROR, str(error))
        try:
            failed = await process.init(Start(env={"__OW_NAMESPACE": namespace}))
            if failed is not None:
                return failed.response
            deadline = time.time_ns() // 1_000_000 + LIMITS.timeout
            outcome = await process.run(Run(value=payload, context={"namespace": namespace}, deadline=deadline))
            return outcome.response
        finally:
            await process.stop()
