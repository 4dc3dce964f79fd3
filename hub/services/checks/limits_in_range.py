"""Limits that no namespace could grant."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject

_RANGES = {"timeout": (100, 300_000), "memory": (128, 512), "logs": (0, 10)}


def check(subject: Subject) -> Iterator[Finding]:
    """See openwhisk-api §2.4."""
    for action in subject.manifest.actions:
        for name, value in action.limits.items():
            low, high = _RANGES[name]
            if not low <= value <= high:
                yield Finding(
                    code="limits_in_range",
                    message=f"the limit {name} of action {action.name!r} is {value}; {low} to {high} are allowed",
                    line=action.line,
                    way_out="Choose a value in the range, or leave the limit out.",
                )
