"""One hub for the journeys that do not stop it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import github, hubs


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub whose feeds and connections may reach this machine."""
    with hubs.running(tmp_path_factory.mktemp("hub") / "data", OUTBOUND__ALLOW="127.0.0.1") as found:
        yield found


@pytest.fixture
def forge() -> Iterator[github.GitHub]:
    """A GitHub."""
    with github.running() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a package."""
    found = tmp_path / "package"
    found.mkdir()
    return found
