"""A hub for each module of the suite, and who calls it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.compat.steps import tenant
from tests.support import hubs


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub with its defaults."""
    with hubs.running(tmp_path_factory.mktemp("compat") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner of `guest`, who is not throttled."""
    with hub.http as found:
        yield found


@pytest.fixture(scope="module")
def stranger(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner of another namespace, `stranger`."""
    with tenant(hub, "stranger") as found:
        yield found
