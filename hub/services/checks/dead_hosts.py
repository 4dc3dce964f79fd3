"""Hosts that are gone, and may come back in other hands (packages-and-feeds §16.19)."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding, Severity
from hub.services.checks import Subject

_DEAD = (b".bluemix.net", b"gateway.watsonplatform.net", b"twcservice.mybluemix.net", b".mybluemix.net")


def check(subject: Subject) -> Iterator[Finding]:
    """Wherever they stand in a file."""
    for name, data in subject.files.items():
        for host in _DEAD:
            place = data.find(host)
            if place >= 0:
                yield Finding(
                    code="dead_hosts",
                    message=f"the file names {host.decode()}, which is dead or may belong to somebody else by now",
                    file=name,
                    line=data[:place].count(b"\n") + 1,
                    severity=Severity.WARNING,
                    way_out="Name the service's present address.",
                )
