"""A rating store with its backups: restored if need be, journalled, snapshotted, and closed in order.

PostgreSQL keeps its own backups (WAL archive, pg_dump), and a database in memory has none: both come without.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from annotation.backup.lease import WAIT_S, Lease, take
from annotation.backup.restore import alone, restore_if_needed
from annotation.backup.rounds import Backups
from annotation.backup.turn import Mirror
from annotation.database import migrate
from annotation.database.engine import PROC_MOUNTS, file_of
from annotation.database.journal import Journal
from annotation.database.transactions import utc_now
from annotation.errors import MirrorFailed
from annotation.store import RatingStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BackedUpStore:
    """An open store; `backups` is None for PostgreSQL and in memory. Backups are not started yet."""

    store: RatingStore
    backups: Backups | None
    journal: Journal | None

    def close(self) -> None:
        """A last backup if something changed, then all connections and files. Harmless when repeated."""
        if self.backups is not None:
            self.backups.stop()
        if self.journal is not None:
            self.journal.rotate()
        self.store.close()


def open_with_backups(
    url_or_path: str | Path,
    *,
    folder: Path | None = None,
    mirror: Mirror | None = None,
    clock: Callable[[], datetime] = utc_now,
    mounts_file: Path = PROC_MOUNTS,
    other_copies: Sequence[Path] = (),
    wait_s: float = WAIT_S,
    sleep: Callable[[float], None] = time.sleep,
) -> BackedUpStore:
    """Opens a store as `RatingStore.open` does, after bringing its database back if it is gone or damaged.

    Backups lie in `<name>-backups`, in `folder` (default: beside the database). With a `mirror` it waits up to `wait_s`
    seconds for the writer before to end. `other_copies`: folders with exported files, emptied after a
    removal. Raises what `RatingStore.open` raises, and RestoreFailed or MirrorFailed rather than starting empty where there are backups.
    """
    path = file_of(url_or_path)
    if path is None:
        return BackedUpStore(RatingStore.open(url_or_path, clock=clock, mounts_file=mounts_file), None, None)
    backups_folder = (folder or path.parent).expanduser().absolute() / f"{path.stem}-backups"
    with alone(backups_folder):
        own_lease = _lease(mirror, backups_folder, clock, sleep, wait_s)
        restored = restore_if_needed(path, backups_folder, mirror, clock())
        journal = Journal(backups_folder, migrate.newest(), clock)
        store = RatingStore.open(path, clock=clock, mounts_file=mounts_file, journal=journal)
    path.chmod(0o600)  # raters' words: its owner's alone
    backups = Backups(store, backups_folder, journal, clock, mirror, restored, own_lease, other_copies)
    return BackedUpStore(store, backups, journal)


def _lease(
    mirror: Mirror | None, folder: Path, clock: Callable[[], datetime], sleep: Callable[[float], None], wait_s: float
) -> Lease | None:
    """Our turn at the mirror; None without a mirror, or with one that does not answer, which `restore` judges."""
    if mirror is None:
        return None
    try:
        return take(mirror, folder, clock, sleep, wait_s)
    except MirrorFailed as error:
        _log.error("no lease could be taken: %s", error)
        return None
