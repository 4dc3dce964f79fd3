"""A kind that cannot run here is not published here."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The family must be one that runs; older kinds of it are taken."""
    families = {kind.partition(":")[0] for kind in subject.kinds}
    for action in subject.manifest.actions:
        if action.kind and families and action.kind.partition(":")[0] not in families:
            yield Finding(
                code="kind_runs_here",
                message=f"action {action.name!r} needs the kind {action.kind!r}, which does not run here",
                line=action.line,
                way_out=f"Kinds: {', '.join(subject.kinds)}.",
            )
