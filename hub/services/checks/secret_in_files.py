"""Keys that stand in files, by their look."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject

_PATTERNS = (
    ("a private key", re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
    ("an access key of AWS", re.compile(rb"\bAKIA[0-9A-Z]{16}\b")),
    ("a token of GitHub", re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36,}\b")),
    ("a token of Slack", re.compile(rb"\bxox[abpr]-[A-Za-z0-9-]{20,}\b")),
    ("a key of OpenWhisk", re.compile(rb"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[A-Za-z0-9]{64}\b")),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Any member of the artefact."""
    for name, data in subject.files.items():
        for what, pattern in _PATTERNS:
            match = pattern.search(data)
            if match:
                yield Finding(
                    code="secret_in_files",
                    message=f"the file holds what looks like {what}",
                    file=name,
                    line=data[: match.start()].count(b"\n") + 1,
                    way_out="Take it out and change it: it was in a file.",
                )
