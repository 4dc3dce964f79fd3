"""Publish checks: one file each, found by listing this folder; all findings are told at once (style §5.14).

A check module has `check(subject: Subject) -> Iterator[Finding]` and is named for what it demands.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

import msgspec

from hub.domain.manifest import PackageManifest
from hub.domain.release import Finding


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is checked. `kinds` are the kinds that run here; `official` is the publisher `whisk.system`."""

    manifest: PackageManifest
    files: Mapping[str, bytes]
    kinds: tuple[str, ...] = ()
    official: bool = False


class Check(Protocol):
    """One check."""

    def check(self, subject: Subject) -> Iterator[Finding]:
        """Everything it has to say."""


@lru_cache(maxsize=1)
def all_checks() -> tuple[Check, ...]:
    """Every check of the folder, by name."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))
    return tuple(cast("Check", importlib.import_module(f"{__name__}.{name}")) for name in names)


def run_checks(subject: Subject) -> tuple[Finding, ...]:
    """The findings of all checks, in the order of the file's lines."""
    found = [finding for check in all_checks() for finding in check.check(subject)]
    return tuple(sorted(found, key=lambda finding: (finding.severity, finding.file, finding.line or 0)))
