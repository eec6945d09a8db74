"""Whole copies of the live database, made by SQLite's backup API and checked before they count.

A copy of the file by the file system would miss the WAL, and closing the file would drop SQLite's locks. A
snapshot appears under its name whole or not at all: snapshot-<time>-<number of its last change>.db.
"""

import os
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from annotation.database.journal import PREFIX as JOURNAL_PREFIX
from annotation.database.journal import stamp, sync_folder
from annotation.errors import DatabaseUnavailable

KEEP_NEWEST = 12
KEEP_DAYS = 14  # of each, the last snapshot
_NAME = re.compile(r"snapshot-(\d{8}T\d{12}Z)-(\d+)\.db\Z")
_JOURNAL = re.compile(JOURNAL_PREFIX + r"(\d{8}T\d{12}Z)-")
_MARGIN = timedelta(hours=1)  # another process may keep a journal open across our snapshot


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy that was found sound when it was made."""

    path: Path
    created_at: datetime
    number: int  # of the last change it holds
    ratings: int | None = None  # rows of the table `rating`; None where the copy was not looked into


def copy_checked(source: sqlite3.Connection, target: Path) -> None:
    """Copies through SQLite into a new file and checks it: pages, indexes, foreign keys; then fsyncs it.

    Raises DatabaseUnavailable if the copy is not sound, sqlite3.Error or OSError if it cannot be made. A copy that is
    not sound is removed.
    """
    try:
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without -wal beside it
        fault = fault_of(target)
        if fault is not None:
            raise DatabaseUnavailable(f"the copy '{target}' is not sound ({fault}); the database was not touched.")
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def fault_of(path: Path) -> str | None:
    """What is wrong with a closed database file, in SQLite's words; None if it is sound."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                return str(verdict)
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            return f"a row of '{broken[0]}' refers to a missing one of '{broken[2]}'" if broken else None
    except sqlite3.Error as error:
        return str(error)


def take(source: sqlite3.Connection, folder: Path, now: datetime) -> Snapshot:
    """A checked snapshot of the database behind `source` in `folder`. Raises what `copy_checked` raises."""
    beside = folder / f".snapshot-{stamp(now)}-{os.getpid()}.partial"
    copy_checked(source, beside)
    with closing(sqlite3.connect(beside)) as copy:
        number = int(copy.execute("PRAGMA user_version").fetchone()[0])
        ratings = int(copy.execute("SELECT count(*) FROM rating").fetchone()[0])
    target = folder / f"snapshot-{stamp(now)}-{number:010d}.db"
    beside.rename(target)
    sync_folder(folder)
    return Snapshot(target, now, number, ratings)


def listed(folder: Path) -> list[Snapshot]:
    """The snapshots of a folder, the one with the latest change first; not looked into."""
    snapshots = []
    for path in folder.glob("snapshot-*.db"):
        match = _NAME.match(path.name)
        if match:
            snapshots.append(Snapshot(path, _time(match[1]), int(match[2])))
    return sorted(snapshots, key=lambda one: (one.number, one.created_at), reverse=True)


def superseded(names: Iterable[str], newest: int = KEEP_NEWEST, days: int = KEEP_DAYS) -> set[str]:
    """Names of snapshots and journals that are not needed any more.

    Kept: the `newest` snapshots, the last one of each of the last `days` days that have one, and every journal that
    may hold a change after the oldest of the `newest`.
    """
    names = set(names)
    times = {name: _time(match[1]) for name in names if (match := _NAME.match(name))}
    order = sorted(times, key=lambda name: times[name], reverse=True)
    last_of_day: dict[object, str] = {}
    for name in order:
        last_of_day.setdefault(times[name].date(), name)
    retained = {*order[:newest], *list(last_of_day.values())[:days]}
    gone = set(order) - retained
    if len(order) >= newest:
        since = times[order[newest - 1]] - _MARGIN
        gone |= {name for name in names if (match := _JOURNAL.match(name)) and _time(match[1]) < since}
    return gone


def needed(names: Iterable[str], snapshots: int = 2) -> list[str]:
    """What a restore needs of `names`: the newest snapshots (one may be damaged) and the journals since the older."""
    names = set(names)
    times = {name: _time(match[1]) for name in names if (match := _NAME.match(name))}
    order = sorted(times, key=lambda name: times[name], reverse=True)[:snapshots]
    since = times[order[-1]] - _MARGIN if order else datetime.min.replace(tzinfo=UTC)
    return order + sorted(name for name in names if (match := _JOURNAL.match(name)) and _time(match[1]) >= since)


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
