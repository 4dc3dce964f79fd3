"""The catalog's words: listings, releases, findings (marketplace §0)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hub.domain.parameters import Json


class ReleaseStatus(StrEnum):
    """What may be done with a release."""

    RELEASED = "released"
    YANKED = "yanked"


class Severity(StrEnum):
    """Errors block a publish, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a check has to say. `way_out` tells what to do."""

    code: str
    message: str
    file: str = "manifest.yaml"
    line: int | None = None
    severity: Severity = Severity.ERROR
    way_out: str = ""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version of a listing. `digest` is the SHA-256 (hex) of the artefact, `document` the parsed manifest as data."""

    namespace: str
    name: str
    version: str
    digest: str
    size: int
    released: int
    publisher: str
    serial: int
    document: dict[str, Json]
    readme: str = ""
    status: ReleaseStatus = ReleaseStatus.RELEASED

    @property
    def full_name(self) -> str:
        """`ns/name`, as people type it."""
        return f"{self.namespace}/{self.name}"


class Install(msgspec.Struct, frozen=True, kw_only=True):
    """One release put into one namespace. `entities` are `collection:path`, in the order they were made."""

    install_id: str
    namespace: str
    package: str
    name: str
    version: str
    digest: str
    installed: int
    entities: tuple[str, ...] = ()
    connections: dict[str, str] = {}
