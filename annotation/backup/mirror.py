"""Copies of the backups elsewhere, for machines whose disk does not last: a folder, or a private data set on the Hub.

Nothing leaves the machine unless somebody names a mirror; for the Hub also a token. Files go there under names that are
never used twice, each whole or not at all; what newer snapshots supersede is taken off (the history of a data set on the
Hub keeps it until somebody deletes the data set). The Hub makes a new data set public unless another visibility is asked
for, so it is made private, and looked at before every upload. A mirror holds the backups of one database alone.
"""

import importlib
import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from annotation.backup.turn import Mirror
from annotation.database.journal import sync_folder
from annotation.database.snapshots import backups_among, needed, superseded
from annotation.errors import MirrorFailed


class FolderMirror:
    """The folder `folder`, made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written yet."""
        self.folder = folder.expanduser().absolute()
        self.name = f"folder:{self.folder}"

    def push(self, files: list[Path], *, alone: bool = False) -> None:
        """Copies those of `files` that are not there, and drops what they supersede; `alone`: all other backups.

        Raises MirrorFailed.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            there = self._names()
            gone = superseded(there | {file.name for file in files})
            if alone:
                gone = backups_among(there) - {file.name for file in files}
            for file in files:
                if file.name not in there | gone:
                    copied(file, self.folder)
            for name in gone & there:
                (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("write", error) from error

    def names(self) -> set[str]:
        """Names of all files there. Raises MirrorFailed."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return self._names()
        except OSError as error:
            raise self._failed("read", error) from error

    def fetch(self, folder: Path) -> int:
        """Copies the newest snapshots and the journals after them to `folder`; how many. Raises MirrorFailed."""
        names = needed(self.names())
        self.read(names, folder)
        return len(names)

    def read(self, names: Iterable[str], folder: Path) -> None:
        """Copies files by name to `folder`. Raises MirrorFailed."""
        try:
            for name in names:
                copied(self.folder / name, folder)
        except OSError as error:
            raise self._failed("read", error) from error

    def _names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.is_file()}

    def _failed(self, what: str, error: OSError) -> MirrorFailed:
        return MirrorFailed(
            f"could not {what} the backups' copy in '{self.folder}' ({error.strerror or error}); check that the disk is there and may be "
            "written."
        )


def copied(file: Path, folder: Path) -> None:
    """Copies a closed file under its own name, whole or not at all, and onto the disk."""
    beside = folder / f".{file.name}.partial"
    with file.open("rb") as source, beside.open("wb") as target:
        beside.chmod(0o600)  # raters' words: its owner's alone
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    beside.rename(folder / file.name)
    sync_folder(folder)


Result = TypeVar("Result")


FOLDER = "folder:"


def mirror_at(name: str, token: str | None) -> Mirror:
    """The mirror of a name: "folder:/path", else a data set on the Hub. Raises MirrorFailed for what cannot be."""
    if not name.startswith(FOLDER):
        return HubMirror(name, token)
    if not Path(name.removeprefix(FOLDER)).is_absolute():
        raise MirrorFailed(f"backups are to go to '{name}'; write {FOLDER} and an absolute path.")
    return FolderMirror(Path(name.removeprefix(FOLDER)))


class HubMirror:
    """The data set `name` ("owner/title"), reached with `token`."""

    def __init__(self, name: str, token: str | None, api: Any = None) -> None:
        """`api`: what stands in for `huggingface_hub.HfApi`. Raises MirrorFailed for a name or token that cannot be."""
        if name.count("/") != 1 or not all(name.split("/")):
            raise MirrorFailed(f"the backups' data set is given as '{name}'; write it as owner/title.")
        if not token:
            raise MirrorFailed(
                f"backups are to go to '{name}', but there is no token; set HF_TOKEN to one that may write."
            )
        self.name = name
        self._token = token
        self._api = api

    def push(self, files: list[Path], *, alone: bool = False) -> None:
        """Uploads those of `files` that are not there, and drops what they supersede; `alone`: all other backups.

        Raises MirrorFailed.
        """
        api = self._private()
        there = set(self._ask("list", lambda: api.list_repo_files(self.name, repo_type="dataset")))
        new = [file for file in files if file.name not in there]
        gone = superseded(there | {file.name for file in new})
        if alone:
            gone = backups_among(there) - {file.name for file in files}
        hub = importlib.import_module("huggingface_hub")
        operations: list[Any] = [
            hub.CommitOperationAdd(path_in_repo=file.name, path_or_fileobj=file)
            for file in new
            if file.name not in gone
        ]
        operations += [hub.CommitOperationDelete(path_in_repo=name) for name in sorted(gone & there)]
        if operations:
            self._ask(
                "write",
                lambda: api.create_commit(
                    self.name, operations, commit_message=f"{len(new)} new files", repo_type="dataset"
                ),
            )

    def fetch(self, folder: Path) -> int:
        """Downloads the newest snapshots and the journals after them; how many files came. Raises MirrorFailed.

        0 for a data set that is new: it is made here, which also shows that the token may write.
        """
        names = needed(self.names())
        self.read(names, folder)
        return len(names)

    def names(self) -> set[str]:
        """Names of all files there. Raises MirrorFailed."""
        api = self._private()
        return set(self._ask("list", lambda: api.list_repo_files(self.name, repo_type="dataset")))

    def read(self, names: Iterable[str], folder: Path) -> None:
        """Downloads files by name to `folder`. Raises MirrorFailed."""
        api = self._private()
        for name in names:
            self._ask("read", partial(api.hf_hub_download, self.name, name, repo_type="dataset", local_dir=folder))

    def _private(self) -> Any:
        """The API, once the data set exists and is private."""
        if self._api is None:
            self._api = importlib.import_module("huggingface_hub").HfApi(token=self._token)
        api = self._api
        self._ask("make", lambda: api.create_repo(self.name, repo_type="dataset", private=True, exist_ok=True))
        if self._ask("look at", lambda: api.repo_info(self.name, repo_type="dataset")).private is not True:
            raise MirrorFailed(
                f"the data set '{self.name}' is public, so no ratings go there; make it private in its settings, or give "
                "another name."
            )
        return api

    def _ask(self, what: str, call: Callable[[], Result]) -> Result:
        """Any failure of the library in one sentence: it raises errors of several others."""
        try:
            return call()
        except Exception as error:
            message = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise MirrorFailed(
                f"could not {what} the data set '{self.name}' on the Hub ({message}); check the network, the name and that "
                "HF_TOKEN may write."
            ) from error
