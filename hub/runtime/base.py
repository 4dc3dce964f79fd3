"""The port of action processes: something that runs one version of one action (openwhisk-api §10).

A runtime makes processes; `hub.runtime.pool` keeps them warm. What an action does wrong is an `Outcome`, never an exception.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Response
from hub.domain.parameters import Json
from hub.runtime.egress import Egress
from hub.runtime.live import Live


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is made for. A process serves one `key` only: namespace, action, revision, and the namespace that calls.

    `egress` says how far it may go, `layers` are the folders that it reads; both are asked for when a process is launched.
    """

    key: tuple[str, str, int, str]
    exec: CodeExec
    limits: Limits
    egress: Egress | None = None
    layers: tuple[str, ...] = ()


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """`/init`: the environment of the action, `__OW_*` and init parameters, all text (openwhisk-api §10.3). `secrets` as of a run."""

    env: dict[str, str]
    secrets: tuple[str, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """`/run`: `value` is the payload, `context` the members that become `__OW_<UPPER>` for this activation (openwhisk-api §10.4).

    `deadline` is in milliseconds since the epoch. `secrets` are values among these that the log must not show.
    """

    value: Json
    context: dict[str, str]
    deadline: int
    secrets: tuple[str, ...] = ()


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a run took: processor time in ms, the most memory of its process so far in MB, the level of isolation (reliability §5.1).

    The time of the first run is with the init, that of runs beside each other in one process is counted to all of them.
    """

    cpu_ms: float
    peak_mb: int
    level: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended. `init_ms` only when this run began with an init; `reusable` False when the process must not serve again.

    `logs` are complete lines in openwhisk-api §3.4's format; `run_ms` is the wall time of the run; `usage` is there where it can be told.
    """

    response: Response
    logs: tuple[str, ...]
    run_ms: int
    init_ms: int | None = None
    timed_out: bool = False
    reusable: bool = True
    usage: Usage | None = None


class ActionProcess(Protocol):
    """One process (with its group).

    `alive` turns False by itself when the process ends, busy or idle; such a one must not be asked again. `places` is how many runs it
    takes at a time; it is known once the process is initialised. What is printed while several are under way is in the log of the one that
    ends first.
    """

    initialized: bool
    alive: bool
    places: int

    async def init(self, start: Start) -> Outcome | None:
        """Hand over the code; None when it is ready to run, else how the init failed (the process is then ended)."""

    async def run(self, run: Run) -> Outcome:
        """Run once. A process that timed out, died or was refused says `reusable=False`; one that ended takes its other runs along."""

    async def stop(self) -> None:
        """End the whole group at once; safe to call twice."""


class Runtime(Protocol):
    """Makes processes. `live` is where what they print can be seen at once."""

    live: Live

    async def open(self) -> None:
        """Find out which kinds really run here. Raises nothing for a kind that does not: it is simply not offered."""

    async def launch(self, spec: ProcessSpec) -> ActionProcess:
        """A fresh process, not initialised. Raises LaunchFailed."""

    def prepare(self, exec_: CodeExec) -> None:
        """Begin what has to be done once before code can run, such as compiling it; returns at once."""

    async def close(self) -> None:
        """End everything that was launched."""


class LaunchFailed(Exception):
    """The process could not be started: a whisk internal error of the activation."""
