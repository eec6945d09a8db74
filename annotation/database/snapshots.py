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
_JOURNAL = re.compile(JOURNAL_PREFIX + r"(\d{8}T\d{12}Z)-[0-9a-f]+-\d+(?:-(\d+))?\.jsonl\Z")
_MARGIN = timedelta(hours=1)  # another process may keep a journal open across our snapshot
_MARGIN_CHANGES = 1_000  # the same, in changes: lines of a journal from its first number on


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """What raters gave, as a database holds it."""

    ratings: int
    orders: int = 0
    markings: int = 0  # outputs whose errors a rater marked, or said to have none

    def __str__(self) -> str:
        more = [(self.orders, "orders of answers"), (self.markings, "outputs marked for errors")]
        return ", ".join([f"{self.ratings} ratings", *(f"{count} {name}" for count, name in more if count)])


def count_answers(database: sqlite3.Connection) -> AnswerCounts:
    """Of a database of any schema: an older one has neither orders nor marked errors."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    counts = (
        int(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) if name in tables else 0  # noqa: S608 - our own names
        for name in ("rating", "preference", "marking")
    )
    return AnswerCounts(*counts)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy whose integrity was checked when it was made."""

    path: Path
    created_at: datetime
    number: int  # of the last change it holds
    answers: AnswerCounts | None = None  # that it holds; None where the copy was not looked into


def copy_checked(source: sqlite3.Connection, target: Path) -> None:
    """Copies through SQLite into a new file and checks it: pages, indexes, foreign keys; then fsyncs it.

    Raises DatabaseUnavailable if the copy is not sound, sqlite3.Error or OSError if it cannot be made. A copy that is
    not sound is removed.
    """
    try:
        target.touch(mode=0o600)  # raters' words: its owner's alone
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
        answers = count_answers(copy)
    target = folder / f"snapshot-{stamp(now)}-{number:010d}.db"
    beside.rename(target)
    sync_folder(folder)
    return Snapshot(target, now, number, answers)


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

    Retained: the `newest` snapshots, the last one of each of the last `days` days that have one, and every journal that
    may hold a change after the oldest of the `newest`. Newer means a higher change number: a clock that was set back
    makes new snapshots look old, and the newest must never go.
    """
    names = set(names)
    taken_at, order = _ordered(names)
    last_of_day: dict[object, str] = {}
    for name in order:
        last_of_day.setdefault(taken_at[name].date(), name)
    retained = {*order[:newest], *sorted(last_of_day.values(), key=taken_at.__getitem__, reverse=True)[:days]}
    gone = set(order) - retained
    if len(order) >= newest:
        oldest = order[newest - 1]
        gone |= {name for name in names if _JOURNAL.match(name) and not _may_follow(name, oldest, taken_at[oldest])}
    return gone


def needed(names: Iterable[str], snapshots: int = 2) -> list[str]:
    """What a restore needs of `names`: the newest snapshots (one may be damaged) and the journals since the older."""
    names = set(names)
    taken_at, order = _ordered(names)
    order = order[:snapshots]
    journals = sorted(name for name in names if _JOURNAL.match(name))
    return order + [name for name in journals if not order or _may_follow(name, order[-1], taken_at[order[-1]])]


def backups_among(names: Iterable[str]) -> set[str]:
    """Every name of a snapshot or journal, also of another writer's late journals."""
    return {name for name in names if _NAME.match(name) or _JOURNAL.match(name) or name.startswith("late-")}


def newest_number(names: Iterable[str]) -> int:
    """The highest change number that a snapshot's or journal's name holds; 0 without any."""
    numbers = [int(match[2] or 0) for name in names if (match := _NAME.match(name) or _JOURNAL.match(name))]
    return max(numbers, default=0)


def _ordered(names: Iterable[str]) -> tuple[dict[str, datetime], list[str]]:
    """When each snapshot was taken, by its name, and the names from the highest change number down."""
    matches = {name: match for name in names if (match := _NAME.match(name))}
    taken_at = {name: _time(match[1]) for name, match in matches.items()}
    return taken_at, sorted(matches, key=lambda name: (int(matches[name][2]), taken_at[name]), reverse=True)


def _may_follow(journal: str, snapshot: str, taken_at: datetime) -> bool:
    """Whether a journal may hold a change after a snapshot: by its first change number, else (older names) by its time."""
    begun, of_snapshot = _JOURNAL.match(journal), _NAME.match(snapshot)
    assert begun is not None and of_snapshot is not None
    if begun[2] is not None:
        return int(begun[2]) + _MARGIN_CHANGES > int(of_snapshot[2])
    return _time(begun[1]) >= taken_at - _MARGIN


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
