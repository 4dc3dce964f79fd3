"""The port of what starts launchers: plain children of the hub, or cells (reliability §5.1).

A spawner knows where a launcher runs and what holds it; what is said to it is `hub.runtime.process`'s.
"""

from __future__ import annotations

import socket
from typing import Protocol

import msgspec

from hub.runtime.egress import Egress, Gate
from hub.runtime.kinds import Kind
from hub.runtime.usage import Meter


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a launcher is started for. `memory` in MB; `unpacked` bytes and `files` are what an archive of code will take of its folder.

    `egress` says how far it may go; None: nowhere but to the hub's API. `layers` are folders that it reads (`hub.runtime.layers`).
    """

    kind: Kind
    memory: int
    unpacked: int = 0
    files: int = 0
    egress: Egress | None = None
    layers: tuple[str, ...] = ()


class Spawned(Protocol):
    """A launcher that waits for its first frame, with everything it will start.

    `door` is the socket to it, not blocking. `watch_every` says how often (s) its time and its memory are to be looked at while it works;
    `relents` whether `weigh` can be taken back, for which the hub, or its warden, has to be root.
    `gate` is its way out.
    `layers` say where the layers that were wanted are for it, `modules` where those are that all of its kind may use; both may be
    relative to its own folder.
    """

    door: socket.socket
    watch_every: float
    gate: Gate
    relents: bool
    layers: list[str]
    modules: str

    def pipes(self) -> tuple[int, int]:
        """Descriptors of stdout and stderr, which are the caller's from now on."""

    def resident(self) -> int:
        """Bytes of memory of all its processes; 0 where the kernel itself keeps the limit."""

    def meter(self) -> Meter:
        """What reads how much of the machine it takes."""

    def weigh(self, *, yields: bool) -> None:
        """Whether it runs only when nobody else wants the processor."""

    def kill(self) -> None:
        """End it with everything it started; safe to call twice."""

    async def gone(self) -> bool:
        """Wait until nothing of it is left, and give everything back but the door. Whether it was ended for want of memory."""


class Spawner(Protocol):
    """Starts launchers."""

    async def open(self) -> None:
        """Make ready. Raises IsolationRefused when what was asked for cannot be had."""

    async def spawn(self, wanted: Wanted) -> Spawned:
        """A launcher of that kind. Raises LaunchFailed; there is no other way to run it then."""

    async def close(self) -> None:
        """End everything that was spawned."""
