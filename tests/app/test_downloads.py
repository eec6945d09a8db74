"""The folder of downloads: by age, by size, by a timer, and when the disk is full."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import downloads
from app.downloads import CACHE, LONGEST_S, DiskFull, Sweeper, fresh_folder, keep_copies_in, sweep

NOW = 1_800_000_000.0


def written(path: Path, age: float, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age, NOW - age))
    os.utime(path.parent, (NOW - age, NOW - age))
    return path


def test_what_is_old_goes_with_its_folder_and_what_is_new_stays(tmp_path: Path) -> None:
    old, copy = (
        written(tmp_path / "a" / "old.zip", LONGEST_S + 1),
        written(tmp_path / CACHE / "h" / "old.zip", LONGEST_S + 1),
    )
    new = written(tmp_path / "b" / "new.zip", LONGEST_S - 1)
    assert sweep(tmp_path, NOW) == 2
    assert (old.exists(), copy.exists(), new.exists()) == (False, False, True)
    sweep(tmp_path, time.time() + 3600, longest_s=1e12)  # folders that an hour ago became empty
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", CACHE]


def test_all_together_has_a_bound_and_the_oldest_go_first(tmp_path: Path) -> None:
    files = [written(tmp_path / str(n) / "a.zip", age, size=100) for n, age in enumerate((50, 40, 30, 20))]
    assert sweep(tmp_path, NOW, most_bytes=250) == 2
    assert [file.exists() for file in files] == [False, False, True, True]


def test_the_folder_of_a_download_that_is_being_made_is_left_alone(tmp_path: Path) -> None:
    made = fresh_folder(tmp_path / "downloads")
    sweep(tmp_path / "downloads", time.time())
    assert made.is_dir()
    assert fresh_folder(tmp_path / "downloads") != made


def test_gradios_own_copies_lie_where_a_removal_and_the_timer_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gradio.utils import get_upload_folder

    monkeypatch.setenv("GRADIO_TEMP_DIR", "as it was is restored at the end")
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    keep_copies_in(tmp_path / "downloads")
    copies = Path(get_upload_folder())
    assert copies.parent == tmp_path / "downloads"
    copy = written(copies / "hash" / "agl-news.zip", LONGEST_S + 1)
    assert sweep(tmp_path / "downloads", NOW) == 1 and not copy.exists()
    named = {"GRADIO_TEMP_DIR": "/elsewhere"}
    keep_copies_in(tmp_path, named)
    assert named == {"GRADIO_TEMP_DIR": "/elsewhere"}


def test_a_timer_sweeps_without_anybody_doing_anything(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    sweeper = Sweeper(folder, every_s=0.05, clock=lambda: NOW)
    sweeper.start()
    file = written(tmp_path / "later.zip", LONGEST_S + 1)
    file = file.rename(folder / "later.zip")  # old from its first moment there
    ends = time.monotonic() + 10
    while file.exists() and time.monotonic() < ends:
        time.sleep(0.02)
    sweeper.stop()
    sweeper.stop()
    assert not file.exists()


def test_nothing_is_prepared_on_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 1024**2))
    with pytest.raises(DiskFull, match="Only 5 MB are free"):
        fresh_folder(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskFull, match="cannot be written"):
        fresh_folder(tmp_path / "file" / "downloads")
