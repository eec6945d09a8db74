"""What a start asks of the machine: a data folder of its own, and enough open files."""

import os
import sys
from pathlib import Path

from core.errors import InvalidConfig

if sys.platform != "win32":  # which has neither; two apps on one folder are not noticed there
    import fcntl
    import resource

ENOUGH_FILES = 4096  # every connection is one; a thousand half-open ones are an attack that needs no skill


class FolderLock:
    """Holds a data folder while the app runs, so that a second app on it is refused instead of writing beside it."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder where it is missing. Raises InvalidConfig when it cannot be made, or another app has it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / "in-use").open("a+", encoding="utf-8")
        except OSError as error:
            raise InvalidConfig(
                f"The folder {folder} cannot be made ({error.strerror}); give another one with --data."
            ) from error
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            owner = self._file.read().strip() or "unknown"
            self._file.close()
            raise InvalidConfig(
                f"Another app (process {owner}) uses the folder {folder}; end it, or give another one with --data."
            ) from None
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Gives the folder back; the end of the process does too."""
        self._file.close()


def raise_file_limit() -> None:
    """Open as many files as the machine allows, and say so where that is little."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else max(soft, ENOUGH_FILES * 16)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < ENOUGH_FILES:
        sys.stderr.write(
            f"This process may open {most} files; {ENOUGH_FILES} are better, because every connection is one (ulimit -n).\n"
        )
