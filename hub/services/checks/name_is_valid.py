"""A listing's name can be typed, and is told apart from others (marketplace §0)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject

_NAME = re.compile(r"\A[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])\Z")


def check(subject: Subject) -> Iterator[Finding]:
    """2 to 64 lower-case letters, digits and dashes."""
    if not _NAME.match(subject.manifest.name):
        yield Finding(
            code="name_is_valid",
            message=f"{subject.manifest.entity_name!r} makes no usable listing name",
            line=subject.manifest.line,
            way_out="Use 2 to 64 letters, digits and dashes, or publish with --name NAME.",
        )
