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
from datetime import datetime
from pathlib import Path
from typing import Protocol

from annotation.backup.rebuild import build, remove, set_aside
from annotation.database import migrate
from annotation.database.journal import PREFIX, SUFFIX, Change, Contents, last_number, read, sync_folder
from annotation.database.snapshots import AnswerCounts, Snapshot, count_answers, fault_of, listed, newest_number
from annotation.errors import DatabaseUnavailable, MirrorFailed, RestoreFailed

_log = logging.getLogger(__name__)


class Source(Protocol):
    """A copy of the backups on another machine."""

    def names(self) -> set[str]:
        """Names of all files there. Raises MirrorFailed."""

    def fetch(self, folder: Path) -> int:
        """Brings what a restore needs into `folder`; how many files came. Raises MirrorFailed."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was brought back.

    `missing` counts changes between others whose line is not there. `cut` names the last journal if it has no end mark:
    the program was killed while it was written, or the file was cut, and then later changes may be missing too.
    """

    snapshot: Path | None
    replayed: int
    missing: int
    answers: AnswerCounts
    set_aside: Path | None  # the damaged or empty file
    cut: str | None = None

    @property
    def doubt(self) -> str | None:
        """What may not have come back, as a sentence; None if all that was backed up is there."""
        if self.missing:
            return (
                f"{self.missing} changes are missing from the journals that were restored, and may have been confirmed as "
                "saved; look for another copy of the backups."
            )
        if self.cut:
            return (
                f"the last journal that was restored, '{self.cut}', has no end mark: the program was killed or the file was "
                "cut short, so that later changes may be missing; look for a longer copy of it."
            )
        return None


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
    known = _last_change(folder)
    fault = _fault_of_live(path, known)
    if mirror is not None:
        known = max(known, _fetch_newer(folder, mirror, known, fault))
        fault = fault or _fault_of_live(path, known)
    if fault is None:
        return None
    if not _backups(folder):
        if fault in (_MISSING, _EMPTY):
            return None
        raise DatabaseUnavailable(
            f"'{path}' is no SQLite database, or damaged ({fault}), and '{folder}' holds no backup; give another path."
        )
    beside = path.with_name(f".{path.name}.restoring")
    snapshot, changes, cut = _what_to_use(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        missing = build(beside, snapshot, changes)
        with closing(sqlite3.connect(beside)) as database:
            answers = count_answers(database)
    except (sqlite3.Error, OSError, DatabaseUnavailable) as error:
        remove(beside)
        raise RestoreFailed(
            f"'{path}' is {fault}, and its backups in '{folder}' cannot be brought back ({error}); nothing was changed. "
            "Mend or move the file that is named, then start again."
        ) from error
    aside = set_aside(path, now)
    beside.rename(path)
    sync_folder(path.parent)
    report = RestoreReport(snapshot.path if snapshot else None, len(changes), missing, answers, aside, cut)
    _log.warning(
        "'%s' was %s: restored %s from %s and %d journalled changes. %s",
        path,
        fault,
        answers,
        snapshot.path.name if snapshot else "no snapshot",
        len(changes),
        report.doubt or "",
    )
    return report


def _fetch_newer(folder: Path, mirror: Source, known: int, fault: str | None) -> int:
    """Fetches the mirror's files where they tell of later changes than `known`, or the database is at fault; the last change.

    A mirror that does not answer stops a start only where nothing else can bring the database back.
    """
    try:
        if fault is None and newest_number(mirror.names()) <= known:
            return known
        mirror.fetch(folder)
    except MirrorFailed as error:
        if fault is not None and not _backups(folder):
            raise
        _log.error("the mirror was not asked for newer backups: %s", error)
    return _last_change(folder)


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


def _what_to_use(folder: Path) -> tuple[Snapshot | None, list[Change], str | None]:
    """The newest sound snapshot, the changes after it, and the last journal if it was not closed. Raises RestoreFailed."""
    snapshots = listed(folder)
    snapshot = None
    for one in snapshots:
        fault = fault_of(one.path)
        if fault is None:
            snapshot = one
            break
        _log.error("the snapshot '%s' is not sound (%s); an older one is tried", one.path, fault)
    since = snapshot.number if snapshot else 0
    after: dict[int, Change] = {}
    last, cut = since, None
    for path in sorted(folder.glob(f"{PREFIX}*{SUFFIX}")):
        contents = _read_unless_covered(path, since)
        after |= {change.number: change for change in contents.changes if change.number > since}
        highest = max((change.number for change in contents.changes), default=0)
        if highest > last:  # only the file with the last change can hide later ones: gaps before it are counted
            last, cut = highest, None if contents.ended else path.name
    changes = [after[number] for number in sorted(after)]
    if snapshot is None and (not changes or changes[0].number != 1):
        journals = f"the journals begin with change {changes[0].number}" if changes else "there is no journal"
        raise RestoreFailed(
            f"none of the {len(snapshots)} snapshots in '{folder}' is sound and {journals}, so the ratings cannot be brought back "
            "from there; replace that folder with an older copy, or move it away to start empty."
        )
    return snapshot, changes, cut


def _read_unless_covered(path: Path, since: int) -> Contents:
    """The journal; nothing of a damaged one that holds no change after `since`, which a snapshot covers."""
    try:
        return read(path)
    except RestoreFailed as error:
        if not 0 < last_number(path) <= since:
            raise
        _log.warning("a damaged journal was left out, since a snapshot holds its changes: %s", error)
        return Contents((), True)
