"""PostgreSQL: the same statements through asyncpg; hot writes of one hub share a transaction (reliability §2.5)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.domain.errors import Malformed, Unavailable
from hub.domain.event import Acceptance, Accepted
from hub.storage.base import Ending
from hub.storage.migrations import migrate, stored_schema
from hub.storage.sealing import Sealer
from hub.storage.sql import work
from hub.storage.sql.store import SqlStore, Work

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - the item of a gathered call

POOL = 8
LARGEST_BATCH = 512
HUBS = 8
"""How many may count records at the same time without waiting for each other."""
TRIES = 5
_MIGRATION_LOCK = 0x776869736B
_NO_NUL = "untranslatable_character"


class Gathered(Generic[I, T]):
    """Calls that come while one commit is under way share the next."""

    def __init__(self, commit: Callable[[list[I]], Awaitable[list[T]]]) -> None:
        self._commit = commit
        self._waiting: list[tuple[list[I], asyncio.Future[list[T]]]] = []
        self._running: asyncio.Task[None] | None = None

    async def add(self, items: Sequence[I]) -> list[T]:
        """Returns after the commit that holds the items, with their results."""
        future: asyncio.Future[list[T]] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(items), future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            calls, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            try:
                results = await self._commit([item for items, _ in calls for item in items])
            except Exception as error:  # noqa: BLE001 - it belongs to those who wait
                if len(calls) > 1 and not isinstance(error, Unavailable):
                    await self._one_by_one(calls)
                    continue
                for _, future in calls:
                    if not future.done():
                        future.set_exception(error)
                continue
            place = 0
            for items, future in calls:
                if not future.done():
                    future.set_result(results[place : place + len(items)])
                place += len(items)

    async def _one_by_one(self, calls: list[tuple[list[I], asyncio.Future[list[T]]]]) -> None:
        """One of them does not fit the record; the others are kept."""
        for items, future in calls:
            try:
                result = await self._commit(items)
            except Exception as error:  # noqa: BLE001 - it belongs to the one who waits
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

    async def close(self) -> None:
        """Wait for the commit under way."""
        if self._running is not None:
            await self._running


class PostgresStore(SqlStore):
    """`postgresql://…`; several hubs may share the database."""

    def __init__(self, url: str, sealer: Sealer) -> None:
        super().__init__(sealer)
        _, _, rest = url.partition("://")
        self._url = f"postgresql+asyncpg://{rest}"
        self._engine: AsyncEngine | None = None
        self._slot = 2 * secrets.randbelow(HUBS)
        self._accepts: Gathered[Acceptance, Accepted] = Gathered(self._accept)
        self._starts: Gathered[str, None] = Gathered(self._start)
        self._ends: Gathered[Ending, None] = Gathered(self._finish)

    async def open(self) -> None:
        """See `Store.open`."""
        self._engine = create_async_engine(self._url, pool_size=POOL, max_overflow=0, pool_pre_ping=True)
        async with self._engine.connect() as connection:
            await connection.run_sync(_migrate)

    async def close(self) -> None:
        """See `Store.close`."""
        for gathered in (self._accepts, self._starts, self._ends):
            await gathered.close()
        if self._engine is not None:
            await self._engine.dispose()

    async def _run(self, work_: Work[T], *, write: bool) -> T:
        if self._engine is None:
            raise RuntimeError("the store is not open")
        for attempt in range(TRIES):
            try:
                async with self._engine.begin() if write else self._engine.connect() as connection:
                    return await connection.run_sync(work_)
            except IntegrityError:
                # Two hubs took the same serial, or made the same key: the one that lost looks again.
                if attempt == TRIES - 1:
                    raise
            except (DBAPIError, OSError) as error:
                raise _in_words(error) from error
        raise AssertionError

    async def _read(self, work: Work[T]) -> T:
        return await self._run(work, write=False)

    async def _write(self, work: Work[T]) -> T:
        return await self._run(work, write=True)

    async def accept_all(self, acceptances: Sequence[Acceptance]) -> list[Accepted]:
        """See `Store.accept_all`."""
        return await self._accepts.add(acceptances)

    async def _accept(self, acceptances: list[Acceptance]) -> list[Accepted]:
        return await self._write(lambda link: work.accept(link, acceptances, time.time_ns() // 1_000_000, self._slot))

    async def start_dispatches(self, activation_ids: Sequence[str]) -> None:
        """See `Store.start_dispatches`."""
        await self._starts.add(activation_ids)

    async def _start(self, activation_ids: list[str]) -> list[None]:
        await self._write(lambda link: work.start_dispatches(link, activation_ids))
        return [None] * len(activation_ids)

    async def finish(self, endings: Sequence[Ending]) -> None:
        """See `Store.finish`."""
        await self._ends.add(endings)

    async def _finish(self, endings: list[Ending]) -> list[None]:
        await self._write(lambda link: work.finish(link, endings, self._slot + 1))
        return [None] * len(endings)


def _migrate(connection: Connection) -> None:
    """One hub migrates at a time; the lock goes with the transaction."""
    with connection.begin():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        migrate(connection, stored_schema(connection), before=None)


def _in_words(error: Any) -> Exception:
    cause = getattr(error, "orig", None) or error
    text = str(cause)
    if "0x00" in text or "\\u0000" in text or _NO_NUL in text:
        return Malformed("NUL characters are not allowed in text")
    first = text.splitlines()[0] if text else type(cause).__name__
    return Unavailable(f"The hub's record cannot be reached now ({first.partition('>: ')[2] or first}).", retry_after=2)
