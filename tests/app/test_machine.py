"""A start's folder and files."""

import resource
from pathlib import Path

import pytest

from app.machine import FolderLock, raise_file_limit
from core.errors import InvalidConfig


def test_two_apps_on_one_data_folder_are_refused_with_a_sentence(tmp_path: Path) -> None:
    first = FolderLock(tmp_path / "data")
    with pytest.raises(InvalidConfig, match=r"Another app \(process \d+\) uses the folder .*; end it, or give another"):
        FolderLock(tmp_path / "data")
    FolderLock(tmp_path / "other").release()
    first.release()
    FolderLock(tmp_path / "data").release()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidConfig, match="give another one with --data"):
        FolderLock(tmp_path / "file" / "data")


def test_the_limit_of_open_files_is_raised_to_what_the_machine_allows(capsys: pytest.CaptureFixture[str]) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
        raise_file_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == hard
        assert ("files;" in capsys.readouterr().err) == (hard < 4096)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
