"""The folder of files that people download: what is old goes by a timer, and all of it together has a bound.

Gradio's own copies of such files lie in it too (``GRADIO_TEMP_DIR``), so that a rater's removal reaches them as well: the folder is
one of the store's ``other_copies``. Without the timer it would hold whatever anybody ever prepared.
"""

import contextlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, MutableMapping
from pathlib import Path

from annotation.errors import AnnotationError
from core.errors import CoreError

FOLDER = "downloads"  # in the data folder
CACHE = "gradio"  # folder in it for Gradio's copies and uploads
LONGEST_S = 6 * 3600.0  # of a file since it was written
MOST_BYTES = 1024**3  # of all; the oldest go first
LEAST_FREE = 512 * 1024**2  # bytes of the disk, below which nothing more is prepared: ratings need them
EVERY_S = 60.0


class DiskFull(CoreError, AnnotationError):
    """The disk is nearly full, or cannot be written."""


def keep_copies_in(folder: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Have Gradio keep its copies of files, and uploads, in ``folder``, unless the host named another one."""
    environment.setdefault("GRADIO_TEMP_DIR", str(folder.resolve() / CACHE))


def fresh_folder(folder: Path) -> Path:
    """A new folder in ``folder`` for one download, under a name that cannot be guessed. Raises ``DiskFull``."""
    made = folder / uuid.uuid4().hex
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < LEAST_FREE:
            raise DiskFull(
                f"Only {free // 1024**2} MB are free on the server's disk, so nothing was prepared; tell its host."
            )
        made.mkdir()
    except OSError as error:
        raise DiskFull(
            f"'{folder}' cannot be written ({error.strerror}); give a folder with room and rights."
        ) from error
    return made


def sweep(folder: Path, now: float, longest_s: float = LONGEST_S, most_bytes: int = MOST_BYTES) -> int:
    """Removes files older than ``longest_s`` seconds, then the oldest until ``most_bytes`` are left, then empty folders.

    Returns how many files went. Files that another thread removes meanwhile are passed over.
    """
    files = []
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            facts = path.lstat()
        except OSError:
            continue
        if not path.is_dir() or path.is_symlink():
            files.append((facts.st_mtime, facts.st_size, path))
    total, gone = sum(size for _, size, _ in files), 0
    for written, size, path in sorted(files, key=lambda one: one[0]):
        if now - written > longest_s or total > most_bytes:
            path.unlink(missing_ok=True)
            total, gone = total - size, gone + 1
    for path in sorted((one for one in folder.rglob("*") if one.is_dir()), reverse=True):
        if path != folder / CACHE and now - path.stat().st_mtime > EVERY_S and not any(path.iterdir()):
            path.rmdir()
    return gone


class Sweeper:
    """Sweeps a folder at its start and then every minute, until it is stopped."""

    def __init__(self, folder: Path, every_s: float = EVERY_S, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._every_s, self._clock = folder, every_s, clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="downloads", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends. Harmless when repeated, and without a start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while True:
            with contextlib.suppress(OSError):  # a folder that went meanwhile; the next time comes
                sweep(self._folder, self._clock())
            if self._stopping.wait(self._every_s):
                return
