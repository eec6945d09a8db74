"""At start: a database that is gone, empty or damaged comes back from its backups, or the program does not start.

So does one that is behind them: a disk that only claimed to have written may have lost ratings that were confirmed as saved.

The newest sound snapshot, then every journalled change after it, in order. The result is built beside the live file,
checked, and renamed into the live path in one step. A damaged or empty file is set aside under another name, never deleted.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from annotation.database import migrate
from annotation.database.engine import open_engines
from annotation.database.journal import PREFIX, SUFFIX, Change, last_number, read, stamp, sync_folder
from annotation.database.snapshots import Snapshot, copy_checked, fault_of, listed
from annotation.errors import DatabaseUnavailable, RestoreFailed

GENERATION = 1_000_000  # a restored database counts on from a later number than any that the lost one may have used
_log = logging.getLogger(__name__)


class Source(Protocol):
    """A copy of the backups on another machine."""

    def fetch(self, folder: Path) -> int:
        """Brings what a restore needs into `folder`; how many files came. Raises MirrorFailed."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was brought back. `missing` counts changes whose line is not there: committed, but never confirmed as saved."""

    snapshot: Path | None
    replayed: int
    missing: int
    ratings: int
    set_aside: Path | None  # the damaged or empty file


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time look at, restore and open the database."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("ab")
    except OSError as error:
        raise DatabaseUnavailable(
            f"the backup folder '{folder}' cannot be written ({error.strerror}); give one that can, or check its rights."
        ) from error
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except (ImportError, OSError) as error:  # Windows, or a file system without locks
            _log.warning("the backup folder cannot be locked (%s): start one process at a time", error)
        yield


