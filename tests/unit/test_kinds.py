"""Kinds are what really runs here (openwhisk-api §2.4, design §9 "Cells")."""

from __future__ import annotations

import sys

import pytest

from hub.domain.errors import Malformed
from hub.runtime.kinds import Kinds

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    """Of this machine."""
    return Kinds.discover()


def test_the_default_is_resolved_to_what_runs(kinds: Kinds) -> None:
    """When it is written."""
    assert kinds.resolve("python:default").name == f"python:{VERSION}"
    assert kinds.resolve("python:3").name == "python:3"


@pytest.mark.parametrize("kind", ["python:3.6", "python:3.7", "python:3.10"])
def test_an_older_kind_of_a_family_is_taken_and_told_what_runs_it(kinds: Kinds, kind: str) -> None:
    """As it was sent; it is not listed."""
    assert kinds.resolve(kind).name == kind
    assert kinds.runs_on(kind) == f"python:{VERSION}"
    assert kind not in kinds.names()


@pytest.mark.parametrize(
    "kind", ["python:2", "python:3.99", "python:4", "python:", "python:x", "python:3.5", "cobol:1", "", "nodejs:999", "python:٣"]
)
def test_what_cannot_run_is_refused_with_the_list(kinds: Kinds, kind: str) -> None:
    """In upstream's words."""
    with pytest.raises(Malformed) as refusal:
        kinds.resolve(kind)

    assert f"The specified runtime '{kind}' is not supported by this platform. Valid values are: " in str(refusal.value)
    assert "'python:3'" in str(refusal.value)
    assert "'sequence', 'blackbox'." in str(refusal.value)


def test_the_manifest_lists_one_default_for_each_family(kinds: Kinds) -> None:
    """With the members that clients read."""
    for rows in kinds.manifest().values():
        assert sum(row["default"] for row in rows) == 1
        assert all(set(row) == {"kind", "image", "deprecated", "default", "attached", "requireMain"} for row in rows)
        assert all(isinstance(row["image"], str) for row in rows)
    assert kinds.runs_on("python:3") is None
