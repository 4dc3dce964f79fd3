"""What actions, packages, triggers and rules have in common (openwhisk-api §2.2)."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from hub.domain.errors import Malformed
from hub.domain.names import FullName
from hub.domain.parameters import EMPTY, Parameters

FIRST_VERSION = "0.0.1"
_VERSION = re.compile(r"\A(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?\Z", re.ASCII)


class Collection(StrEnum):
    """The four kinds that share one key space in a namespace."""

    ACTIONS = "actions"
    PACKAGES = "packages"
    TRIGGERS = "triggers"
    RULES = "rules"


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """The common part. `updated` is in milliseconds; `revision` counts writes and guards against lost updates."""

    name: FullName
    version: str = FIRST_VERSION
    publish: bool = False
    updated: int = 0
    annotations: Parameters = EMPTY
    revision: int = 0


def parse_version(text: str) -> str:
    """Normalise `1`, `1.2` or `1.2.3`; raise Malformed for anything else and for 0.0.0."""
    match = _VERSION.match(text.strip())
    numbers = tuple(int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if numbers == (0, 0, 0):
        message = "The request content was malformed:\nrequirement failed: semantic version malformed"
        raise Malformed(message)
    return ".".join(str(number) for number in numbers)


def next_version(version: str) -> str:
    """The version after a successful update."""
    major, minor, patch = version.split(".")
    return f"{major}.{minor}.{int(patch) + 1}"