def restore_if_needed(path: Path, folder: Path, mirror: Source | None, now: datetime) -> RestoreReport | None:
    """None if the database at `path` is sound, or new in a folder without backups.

    Raises RestoreFailed (backups are there and cannot be used), DatabaseUnavailable (damaged, and no backup),
    MirrorFailed (the copy on another machine has to be asked and does not answer).
    """
    fault = _fault_of_live(path, _last_change(folder))
    if fault is None:
        return None
    if not _backups(folder) and mirror is not None:
        mirror.fetch(folder)
    if not _backups(folder):
        if fault in (_MISSING, _EMPTY):
            return None
        raise DatabaseUnavailable(
            f"'{path}' is no SQLite database, or damaged ({fault}), and '{folder}' holds no backup; give another path."
        )
    beside = path.with_name(f".{path.name}.restoring")
    snapshot, changes = _what_to_use(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        missing = _build(beside, snapshot, changes)
        with closing(sqlite3.connect(beside)) as database:
            ratings = int(database.execute("SELECT count(*) FROM rating").fetchone()[0])
    except (sqlite3.Error, OSError, DatabaseUnavailable) as error:
        _remove(beside)
        raise RestoreFailed(
            f"'{path}' is {fault}, and its backups in '{folder}' cannot be brought back ({error}); nothing was changed. "
            "Mend or move the file that is named, then start again."
        ) from error
    aside = _set_aside(path, now)
    beside.rename(path)
    sync_folder(path.parent)
    report = RestoreReport(snapshot.path if snapshot else None, len(changes), missing, ratings, aside)
    _log.warning(
        "'%s' was %s: restored %d ratings from %s and %d journalled changes%s",
        path,
        fault,
        ratings,
        snapshot.path.name if snapshot else "no snapshot",
        len(changes),
        f"; {missing} changes that were never confirmed as saved are missing" if missing else "",
    )
    return report


_MISSING, _EMPTY = "missing", "empty"


def _last_change(folder: Path) -> int:
    """Number of the last change that the backups know of; 0 without any."""
    snapshots = [one.number for one in listed(folder)]
    return max([*snapshots, *(last_number(path) for path in folder.glob(f"{PREFIX}*{SUFFIX}"))], default=0)


def _fault_of_live(path: Path, newest_backup: int) -> str | None:
    """None for a sound database with rows that holds all changes up to `known`.

    A file that cannot be read for another reason is left to `open_engines`.
    """
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return _MISSING
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(path, timeout=30)) as live:
            (verdict,) = live.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                return f"damaged: {verdict}"
            tables = [row[0] for row in live.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = any(
                live.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()  # noqa: S608 - names out of the schema
                for name in tables
                if name != migrate.VERSION_TABLE
            )
            if not rows:
                return _EMPTY
            number = int(live.execute("PRAGMA user_version").fetchone()[0])
            return (
                None if number >= newest_backup else f"behind its backups (at change {number}, they at {newest_backup})"
            )
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as error:
        return f"damaged: {error}"


def _backups(folder: Path) -> bool:
    return bool(listed(folder)) or any(folder.glob(f"{PREFIX}*{SUFFIX}"))


def _what_to_use(folder: Path) -> tuple[Snapshot | None, list[Change]]:
    """The newest sound snapshot and the changes after it. Raises RestoreFailed."""
    snapshots = listed(folder)
    snapshot = None
    for one in snapshots:
        fault = fault_of(one.path)
        if fault is None:
            snapshot = one
            break
        _log.error("the snapshot '%s' is not sound (%s); an older one is tried", one.path, fault)
    since = snapshot.number if snapshot else 0
    everything = [change for path in sorted(folder.glob(f"{PREFIX}*{SUFFIX}")) for change in read(path)]
    after = {change.number: change for change in everything if change.number > since}
    changes = [after[number] for number in sorted(after)]
    if snapshot is None and (not changes or changes[0].number != 1):
        journals = f"the journals begin with change {changes[0].number}" if changes else "there is no journal"
        raise RestoreFailed(
            f"none of the {len(snapshots)} snapshots in '{folder}' is sound and {journals}, so the ratings cannot be brought back "
            "from there; replace that folder with an older copy, or move it away to start empty."
        )
    return snapshot, changes


def _build(beside: Path, snapshot: Snapshot | None, changes: list[Change]) -> int:
    """Makes the database at `beside`; returns how many changes are missing between those that are there."""
    _remove(beside)
    last = snapshot.number if snapshot else 0
    if snapshot is not None:
        with closing(sqlite3.connect(snapshot.path)) as source:
            copy_checked(source, beside)
    else:
        _upgrade(beside)
    missing = 0
    schema = _schema(beside)
    start = 0
    while start < len(changes):
        if changes[start].schema != schema:  # written by a later version of the program than the snapshot
            _upgrade(beside)
            schema = _schema(beside)
        end = start + 1
        while end < len(changes) and changes[end].schema == changes[start].schema:
            end += 1
        _replay(beside, changes[start:end])
        start = end
    for change in changes:
        missing += change.number - last - 1 if change.number < last + GENERATION // 2 else 0
        last = change.number
    with closing(sqlite3.connect(beside)) as database:
        database.execute(f"PRAGMA user_version={last + GENERATION}")
        database.execute("PRAGMA journal_mode=DELETE")
    fault = fault_of(beside)
    if fault is not None:
        raise DatabaseUnavailable(f"what they hold does not fit together: {fault}")
    return missing


def _upgrade(path: Path) -> None:
    engines = open_engines(path)
    try:
        backup = migrate.upgrade(engines).backup
        if backup is not None:  # the snapshot is that backup
            backup.unlink()
    finally:
        engines.dispose()


def _schema(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute(f"SELECT version_num FROM {migrate.VERSION_TABLE}").fetchone()[0])  # noqa: S608


def _replay(path: Path, changes: list[Change]) -> None:
    """Puts rows in as they were. Per change, old rows go first, so that a slot can pass from one row to another."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")  # checked as a whole at the end
        connection.execute("BEGIN IMMEDIATE")
        for change in changes:
            for table, rows in change.rows.items():
                at = rows.columns.index(rows.key) if rows.columns else 0
                keys = [(row[at],) for row in rows.values] + [(key,) for key in rows.gone]
                connection.executemany(f'DELETE FROM "{table}" WHERE "{rows.key}" = ?', keys)  # noqa: S608
            for table, rows in change.rows.items():
                names = ", ".join(f'"{name}"' for name in rows.columns)
                marks = ", ".join("?" * len(rows.columns))
                connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows.values)  # noqa: S608
        connection.execute("COMMIT")


def _set_aside(path: Path, now: datetime) -> Path | None:
    """Renames the live file with what belongs to it; None if there is nothing there."""
    aside = path.with_name(f"{path.stem}.set-aside-{stamp(now.astimezone(UTC))}{path.suffix}")
    for end in ("", "-wal", "-shm", "-journal"):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    return aside if aside.exists() else None


def _remove(path: Path) -> None:
    """Deletes a half-made database of ours."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)
