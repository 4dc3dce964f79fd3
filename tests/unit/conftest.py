"""Which loops the tests of a module run on: those it names as `LOOPS`, one after the other, else the usual one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest


def pytest_asyncio_loop_factories(item: pytest.Function) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]] | None:
    """See pytest-asyncio."""
    found: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] | None = getattr(item.module, "LOOPS", None)
    return found
