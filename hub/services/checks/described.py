"""What is not described is not found, and not understood."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding, Severity
from hub.services.checks import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Warnings only: an old package publishes as it is."""
    manifest = subject.manifest
    if not manifest.description:
        yield _warning("the package has no description", manifest.line, "Add `annotations: {description: …}`.")
    if not manifest.license:
        yield _warning("the package has no license", manifest.line, "Add `license: Apache-2.0`, or whichever holds.")
    if not manifest.readme:
        yield _warning("the package has no README.md", None, "Say in a README.md what it does and what it needs.")
    sampled = {sample.action for sample in manifest.samples}
    for action in manifest.actions:
        if not action.description:
            yield _warning(f"action {action.name!r} has no description", action.line, "Add `annotations: {description: …}`.")
        if action.name not in sampled and "sampleInput" not in action.annotations:
            yield _warning(f"action {action.name!r} has no sample", action.line, "Add samples/NAME.json with action, input and output.")
        for given in action.inputs:
            if not given.description:
                yield _warning(f"input {given.name!r} of action {action.name!r} has no description", given.line, "Add `description:`.")


def _warning(message: str, line: int | None, way_out: str) -> Finding:
    return Finding(code="described", message=message, line=line, way_out=way_out, severity=Severity.WARNING)
