"""Backups of a running store: a round every few minutes, and what the organiser reads about them.

A round ends the present journal file, takes a checked snapshot, drops what newer ones supersede, and hands new files to
the mirror if there is one. Nothing happens while nothing changed. A round that fails leaves what was there, says why in
the state, and is tried again at the next one; ratings go on meanwhile.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from annotation.backup.restore import RestoreReport, Source
from annotation.database.journal import PREFIX, SUFFIX, Journal
from annotation.database.snapshots import Snapshot, listed, superseded
from annotation.errors import AnnotationError
from annotation.store import RatingStore

EVERY_MINUTES = 5.0
_log = logging.getLogger(__name__)


class Mirror(Source, Protocol):
    """A private copy of the backups on another machine."""

    name: str

    def push(self, files: list[Path], *, alone: bool = False) -> None:
        """Brings the mirror to hold `files`; `alone`: and no other backup. Raises MirrorFailed."""


@dataclass(frozen=True, slots=True)
class BackupState:
    """What an organiser has to know, in facts and in words.

    `failures` is empty exactly when all is well; `unsaved_changes` counts changes that only the live database holds:
    after a failure of the journal, until a snapshot succeeds.
    """

    folder: Path
    last_good: datetime | None  # when the newest sound snapshot was taken; None before the first
    ratings: int | None  # in that snapshot; None for one of an earlier start
    changes_since: int  # changes after that snapshot; the journal holds them
    unsaved_changes: int
    mirror: str | None  # where copies go; None: they stay on this machine
    mirrored_at: datetime | None
    failures: tuple[str, ...]
    restored: RestoreReport | None  # what this start brought back

    @property
    def healthy(self) -> bool:
        """Whether every change is on the disk twice, and on the mirror if one was asked for."""
        return not self.failures


class Backups:
    """Backups of one SQLite store. `start` once, `stop` at the end; `now` whenever somebody wants one."""

    def __init__(
        self,
        store: RatingStore,
        folder: Path,
        journal: Journal,
        clock: Callable[[], datetime],
        mirror: Mirror | None = None,
        restored: RestoreReport | None = None,
    ) -> None:
        """`folder` holds the backups of this database alone."""
        self.folder = folder
        self._store, self._journal, self._clock = store, journal, clock
        self._mirror, self._restored = mirror, restored
        self._round = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: Snapshot | None = next(iter(sorted(listed(folder), key=lambda one: one.created_at)[-1:]), None)
        self._mirrored: frozenset[str] = frozenset()
        self._mirrored_at: datetime | None = None
        self._failures: dict[str, str] = {}

    def start(self, every_minutes: float = EVERY_MINUTES) -> None:
        """Begins rounds in the background, the first at once."""
        assert self._thread is None, "started twice"

        def work() -> None:
            while True:
                self.now()
                if self._stopping.wait(every_minutes * 60):
                    return

        self._thread = threading.Thread(target=work, name="backups", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether rounds go on in the background."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Ends the rounds, after a last one if something changed. Harmless when repeated."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.now()

    def now(self) -> BackupState:
        """One round. Never raises: a failure stands in the state that is returned."""
        with self._round:
            self._try("snapshot", self._snapshot)
            if self._mirror is not None:
                self._try("mirror", self._push)
        return self.state()

    def forget(self) -> BackupState:
        """A new snapshot, then no older backup: after somebody's data was removed, it is to be in none of them.

        Nothing is dropped here if the snapshot fails, nor on the mirror if the upload does; the state says why. The
        history of a data set on the Hub keeps older files until the data set itself is deleted.
        """
        with self._round:
            self._try("snapshot", lambda: self._snapshot(always=True))
            if "snapshot" not in self._failures:
                for name in self._names():
                    if self._newest is None or name != self._newest.path.name:
                        (self.folder / name).unlink(missing_ok=True)
                if self._mirror is not None:
                    self._try("mirror", lambda: self._push(alone=True))
        return self.state()

    def state(self) -> BackupState:
        """As of now."""
        failures = dict(self._failures)
        if self._journal.failure is not None:
            failures["journal"] = self._journal.failure
        since = 0
        try:
            since = max(0, self._store.change_number - (self._newest.number if self._newest else 0))
        except AnnotationError as error:
            failures["database"] = str(error)
        return BackupState(
            folder=self.folder,
            last_good=self._newest.created_at if self._newest else None,
            ratings=self._newest.ratings if self._newest else None,
            changes_since=since,
            unsaved_changes=self._journal.waiting,
            mirror=self._mirror.name if self._mirror else None,
            mirrored_at=self._mirrored_at,
            failures=tuple(failures[key] for key in sorted(failures)),
            restored=self._restored,
        )

    def _try(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # whatever it is, the next round must still come
            if str(error) != self._failures.get(what):
                _log.error("backup, %s: %s", what, error, exc_info=not isinstance(error, AnnotationError | OSError))
            self._failures[what] = str(error)
        else:
            self._failures.pop(what, None)

    def _snapshot(self, *, always: bool = False) -> None:
        newest = self._newest
        if not always and newest is not None and newest.path.exists() and newest.number == self._store.change_number:
            return
        at = self._clock()
        self._journal.rotate()  # before the snapshot: all lines of the ended file are in it
        self._newest = self._store.snapshot(self.folder, at)
        self._journal.covered(self._newest.number)
        for name in superseded(self._names()):
            (self.folder / name).unlink(missing_ok=True)

    def _push(self, *, alone: bool = False) -> None:
        assert self._mirror is not None
        names = frozenset(self._names())
        if alone or names - self._mirrored:
            self._mirror.push([self.folder / name for name in sorted(names)], alone=alone)
            self._mirrored, self._mirrored_at = names, self._clock()

    def _names(self) -> list[str]:
        """Snapshots and ended journals. The present journal has no lines that the newest snapshot lacks for long."""
        return [one.path.name for one in listed(self.folder)] + [
            path.name for path in self.folder.glob(f"{PREFIX}*{SUFFIX}") if path != self._journal.path
        ]
