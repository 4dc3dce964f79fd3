"""Where a package goes to is told in places, not in wishes: whoever installs it reads them (marketplace §6)."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain import places
from hub.domain.manifest import PackageManifest
from hub.domain.release import Finding, Severity
from hub.services.checks import Subject
from hub.services.outbound import is_inside, is_number

_WAY_OUT = 'Write `capabilities: {egress: ["api.example.com:443"]}`; a host may begin with `*.`, or be `{connection.NAME.FIELD}`.'


def check(subject: Subject) -> Iterator[Finding]:
    """Each entry is a place, its connections are declared, and it is outside."""
    declared = subject.manifest.capabilities.get("egress", [])
    if not isinstance(declared, list):
        yield _finding("egress is no list")
        return
    for entry in declared:
        if not isinstance(entry, str) or not places.is_place(entry):
            yield _finding(f"{entry!r} is no place to go to")
            continue
        yield from _unknown_fields(subject.manifest, entry)
        place = places.split(entry)
        if place is None:
            continue
        host = place[0].removeprefix("*.")
        if is_number(host) or ("." not in host and place[0].startswith("*.")):
            yield _finding(f"{entry!r} names too much, or a number")
        elif is_inside(host):
            yield _finding(f"{entry!r} is inside a network, where only the operator can let it go", warning=True)


def _unknown_fields(manifest: PackageManifest, entry: str) -> Iterator[Finding]:
    for name, field in places.fields(entry):
        connection = manifest.connection(name)
        if connection is None or field not in {row.name for row in connection.fields}:
            yield _finding(f"{entry!r} names the field {field!r} of a connection {name!r}, which is not declared")


def _finding(message: str, *, warning: bool = False) -> Finding:
    severity = Severity.WARNING if warning else Severity.ERROR
    return Finding(code="egress_is_precise", message=message, file="hub.yaml", severity=severity, way_out=_WAY_OUT)
