"""SQLite: one file, one writing connection, readers beside it (reliability §2.3, §2.4)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from hub.domain.errors import Unavailable
from hub.domain.event import Acceptance, Accepted
from hub.storage.base import Ending
from hub.storage.migrations import migrate, stored_schema
from hub.storage.sealing import Sealer
from hub.storage.sql.store import SqlStore, Work
from hub.storage.writer import Unit, Writer
from hub.telemetry.log import get_logger

log = get_logger(__name__)
T = TypeVar("T")

FIXED = (3, 51, 3)
BACKPORTS = ((3, 44, 6), (3, 50, 7))
KEPT_BACKUPS = 3
READERS = 4


class _WritingConnection(sqlite3.Connection):
    """Knows where its log is, so that the writer can see it grow."""

    hub_wal: Path


class SqliteStore(SqlStore):
    """`sqlite:///PATH`. Copies made before a migration go to `backups`."""

    def __init__(self, path: Path, sealer: Sealer, backups: Path) -> None:
        super().__init__(sealer)
        self._path = path
        self._backups = backups
        self._engine: Engine | None = None
        self._readers: Engine | None = None
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="hub-reader")
        self._writer: Writer | None = None

    async def open(self) -> None:
        """See `Store.open`."""
        log.debug("SQLite", version=sqlite3.sqlite_version, wal_reset_fixed=_wal_reset_fixed())
        self._engine = _writing_engine(self._path)
        await asyncio.to_thread(self._migrate, self._engine)
        self._readers = _reading_engine(self._path)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="hub-reader")
        self._writer = Writer(self._engine)

    def _migrate(self, engine: Engine) -> None:
        existing = self._path.exists() and self._path.stat().st_size > 0
        with engine.connect() as connection:
            found = stored_schema(connection)
            migrate(connection, found, before=self._back_up if existing else None)

    def _back_up(self, found: str | None) -> None:
        """A consistent copy, log included; the last three are kept."""
        self._backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._backups / f"hub-{found or 'empty'}-{len(list(self._backups.iterdir())):04d}.db"
        source = sqlite3.connect(self._path)
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        target.chmod(0o600)
        for old in sorted(self._backups.glob("hub-*.db"), key=lambda file: file.stat().st_mtime_ns)[:-KEPT_BACKUPS]:
            old.unlink()

    async def close(self) -> None:
        """See `Store.close`."""
        if self._writer is not None:
            await self._writer.close()
        self._threads.shutdown()
        if self._readers is not None:
            self._readers.dispose()
        if self._engine is not None:
            self._engine.dispose()

    async def _read(self, work: Work[T]) -> T:
        if self._readers is None:
            raise RuntimeError("the store is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _read, self._readers, work)
        except DBAPIError as error:
            raise Unavailable(f"The hub's record cannot be read now ({error.orig}).", retry_after=5) from error

    async def _submit(self, **kind: Any) -> Any:
        if self._writer is None:
            raise RuntimeError("the store is not open")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._writer.submit(Unit(future, **kind))
        return await future

    async def _write(self, work: Work[T]) -> T:
        result: T = await self._submit(work=work)
        return result

    async def accept_all(self, acceptances: Sequence[Acceptance]) -> list[Accepted]:
        """See `Store.accept_all`."""
        answers: list[Accepted] = await self._submit(accept=acceptances)
        return answers

    async def start_dispatches(self, activation_ids: Sequence[str]) -> None:
        """See `Store.start_dispatches`."""
        await self._submit(started=activation_ids)

    async def finish(self, endings: Sequence[Ending]) -> None:
        """See `Store.finish`."""
        await self._submit(finish=endings)


def _wal_reset_fixed() -> bool:
    """Whether this library has the fix of the WAL-reset bug; below it a second writer would be a danger, and there is none."""
    version = sqlite3.sqlite_version_info
    return version >= FIXED or any(version[:2] == backport[:2] and version >= backport for backport in BACKPORTS)


def _writing_engine(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, factory=_WritingConnection, isolation_level=None, check_same_thread=False, timeout=10)
        connection.hub_wal = path.with_name(path.name + "-wal")
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")  # readers never wait for the writer
        cursor.execute("PRAGMA synchronous=FULL")  # what is committed survives a power cut; NORMAL lost rows in every simulation
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=10000")  # a backup may hold the file for a moment
        cursor.execute("PRAGMA secure_delete=ON")  # what was deleted is overwritten, secrets above all
        cursor.execute("PRAGMA wal_autocheckpoint=0")  # the writer checkpoints between batches
        cursor.execute("PRAGMA cache_size=-16384")
        cursor.execute("PRAGMA temp_store=MEMORY")
        path.chmod(0o600)
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _read(engine: Engine, work: Work[T]) -> T:
    with engine.connect() as connection:
        return work(connection)


def _reading_engine(path: Path) -> Engine:
    """One thread hop a read, whatever it does: each statement by itself would cost more than the statement."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only=ON")  # only the writer writes
        cursor.execute("PRAGMA wal_autocheckpoint=0")  # and only the writer checkpoints
        cursor.execute("PRAGMA cache_size=-4096")
        cursor.close()
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=READERS, max_overflow=0)
