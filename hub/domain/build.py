"""Builds: what actions depend on, made once and kept (design §9 "Cells")."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class BuildFailed(Exception):
    """It could not be built; the message says why."""


class BuildState(StrEnum):
    """How far a build is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What it came to, and when (ms)."""

    state: BuildState
    at: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the code of an action depends on: `kind` is what runs it, `files` say what is wanted, `names` are what is asked for.

    `id` is a digest of all that it is made of: what is wanted twice is built once.
    """

    id: str
    kind: str
    files: dict[str, str]
    names: tuple[str, ...]


class Build(msgspec.Struct, kw_only=True):
    """One build, for every action that wants it: `actions` by `ns/path`, with the revision that does.

    `log` are the last lines of what was printed; `error` says why it failed. `unused` (ms) is since when no action wants it.
    """

    id: str
    kind: str
    actions: dict[str, int] = {}
    steps: list[Step] = []
    log: list[str] = []
    error: str | None = None
    unused: int | None = None

    @property
    def state(self) -> BuildState:
        """How far it is."""
        return self.steps[-1].state if self.steps else BuildState.WAITING

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in {BuildState.DONE, BuildState.FAILED}
