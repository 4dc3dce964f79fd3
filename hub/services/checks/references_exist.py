"""Rules and sequences name what the package has."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Bare names mean this package; names with a slash lie elsewhere."""
    manifest = subject.manifest
    actions = {item.name for item in manifest.actions}
    actions |= {item.name for item in manifest.sequences} | {item.name for item in manifest.feeds}
    triggers = {trigger.name for trigger in manifest.triggers}
    for sequence in manifest.sequences:
        for part in sequence.actions:
            if "/" not in part and part not in actions:
                yield _missing("action", part, f"sequence {sequence.name!r}", sequence.line)
        if sequence.name in {action.name for action in manifest.actions}:
            yield Finding(
                code="references_exist",
                message=f"{sequence.name!r} is both an action and a sequence",
                line=sequence.line,
                way_out="Give one of them another name.",
            )
    for rule in manifest.rules:
        if rule.action and "/" not in rule.action and rule.action not in actions:
            yield _missing("action", rule.action, f"rule {rule.name!r}", rule.line)
        if rule.trigger and "/" not in rule.trigger and rule.trigger not in triggers:
            yield _missing("trigger", rule.trigger, f"rule {rule.name!r}", rule.line)
    for connection in manifest.connections:
        if connection.check and connection.check not in actions:
            yield _missing("action", connection.check, f"connection {connection.name!r}", None)


def _missing(what: str, name: str, where: str, line: int | None) -> Finding:
    return Finding(
        code="references_exist",
        message=f"{where} names the {what} {name!r}, which the package does not have",
        file="manifest.yaml" if line else "hub.yaml",
        line=line,
        way_out="Mend the name, or add what it names.",
    )
