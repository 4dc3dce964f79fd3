"""What an action names is in the artefact."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Files by name, folders by a member below them."""
    for action in subject.manifest.actions:
        function = action.function.removeprefix("./").rstrip("/")
        if not function or function.startswith(("http://", "https://")):
            continue
        if function not in subject.files and not any(name.startswith(f"{function}/") for name in subject.files):
            yield Finding(
                code="function_file_exists",
                message=f"action {action.name!r} names {function!r}, which is not in the package",
                line=action.line,
                way_out="Mend the path, which counts from the manifest's folder.",
            )
