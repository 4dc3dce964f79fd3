"""Keys that stand in files, by their look."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding
from hub.domain.secrecy import KEYS
from hub.services.checks import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Any member of the artefact."""
    for name, data in subject.files.items():
        text = data.decode("latin-1")
        for what, pattern in KEYS:
            match = pattern.search(text)
            if match:
                yield Finding(
                    code="secret_in_files",
                    message=f"the file holds what looks like {what}",
                    file=name,
                    line=text.count("\n", 0, match.start()) + 1,
                    way_out="Take it out and change it: it was in a file.",
                )
