"""The schema's history: migrated schemas are the tables', a copy is made first, what is newer is refused."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from hub.domain.event import Acceptance
from hub.services.retention import Retention
from hub.settings import Retention as RetentionSettings
from hub.storage import migrations
from hub.storage.base import ActivationFilter, Ending, Page, SchemaTooNew
from hub.storage.sealing import KeySealer
from hub.storage.sqlite import SqliteStore
from hub.storage.tables import metadata
from tests.contract.conftest import KEK, fresh_database
from tests.contract.test_storage import activation, dispatch


def sqlite_store(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "hub.db", KeySealer(KEK), folder / "backups")


def differences(url: str) -> list[object]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found: list[object] = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    return found


async def test_a_migrated_sqlite_is_what_the_tables_say(tmp_path: Path) -> None:
    """No table, column or index more or less."""
    store = sqlite_store(tmp_path)
    await store.open()
    await store.close()

    assert differences(f"sqlite:///{tmp_path / 'hub.db'}") == []


async def test_a_migrated_postgres_is_what_the_tables_say(server: str) -> None:
    """The same, asked through the driver that the hub uses."""
    from sqlalchemy.ext.asyncio import create_async_engine

    from hub.storage.postgres import PostgresStore

    address = await fresh_database(server, "schema")
    store = PostgresStore(address, KeySealer(KEK))
    await store.open()
    await store.close()
    engine = create_async_engine(address.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda link: compare_metadata(MigrationContext.configure(link), metadata))
    await engine.dispose()

    assert found == []


def test_the_newest_migration_is_the_one_that_the_program_knows() -> None:
    """Otherwise a start would not see that there is something to do."""
    versions = Path(migrations.__file__).parent / "versions"
    found = sorted(file.name.partition("_")[0] for file in versions.glob("[0-9]*.py"))

    assert found[-1] == migrations.HEAD


async def test_a_copy_is_made_before_an_existing_file_changes(tmp_path: Path) -> None:
    """The last three copies stay."""
    for number in range(5):
        with sqlite3.connect(tmp_path / "hub.db") as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
                database.execute(f"DROP TABLE {name}")
            database.execute(f"CREATE TABLE before_{number} (x)")
        store = sqlite_store(tmp_path)
        await store.open()
        await store.close()
    copies = sorted(_listed(tmp_path / "backups"))

    assert len(copies) == 3
    with sqlite3.connect(copies[-1]) as copy:
        assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("before_4",)]


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_newer_schema_is_refused_with_both_versions(tmp_path: Path) -> None:
    """And nothing is changed."""
    store = sqlite_store(tmp_path)
    await store.open()
    await store.close()
    with sqlite3.connect(tmp_path / "hub.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match=f"9999.*{migrations.HEAD}"):
        await sqlite_store(tmp_path).open()


async def test_retention_keeps_what_is_young_and_what_is_unfinished(tmp_path: Path) -> None:
    """What is older than the settings say goes; a full disk is said, and the oldest go first."""
    store = sqlite_store(tmp_path)
    await store.open()
    waiting = dispatch()
    await store.accept(Acceptance(dispatches=(waiting,)))
    young = activation(start=2**42)
    old = activation(start=1, activation_id="0" * 32)
    await store.finish([Ending(activation=young), Ending(activation=old)])
    kept = Retention(store, RetentionSettings(disk_free=0), tmp_path)
    await kept.sweep()
    left = await store.list_activations("ns", ActivationFilter(), Page(limit=10))
    full = Retention(store, RetentionSettings(disk_free=2**60, activations=timedelta(days=7)), tmp_path)
    await full.sweep()

    assert [row.activation_id for row in left] == [young.activation_id]
    assert kept.state == "ok"
    assert "HUB_RETENTION__DISK_FREE" in full.state
    assert await store.unfinished() == [waiting]
    await store.close()
