"""Makes a database from a snapshot and the changes after it, beside the live file; sets a damaged file aside."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from annotation.database import migrate
from annotation.database.engine import open_engines
from annotation.database.journal import Change, stamp
from annotation.database.snapshots import Snapshot, copy_checked, fault_of
from annotation.errors import DatabaseUnavailable

GENERATION = 1_000_000  # a restored database counts on from a later number than any that the lost one may have used


def build(beside: Path, snapshot: Snapshot | None, changes: list[Change]) -> int:
    """Makes the database at `beside`; returns how many changes are missing between those that are there."""
    remove(beside)
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


def set_aside(path: Path, now: datetime) -> Path | None:
    """Renames the live file with what belongs to it; None if there is nothing there."""
    aside = path.with_name(f"{path.stem}.set-aside-{stamp(now.astimezone(UTC))}{path.suffix}")
    for end in ("", "-wal", "-shm", "-journal"):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    return aside if aside.exists() else None


def remove(path: Path) -> None:
    """Deletes a half-made database of ours."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)
