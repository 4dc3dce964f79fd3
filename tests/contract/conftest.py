"""Every driver of a port, opened for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from hub.storage.base import Store
from hub.storage.sealing import KeySealer
from tests.support import postgres

KEK = b"k" * 32


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One PostgreSQL for all tests."""
    with postgres.running(tmp_path_factory.mktemp("postgres") / "server") as address:
        yield address


async def fresh_database(server: str, name: str) -> str:
    """An empty database of that name; its address."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return server.rpartition("/")[0] + f"/{name}"


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty record."""
    found = await open_store(request, tmp_path)
    await found.open()
    yield found
    await found.close()


async def open_store(request: pytest.FixtureRequest, folder: Path) -> Store:
    """The driver that the test is run with, not yet open."""
    if request.param == "sqlite":
        from hub.storage.sqlite import SqliteStore

        return SqliteStore(folder / "hub.db", KeySealer(KEK), folder / "backups")
    from hub.storage.postgres import PostgresStore

    address = await fresh_database(request.getfixturevalue("server"), "contract")
    return PostgresStore(address, KeySealer(KEK))
