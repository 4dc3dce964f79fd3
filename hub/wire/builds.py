"""Builds as `/hub/v1` shows them."""

from __future__ import annotations

from hub.domain.build import Build
from hub.domain.parameters import Json


def build_row(build: Build, namespace: str) -> dict[str, Json]:
    """Without the log. Times are milliseconds since the epoch; `actions` are those of that namespace."""
    mine = sorted(name for name in build.actions if name.startswith(f"{namespace}/"))
    return {
        "id": build.id,
        "kind": build.kind,
        "state": str(build.state),
        "actions": mine,
        "steps": [{"state": str(step.state), "at": step.at} for step in build.steps],
        "error": build.error,
    }


def build_to_wire(build: Build, namespace: str) -> dict[str, Json]:
    """With the last lines of the log."""
    return {**build_row(build, namespace), "log": build.log}
