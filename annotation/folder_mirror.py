"""A copy of the backups in another folder: a disk of another machine, or one that outlives this one.

The same rounds as for the Hub (``annotation.mirror``), without it. Files go there under names that are never used twice, each whole or
not at all; what newer snapshots supersede is removed. The folder holds the backups of one database alone.
"""

import os
import shutil
from pathlib import Path

from annotation.errors import MirrorFailed
from annotation.journal import sync_folder
from annotation.snapshots import needed, superseded


class FolderMirror:
    """The folder `place`, made when it is first needed."""

    def __init__(self, place: Path) -> None:
        """Nothing is read or written yet."""
        self.place = place.expanduser().absolute()
        self.name = f"folder:{self.place}"

    def push(self, files: list[Path], *, alone: bool = False) -> None:
        """Copies those of `files` that are not there, and drops what they supersede; `alone`: all other backups.

        Raises MirrorFailed.
        """
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            there = self._names()
            gone = superseded(there | {file.name for file in files})
            if alone:
                gone = set(needed(there, snapshots=len(there) + 1)) - {file.name for file in files}
            for file in files:
                if file.name not in there | gone:
                    copied(file, self.place)
            for name in gone & there:
                (self.place / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("write", error) from error

    def fetch(self, folder: Path) -> int:
        """Copies the newest snapshots and the journals after them to `folder`; how many. Raises MirrorFailed."""
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            names = needed(self._names())
            for name in names:
                copied(self.place / name, folder)
        except OSError as error:
            raise self._failed("read", error) from error
        return len(names)

    def _names(self) -> set[str]:
        return {path.name for path in self.place.iterdir() if path.is_file()}

    def _failed(self, what: str, error: OSError) -> MirrorFailed:
        return MirrorFailed(
            f"could not {what} the backups' copy in '{self.place}' ({error.strerror or error}); check that the disk is there and may be "
            "written."
        )


def copied(file: Path, folder: Path) -> None:
    """Copies a closed file under its own name, whole or not at all, and onto the disk."""
    beside = folder / f".{file.name}.partial"
    with file.open("rb") as source, beside.open("wb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    beside.rename(folder / file.name)
    sync_folder(folder)
