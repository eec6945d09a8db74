"""Databases that are dumped, lost and killed, and a Hub in memory."""

import inspect
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from annotation.backup.backed_up_store import BackedUpStore

Dump = dict[str, list[tuple[object, ...]]]


def dump(path: Path) -> Dump:
    """Every row of every table."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}


def lose(path: Path) -> None:
    """The disk is empty where the database was."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def backups(path: Path) -> Path:
    return path.parent / f"{path.stem}-backups"


def killed(kept: BackedUpStore) -> None:
    """No last round, as after kill -9."""
    assert kept.journal is not None
    kept.journal.rotate()  # closes the file
    kept.store.close()


@dataclass
class FakeHub:
    """The Hub as its library shows it: one data set, files in memory. Every call must fit the library's own signature."""

    private: bool | None = None  # None: no such data set yet
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0
    down: bool = False

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        real = getattr(HfApi, name, None)
        if real is None or not callable(found):
            return found

        def checked(*args: Any, **kwargs: Any) -> Any:
            inspect.signature(real).bind(self, *args, **kwargs)
            assert kwargs["repo_type"] == "dataset"
            if self.down:
                raise ConnectionError("Cannot reach the Hub\nat all")
            return found(*args, **kwargs)

        return checked

    def create_repo(self, _name: str, *, private: bool, exist_ok: bool, **_: Any) -> None:
        assert exist_ok
        if self.private is None:
            self.private = private

    def repo_info(self, _name: str, **_: Any) -> "FakeHub":
        return self

    def list_repo_files(self, _name: str, **_: Any) -> list[str]:
        return [*self.files, ".gitattributes"]

    def create_commit(self, _name: str, operations: list[Any], **_: Any) -> None:
        self.commits += 1
        for one in operations:
            if isinstance(one, CommitOperationAdd):
                assert one.path_in_repo not in self.files, "a name is used once"
                assert isinstance(one.path_or_fileobj, str)
                self.files[one.path_in_repo] = Path(one.path_or_fileobj).read_bytes()
            elif isinstance(one, CommitOperationDelete):
                del self.files[one.path_in_repo]

    def hf_hub_download(self, _name: str, filename: str, *, local_dir: Path, **_: Any) -> str:
        (local_dir / filename).write_bytes(self.files[filename])
        return str(local_dir / filename)
