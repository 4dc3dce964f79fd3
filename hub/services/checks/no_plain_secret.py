"""A secret has no place in a package that everybody can read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject

_SECRET = re.compile(r"passw|secret|token|api_?key|credential", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Finding]:
    """Inputs that look secret, with a value."""
    manifest = subject.manifest
    for inputs in (manifest.inputs, *(action.inputs for action in manifest.actions)):
        for given in inputs:
            if (given.secret or _SECRET.search(given.name)) and isinstance(given.value, str) and given.value and "$" not in given.value:
                yield Finding(
                    code="no_plain_secret",
                    message=f"input {given.name!r} carries a value, and its name says that it is a secret",
                    line=given.line,
                    way_out="Take the value out, mark the input required, and change the secret: it was in a file.",
                )
