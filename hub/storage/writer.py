"""The one writer of a SQLite file: a thread that turns everything that waits into one transaction (reliability §2.3, §2.4)."""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from hub.domain.errors import Unavailable
from hub.domain.event import Acceptance
from hub.storage.base import Ending
from hub.storage.sql import work
from hub.telemetry import metrics
from hub.telemetry.log import get_logger

log = get_logger(__name__)

LARGEST_BATCH = 512
CHECKPOINT_SIZE = 32 * 1_048_576
"""Bytes of the log: pages that are written again and again are copied once."""


@dataclass(slots=True)
class Unit:
    """One piece of work and who waits for it. Exactly one of the four kinds is set."""

    future: asyncio.Future[Any]
    work: Callable[[Connection], Any] | None = None
    accept: Sequence[Acceptance] | None = None
    started: Sequence[str] | None = None
    finish: Sequence[Ending] | None = None


class Writer:
    """Owns the writing connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="hub-writer", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit) -> None:
        """Queue a unit; its future ends after the commit that holds it."""
        self._queue.put(unit)

    async def close(self) -> None:
        """Commit what is queued, then end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        with self._engine.connect() as connection:
            open_ = True
            while open_:
                first = self._queue.get()
                units = [first] if first is not None else []
                open_ = first is not None
                while open_ and len(units) < LARGEST_BATCH:
                    try:
                        more = self._queue.get_nowait()
                    except queue.Empty:
                        break
                    if more is None:
                        open_ = False
                    else:
                        units.append(more)
                if units:
                    self._commit(connection, units)
            _checkpoint(connection, "TRUNCATE")

    def _commit(self, connection: Connection, units: list[Unit]) -> None:
        begun = time.perf_counter()
        results: list[tuple[Unit, Any, BaseException | None]]
        try:
            results = _committed(connection, units)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            results = [(unit, None, _in_words(error)) for unit in units]
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the waiting callers, not to this thread
            results = [(unit, None, error) for unit in units]
        metrics.group_commit(len(units), time.perf_counter() - begun)
        self._loop.call_soon_threadsafe(_settle, results)
        _checkpoint_if_large(connection)


def _committed(connection: Connection, units: list[Unit]) -> list[tuple[Unit, Any, BaseException | None]]:
    try:
        with connection.begin():
            return _carry_out(connection, units)
    except OperationalError:
        raise
    except DBAPIError:
        with connection.begin():
            return _one_by_one(connection, units)


def _settle(results: list[tuple[Unit, Any, BaseException | None]]) -> None:
    for unit, value, error in results:
        if unit.future.done():
            continue
        if error is None:
            unit.future.set_result(value)
        else:
            unit.future.set_exception(error)


def _carry_out(connection: Connection, units: list[Unit]) -> list[tuple[Unit, Any, BaseException | None]]:
    results: list[tuple[Unit, Any, BaseException | None]] = []
    hot: list[Unit] = []
    for unit in units:
        if unit.work is None:
            hot.append(unit)
            continue
        try:
            with connection.begin_nested():
                results.append((unit, unit.work(connection), None))
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - one unit's failure is its caller's; its neighbours are committed
            results.append((unit, None, error))
    if len(hot) == len(units):
        # Nothing else is in this transaction: it is itself what is undone when one of them does not fit.
        return _hot(connection, hot)
    if hot:
        try:
            with connection.begin_nested():
                results.extend(_hot(connection, hot))
        except OperationalError:
            raise
        except DBAPIError:
            results.extend(_one_by_one(connection, hot))
    return results


def _hot(connection: Connection, units: list[Unit]) -> list[tuple[Unit, Any, BaseException | None]]:
    """All accepts in one go, then the starts, then the ends: a statement a table, whoever asked."""
    results: list[tuple[Unit, Any, BaseException | None]] = []
    accepts = [unit for unit in units if unit.accept is not None]
    if accepts:
        answers = work.accept(connection, [taken for unit in accepts for taken in unit.accept or ()], time.time_ns() // 1_000_000)
        place = 0
        for unit in accepts:
            count = len(unit.accept or ())
            results.append((unit, answers[place : place + count], None))
            place += count
    started = [activation_id for unit in units for activation_id in unit.started or ()]
    if started:
        work.start_dispatches(connection, started)
    endings = [ending for unit in units for ending in unit.finish or ()]
    if endings:
        work.finish(connection, endings)
    results.extend((unit, None, None) for unit in units if unit.accept is None)
    return results


def _one_by_one(connection: Connection, units: list[Unit]) -> list[tuple[Unit, Any, BaseException | None]]:
    """One of them does not fit the record; find out which, and keep the others."""
    results: list[tuple[Unit, Any, BaseException | None]] = []
    for unit in units:
        try:
            with connection.begin_nested():
                results.extend(_hot(connection, [unit]))
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - the failure belongs to this unit's caller
            results.append((unit, None, error))
    return results


def _in_words(error: BaseException) -> Unavailable:
    cause = getattr(error, "orig", error)
    log.error("The database refused a write", reason=str(cause))
    return Unavailable(
        f"The hub's record cannot be written now ({cause}); nothing was accepted. Free space on its disk or mend it, then try again.",
        retry_after=5,
    )


def _checkpoint_if_large(connection: Connection) -> None:
    """Checkpoint between batches, on the connection that writes, when the log has grown."""
    wal = getattr(connection.connection.dbapi_connection, "hub_wal", None)
    try:
        size = os.stat(wal).st_size if wal is not None else 0  # noqa: PTH116 - after every commit
    except FileNotFoundError:
        return
    if size >= CHECKPOINT_SIZE:
        _checkpoint(connection, "PASSIVE" if size < CHECKPOINT_SIZE * 8 else "TRUNCATE")


def _checkpoint(connection: Connection, mode: str) -> None:
    try:
        raw = connection.connection.dbapi_connection
        if raw is not None:
            raw.cursor().execute(f"PRAGMA wal_checkpoint({mode})")
    except sqlite3.Error as error:
        log.warning("A checkpoint has to wait", reason=str(error))
