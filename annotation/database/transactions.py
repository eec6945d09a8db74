"""One method, one transaction: how a function of `annotation.queries` becomes a method of the store."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from annotation.database import changes, snapshots
from annotation.database.changes import TracedSession
from annotation.database.engine import Engines, translated_errors
from annotation.database.journal import Change, Journal
from annotation.database.snapshots import Snapshot
from annotation.errors import DatabaseUnavailable
from annotation.records import Receipt

Result = TypeVar("Result")
_ATTEMPTS = 3
WRITES_END_S = 60.0  # a write waits 30 s for the lock at most


Arguments = ParamSpec("Arguments")
Method = Callable[Concatenate["Transactions", Arguments], Result]


def utc_now() -> datetime:
    """The time as the store sees it; tests pass another clock."""
    return datetime.now(UTC)


class Transactions:
    """Both engines of a database and its clock; closes them, also as a context manager."""

    def __init__(
        self, engines: Engines, clock: Callable[[], datetime] = utc_now, journal: Journal | None = None
    ) -> None:
        """For engines that are migrated already. `journal`: takes every change of an SQLite file."""
        self._engines = engines
        self._clock = clock
        self._journal = journal
        self._stopped: str | None = None
        self._writing = 0  # methods that began before a stop and have not journalled yet
        self._idle = threading.Condition()

    def stop_writing(self, reason: str, wait_s: float = WRITES_END_S) -> bool:
        """From now on every writing method raises DatabaseUnavailable with this sentence; reading goes on.

        Returns whether all that had begun are over, and in the journal, after at most `wait_s` seconds.
        """
        with self._idle:
            self._stopped = reason
            return self._idle.wait_for(lambda: self._writing == 0, wait_s)

    @property
    def journal_mode(self) -> str | None:
        """The mode: "wal" on a local disk, "delete" on a network path, "memory", None for PostgreSQL."""
        return self._engines.journal_mode

    @property
    def change_number(self) -> int:
        """Of the last change in an SQLite file, over all processes; 0 in a new one, in memory and for PostgreSQL."""
        if self._engines.path is None:
            return 0
        with translated_errors(), self._engines.reader.connect() as connection:
            return changes.change_number(connection)

    @property
    def path(self) -> Path | None:
        """Of the SQLite file; None in memory and for PostgreSQL."""
        return self._engines.path

    def empty_write_ahead_log(self) -> None:
        """Moves the write-ahead log of an SQLite file into the file, and cuts it to nothing: it may hold deleted rows."""
        if self._engines.journal_mode == "wal":
            with translated_errors(), self._engines.writer.connect() as connection:
                driver = connection.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if busy:
                    raise DatabaseUnavailable(
                        "the write-ahead log is in use and could not be emptied; it is tried again."
                    )

    def snapshot(self, folder: Path, now: datetime) -> Snapshot:
        """A checked copy of an SQLite database in `folder`, while others go on. Raises DatabaseUnavailable, OSError."""
        with translated_errors(), self._engines.reader.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection), "PostgreSQL has its own backups"
            try:
                return snapshots.take(driver, folder, now)
            except sqlite3.Error as error:
                raise DatabaseUnavailable(
                    f"no snapshot could be written to '{folder}' ({error}); free space."
                ) from error

    def close(self) -> None:
        """Closes all connections. Harmless when repeated."""
        self._engines.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, work: Callable[[Session], Result]) -> Result:
        with self._idle:
            if self._stopped is not None:
                raise DatabaseUnavailable(self._stopped)
            self._writing += 1
        try:
            return self._written(work)
        finally:
            with self._idle:
                self._writing -= 1
                self._idle.notify_all()

    def _written(self, work: Callable[[Session], Result]) -> Result:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                result, change = self._commit(work)
            except IntegrityError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                if self._journal is not None and change is not None and not self._journal.append(change):
                    return _without_backup(result)
                return result
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _commit(self, work: Callable[[Session], Result]) -> tuple[Result, Change | None]:
        """Runs `work` in one transaction; what it changed, where that is numbered (SQLite files)."""
        if self._engines.path is None:
            with translated_errors(), Session(self._engines.writer) as session, session.begin():
                return work(session), None
        with translated_errors(), TracedSession(self._engines.writer) as session, session.begin():
            return work(session), changes.seal(session, self._clock())

    def _read(self, work: Callable[[Session], Result]) -> Result:
        with translated_errors(), Session(self._engines.reader) as session, session.begin():
            return work(session)


def _without_backup(result: Result) -> Result:
    """The same receipt, but it tells that only the database holds the change: the journal could not be written."""
    return replace(result, backed_up=False) if isinstance(result, Receipt) else result


def reading(query: Callable[Concatenate[Session, Arguments], Result]) -> Method[Arguments, Result]:
    """The method that runs `query` in one transaction that only reads."""

    def method(store: Transactions, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return store._read(lambda session: query(session, *args, **kwargs))

    method.__doc__ = query.__doc__
    return method


def reading_now(query: Callable[Concatenate[Session, datetime, Arguments], Result]) -> Method[Arguments, Result]:
    """The same for a query that depends on the time."""

    def method(store: Transactions, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return store._read(lambda session: query(session, store._clock(), *args, **kwargs))

    method.__doc__ = query.__doc__
    return method


def writing(query: Callable[Concatenate[Session, Arguments], Result]) -> Method[Arguments, Result]:
    """The method that runs `query` in one transaction that writes, and returns after its commit."""

    def method(store: Transactions, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return store._write(lambda session: query(session, *args, **kwargs))

    method.__doc__ = query.__doc__
    return method


def writing_now(query: Callable[Concatenate[Session, datetime, Arguments], Result]) -> Method[Arguments, Result]:
    """The same for a query that stores the time."""

    def method(store: Transactions, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return store._write(lambda session: query(session, store._clock(), *args, **kwargs))

    method.__doc__ = query.__doc__
    return method
