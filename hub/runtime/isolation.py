"""Which level of isolation this hub has: found by doing, never lowered in silence (reliability §5.1)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import sys
import tempfile
from pathlib import Path

import msgspec

from hub.runtime import modules
from hub.runtime.cells import ladder
from hub.runtime.kinds import Kinds
from hub.runtime.starters import CHILDREN, Starter, StartRefused
from hub.runtime.warden import Plan

PROBE_SECONDS = 60.0
_SYSTEM = Path("/usr")
_LAUNCHERS = Path(__file__).with_name("launchers")


class IsolationRefused(Exception):
    """The hub must not start like this; the message names the setting, what was found, and what to write instead."""


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: the level, why each higher one was refused, and which attacks this one leaves open."""

    level: int
    refused: dict[str, str] = {}
    open: list[str] = []

    def details(self) -> dict[str, object]:
        """For the log, `/ready` and the operator's page."""
        level = ladder.LEVELS[self.level]
        return {"level": level.number, "name": level.name, "leaves_open": level.leaves_open, "higher": self.refused}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants.

    `highest` None is the best there is; `accept` is the lowest that may follow a higher one; `loopback` says where the hub listens.
    """

    highest: int | None
    accept: int | None
    loopback: bool


def plan(folder: Path, kinds: Kinds, *, toolchains: Path | None = None, layers: Path | None = None) -> Plan:
    """What the warden of the hub with that data folder is told; makes the folders it names, those of `toolchains` and `layers` too."""
    run = folder / "run"
    scratch = run / "view"
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    shared = [str(toolchains)] if toolchains else []
    if toolchains:
        toolchains.mkdir(mode=0o755, parents=True, exist_ok=True)
    if layers is not None:
        layers.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Plan(
        interpreter=kinds.interpreter,
        scratch=str(scratch),
        readable=sorted(
            {path for path in (os.path.realpath(sys.base_prefix), *shared, *kinds.readable()) if not Path(path).is_relative_to(_SYSTEM)}
        ),
        **settled(folder),
        modules=modules.shown(),
        layers=str(layers or ""),
    )


def settled(folder: Path) -> dict[str, str]:
    """The part of the plan that a supervisor keeps: where the warden makes and removes things in the machine's own places."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    # A user of its own cannot go through the data folder, which is the hub's alone.
    temporary = tempfile.gettempdir() if ladder.is_root() else str(folder / "run" / "cells")
    return {"name": f"whiskhub-{digest}", "temporary": temporary, "launchers": str(_LAUNCHERS)}


async def find(plan: Plan, choice: Choice, remembered: Path, starter: Starter = CHILDREN) -> Isolation:
    """The level to run at; `remembered` is a file that keeps the last one. Raises IsolationRefused with what to write instead."""
    highest = ladder.HIGHEST if choice.highest is None else choice.highest
    found = Isolation(level=ladder.NONE) if highest == ladder.NONE else await _probe(plan, highest, starter)
    unwanted = {str(level): f"HUB_RUNTIME__LEVEL is {highest}" for level in range(ladder.HIGHEST, highest, -1)}
    found = msgspec.structs.replace(found, refused={**unwanted, **found.refused})
    settle(found, choice, remembered)
    return found


def settle(found: Isolation, choice: Choice, remembered: Path) -> None:
    """Take what was found. Raises IsolationRefused when the hub must not start with it."""
    _check(found, choice, _last(remembered))
    _remember(remembered, found.level)


def _check(found: Isolation, choice: Choice, last: int | None) -> None:
    why = "; ".join(f"level {level}: {reason}" for level, reason in found.refused.items())
    if found.level == ladder.NONE and choice.highest != ladder.NONE:
        raise IsolationRefused(
            f"HUB_RUNTIME__LEVEL cannot be used: no level of isolation holds here ({why}). "
            "Mend what is named, or write 0 to run actions without isolation, on loopback and for your own code alone."
        )
    if found.level == ladder.NONE and not choice.loopback:
        raise IsolationRefused(
            "HUB_RUNTIME__LEVEL cannot be used: found 0, which is for a hub on loopback, and HUB_HOST is not. "
            "Leave it out for the highest level that holds, or listen on 127.0.0.1."
        )
    if last is not None and found.level < last and (choice.accept is None or found.level < choice.accept):
        raise IsolationRefused(
            f"HUB_RUNTIME__ACCEPT_LEVEL is needed: actions ran at isolation level {last} before, and now only level {found.level} "
            f"can be had ({why}). Mend what is named, or accept it with HUB_RUNTIME__ACCEPT_LEVEL={found.level}."
        )


def _remember(remembered: Path, level: int) -> None:
    remembered.write_text(str(level))


def _last(remembered: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(remembered.read_text())
    return None


async def _probe(plan: Plan, highest: int, starter: Starter) -> Isolation:
    """Ask the program that builds cells and attacks from inside. Raises IsolationRefused when it does not answer."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            probe = await starter.start(plan.interpreter, "probe", theirs)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                said = await _asked(ours, plan.words(highest=highest))
            return msgspec.json.decode(said, type=Isolation)
        finally:
            await probe.kill()
            await probe.gone()
    except (TimeoutError, OSError, msgspec.MsgspecError, StartRefused) as error:
        ours.close()
        raise IsolationRefused(
            "HUB_RUNTIME__LEVEL cannot be used: the probe of the isolation levels gave no answer. "
            "Look at what it wrote above, or write 0 to run actions without isolation on loopback."
        ) from error


async def _asked(way: socket.socket, words: dict[str, object]) -> bytes:
    """Everything that is answered."""
    reader, writer = await asyncio.open_connection(sock=way)
    try:
        writer.write(msgspec.json.encode(words))
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
