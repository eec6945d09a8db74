"""A rating store with its backups: restored if need be, journalled, snapshotted, and closed in order.

PostgreSQL keeps its own backups (WAL archive, pg_dump), and a database in memory has none: both come without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from annotation.backup.restore import alone, restore_if_needed
from annotation.backup.rounds import Backups, Mirror
from annotation.database import migrate
from annotation.database.engine import PROC_MOUNTS, file_of
from annotation.database.journal import Journal
from annotation.database.transactions import utc_now
from annotation.store import RatingStore


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
) -> BackedUpStore:
    """Opens a store as `RatingStore.open` does, after bringing its database back if it is gone or damaged.

    Backups lie in `<name>-backups`, in `folder` (default: beside the database). Raises what `RatingStore.open` raises,
    and RestoreFailed or MirrorFailed rather than starting empty where there are backups.
    """
    path = file_of(url_or_path)
    if path is None:
        return BackedUpStore(RatingStore.open(url_or_path, clock=clock, mounts_file=mounts_file), None, None)
    backups_folder = (folder or path.parent).expanduser().absolute() / f"{path.stem}-backups"
    with alone(backups_folder):
        restored = restore_if_needed(path, backups_folder, mirror, clock())
        journal = Journal(backups_folder, migrate.newest(), clock)
        store = RatingStore.open(path, clock=clock, mounts_file=mounts_file, journal=journal)
    return BackedUpStore(store, Backups(store, backups_folder, journal, clock, mirror, restored), journal)
