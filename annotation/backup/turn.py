"""The turn of one writer at a mirror: stepping back when another machine took over, and merging what the one before left."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from annotation.backup.lease import LATE, SUPERSEDED, Lease, announce, newest
from annotation.backup.restore import Source
from annotation.database.journal import PREFIX, SUFFIX, Journal, read
from annotation.store import RatingStore
from annotation.study_records import MergeReport


class Mirror(Source, Protocol):
    """A private copy of the backups on another machine."""

    name: str

    def read(self, names: Iterable[str], folder: Path) -> None:
        """Brings files by name into `folder`. Raises MirrorFailed."""

    def push(self, files: list[Path], *, alone: bool = False) -> None:
        """Brings the mirror to hold `files`; `alone`: and no other backup. Raises MirrorFailed."""


class Turn:
    """One lease, from its taking to its end or to the moment when another machine took over."""

    def __init__(
        self,
        lease: Lease,
        mirror: Mirror,
        store: RatingStore,
        journal: Journal,
        folder: Path,
        clock: Callable[[], datetime],
    ) -> None:
        self._lease, self._mirror, self._store = lease, mirror, store
        self._journal, self._folder, self._clock = journal, folder, clock
        self._merged: set[str] = set()
        self._unseen: frozenset[str] = frozenset()  # of looks before that could not hand over
        self._handed_over = False
        self.superseded = False

    def step_back_if_superseded(self, unseen: frozenset[str] = frozenset()) -> bool:
        """Whether another writer holds the lease; then ours takes no more ratings, and its journals that the other one has
        not seen go to the mirror as late ones. `unseen`: files that were pushed so lately that it cannot have fetched them.

        Raises MirrorFailed; then the next call tries to hand over again.
        """
        if self._handed_over:
            return True
        names = self._mirror.names()
        holder = newest(names)
        if holder is None or holder <= self._lease:
            return False
        self.superseded = True
        self._unseen |= unseen
        if not self._store.stop_writing(SUPERSEDED):
            return True  # writes are under way that will be told as saved: handed over by the next look, with them
        self._journal.rotate()
        late = []
        for path in sorted(self._folder.glob(f"{PREFIX}*{SUFFIX}")):
            if path.name not in names or path.name in self._unseen:
                late.append(self._folder / f"{LATE}{self._lease.owner}-{path.name}")
                shutil.copyfile(path, late[-1])
        if late:
            self._mirror.push(late)
        self._handed_over = True
        return True

    def merge_late(self) -> MergeReport | None:
        """Takes in what writers before us handed over after we had begun; None if there is nothing new. Raises MirrorFailed."""
        names = {name for name in self._mirror.names() if name.startswith(LATE)} - self._merged
        names = {name for name in names if not name.startswith(f"{LATE}{self._lease.owner}-")}
        if not names:
            return None
        with tempfile.TemporaryDirectory(dir=self._folder) as temporary:
            self._mirror.read(sorted(names), Path(temporary))
            changes = [change for name in sorted(names) for change in read(Path(temporary) / name).changes]
        report = self._store.merge(changes)
        self._merged |= names
        return report if report.added or report.left_out else None

    def end(self) -> None:
        """Records for the next writer that everything of ours is in the mirror. Raises MirrorFailed."""
        if not self.superseded:
            announce(self._mirror, self._folder, self._lease.end_name, self._clock())
