"""A release has a semantic version."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject

_VERSION = re.compile(r"\A(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-[0-9A-Za-z.-]{1,64})?\Z", re.ASCII)


def check(subject: Subject) -> Iterator[Finding]:
    """`1.2.3`, or `1.2.3-beta.1`."""
    version = subject.manifest.version
    if not _VERSION.match(version):
        yield Finding(
            code="version_is_semantic",
            message=f"the version {version!r} is not semantic" if version else "the package has no version",
            line=subject.manifest.line,
            way_out="Write `version: 1.0.0`, or publish with --version.",
        )
