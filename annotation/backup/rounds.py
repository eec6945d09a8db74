"""Backups of a running store: a round every few minutes, and what the organiser reads about them.

A round ends the present journal file, takes a checked snapshot, drops what newer ones supersede, merges what another
writer handed over late, and hands new files to the mirror if there is one, as long as it is our turn (`turn`). Copies that
hold data of a removed rater go in the same rounds, until none is left. Nothing else happens while nothing changed. A round
that fails leaves what was there, says why in the state, and is tried again at the next one; ratings go on meanwhile.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from annotation.backup.lease import SUPERSEDED, Lease
from annotation.backup.restore import RestoreReport
from annotation.backup.turn import Mirror, Turn
from annotation.database.journal import PREFIX, SUFFIX, Journal
from annotation.database.snapshots import AnswerCounts, Snapshot, listed, superseded
from annotation.errors import AnnotationError
from annotation.store import RatingStore

EVERY_MINUTES = 5.0
LEASE_LOOK_S = 15.0
LEAST_FREE = 256 * 1024**2  # bytes of a disk, below which an organiser is told
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackupState:
    """What an organiser has to know, in facts and in words.

    `failures` is empty exactly when all went well; `unsaved_changes` counts changes that only the live database holds:
    after a failure of the journal, until a snapshot succeeds.
    """

    folder: Path
    last_good: datetime | None  # when the newest sound snapshot was taken; None before the first
    answers: AnswerCounts | None  # in that snapshot; None for one of an earlier start
    changes_since: int  # changes after that snapshot; the journal holds them
    unsaved_changes: int
    mirror: str | None  # where copies go; None: they stay on this machine
    mirrored_at: datetime | None
    failures: tuple[str, ...]
    restored: RestoreReport | None  # what this start brought back
    notes: tuple[
        str, ...
    ] = ()  # what happened and asks nothing of anybody: a clock that was set back, late ratings that were merged
    free_bytes: int | None = None  # of the fuller of the disks of database and backups; None: it cannot be told
    warnings: tuple[str, ...] = ()  # what has not failed yet and will: a disk that is nearly full

    @property
    def healthy(self) -> bool:
        """Whether every change is on the disk twice, and on the mirror if one was asked for, and the next one will be."""
        return not self.failures and not self.warnings


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
        own_lease: Lease | None = None,
        other_copies: Sequence[Path] = (),
    ) -> None:
        """`folder` holds the backups of this database alone.

        `own_lease`: this writer's turn at the mirror. `other_copies`: folders whose files may hold exported ratings; they are
        emptied when somebody's data was removed, like the files beside the database that a restore or a migration left.
        """
        self.folder = folder
        self._other_copies = tuple(other_copies)
        self._notes: list[str] = []
        self._store, self._journal, self._clock = store, journal, clock
        self._mirror, self._restored = mirror, restored
        self._turn = None
        if mirror is not None and own_lease is not None:
            self._turn = Turn(own_lease, mirror, store, journal, folder, clock)
        self._round = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: Snapshot | None = next(iter(listed(folder)), None)
        self._mirrored: frozenset[str] = frozenset()
        self._mirrored_at: datetime | None = None
        self._failures: dict[str, str] = {}

    def start(self, every_minutes: float = EVERY_MINUTES) -> None:
        """Begins rounds in the background, the first at once."""
        assert self._thread is None, "started twice"

        def work() -> None:
            while True:
                self.now()
                due = time.monotonic() + every_minutes * 60
                while (left := due - time.monotonic()) > 0:
                    if self._stopping.wait(min(left, LEASE_LOOK_S)):
                        return
                    self.look_at_lease()

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
        state, turn = self.now(), self._turn
        if turn is not None and not state.failures:
            self._try("lease", turn.end)

    def now(self) -> BackupState:
        """One round. Never raises: a failure stands in the state that is returned."""
        with self._round:
            self._try("snapshot", self._snapshot)
            if self._mirror is not None:
                self._try("mirror", self._mirror_round)
            self._forget_pending()
        return self.state()

    def look_at_lease(self) -> None:
        """Stops taking ratings as soon as another machine has taken over, and hands over what it lacks."""
        turn = self._turn
        if turn is not None:
            with self._round:
                self._try("lease", turn.step_back_if_superseded)

    def forget(self) -> BackupState:
        """Removes every copy that holds data of a removed rater, now; what fails is tried again in every round.

        That a removal is pending stands in the database, in the transaction of the removal itself, so a kill in between
        forgets nothing. First comes a new snapshot; then all older backups, the write-ahead log, files that a restore or
        a migration left beside the database, exported files and the mirror's older files go. The history of a data set on
        the Hub keeps older files until the data set itself is deleted.
        """
        with self._round:
            self._forget_pending(always=True)
        return self.state()

    def _forget_pending(self, *, always: bool = False) -> None:
        def work() -> None:
            if self._superseded:
                return
            pending = self._store.pending_removals()
            if not pending and not always:
                return
            self._snapshot(always=True)
            assert self._newest is not None
            for name in self._names():
                if name != self._newest.path.name:
                    (self.folder / name).unlink(missing_ok=True)
            self._store.empty_write_ahead_log()
            self._remove_other_copies()
            if self._mirror is not None:
                self._push(alone=True)
            if pending:
                self._store.removals_done(pending)

        self._try("removal", work)

    def _remove_other_copies(self) -> None:
        path = self._store.path
        for pattern in (f"{path.stem}.set-aside-*", f"{path.stem}.before-*") if path is not None else ():
            assert path is not None
            for file in path.parent.glob(pattern):
                file.unlink(missing_ok=True)
        for folder in self._other_copies:
            for entry in folder.iterdir() if folder.is_dir() else ():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)

    @property
    def _superseded(self) -> bool:
        return self._turn is not None and self._turn.superseded

    def state(self) -> BackupState:
        """As of now."""
        failures = dict(self._failures)
        if self._journal.failure is not None:
            failures["journal"] = self._journal.failure
        if self._restored is not None and self._restored.doubt is not None:
            failures["restored"] = self._restored.doubt
        if self._superseded:
            failures["lease"] = SUPERSEDED
        free, warnings = self._free_bytes(), []
        if free is not None and free < LEAST_FREE:
            warnings.append(
                f"only {free // 1024**2} MB are free on the disk of the ratings or of '{self.folder}'; free some, or soon no rating "
                "can be stored."
            )
        since = 0
        try:
            since = max(0, self._store.change_number - (self._newest.number if self._newest else 0))
        except AnnotationError as error:
            failures["database"] = str(error)
        return BackupState(
            folder=self.folder,
            last_good=self._newest.created_at if self._newest else None,
            answers=self._newest.answers if self._newest else None,
            changes_since=since,
            unsaved_changes=self._journal.waiting,
            mirror=self._mirror.name if self._mirror else None,
            mirrored_at=self._mirrored_at,
            failures=tuple(failures[key] for key in sorted(failures)),
            restored=self._restored,
            notes=tuple(self._notes),
            free_bytes=free,
            warnings=tuple(warnings),
        )

    def _free_bytes(self) -> int | None:
        path = self._store.path
        try:
            return min(
                shutil.disk_usage(one).free for one in (self.folder, *((path.parent,) if path is not None else ()))
            )
        except OSError:
            return None

    def _try(self, what: str, work: Callable[[], object]) -> None:
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
        if newest is not None and at < newest.created_at:
            self._note(
                f"the clock went back: it reads {at:%Y-%m-%d %H:%M}, and the newest backup is of {newest.created_at:%Y-%m-%d %H:%M} UTC; "
                "backups are ordered by change, so nothing is lost. Set the clock."
            )
        self._journal.rotate()  # before the snapshot: all lines of the ended file are in it
        self._newest = self._store.snapshot(self.folder, at)
        self._journal.covered(self._newest.number)
        for name in superseded(self._names()):
            (self.folder / name).unlink(missing_ok=True)

    def _mirror_round(self) -> None:
        """Merges late ratings, pushes what is new, and looks whether the turn is still ours, before and after."""
        turn = self._turn
        if turn is None:
            self._push()
        elif not turn.step_back_if_superseded():
            report = turn.merge_late()
            if report is not None:
                self._note(
                    f"{report.added} late submissions of the machine before were merged; {report.left_out} changes were not."
                )
                self._snapshot()
            new = frozenset(self._names()) - self._mirrored
            self._push()
            turn.step_back_if_superseded(unseen=new)  # who took over between the two looks has not seen these files

    def _push(self, *, alone: bool = False) -> None:
        assert self._mirror is not None
        if self._superseded:
            return
        names = frozenset(self._names())
        if alone or names - self._mirrored:
            self._mirror.push([self.folder / name for name in sorted(names)], alone=alone)
            self._mirrored, self._mirrored_at = names, self._clock()

    def _note(self, text: str) -> None:
        _log.warning("backup: %s", text)
        if text not in self._notes:
            self._notes.append(text)

    def _names(self) -> list[str]:
        """Snapshots and ended journals. The present journal has no lines that the newest snapshot lacks for long."""
        return [one.path.name for one in listed(self.folder)] + [
            path.name for path in self.folder.glob(f"{PREFIX}*{SUFFIX}") if path != self._journal.path
        ]
