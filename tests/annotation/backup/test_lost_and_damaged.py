"""Journals that are cut, damaged or not written, a clock that goes back, and copies of what was to be removed.

Tests of `annotation.database.snapshots`.
"""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from backup_toys import backups, killed, lose
from rating_examples import Clock, submission

from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.backup.mirror import FolderMirror
from annotation.database.journal import read
from annotation.database.snapshots import listed, needed, superseded
from annotation.errors import MirrorFailed


@pytest.fixture
def opened(path: Path, clock: Clock, templates: dict[str, Path]) -> Iterator[BackedUpStore]:
    shutil.copyfile(templates["study"], path)
    one = open_with_backups(path, clock=clock)
    yield one
    one.close()


def rate(one: BackedUpStore, times: int = 1) -> None:
    for _ in range(times):
        rater, _ = one.store.new_rater(one.store.study("topics").id, "sw")
        view = one.store.next_assignment(rater.id)
        assert view is not None
        assert one.store.submit(submission(rater.id, view)).backed_up


def test_a_journal_that_was_cut_short_is_not_called_healthy(opened: BackedUpStore, path: Path, clock: Clock) -> None:
    assert opened.backups is not None
    opened.backups.now()
    rate(opened, 4)
    opened.close()
    lose(path)
    (journal,) = [file for file in backups(path).glob("journal-*") if len(read(file).changes) == 12]
    for snapshot in listed(backups(path))[:1]:  # the one that was taken at the end
        snapshot.path.unlink()
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    again = open_with_backups(path, clock=clock)
    assert again.backups is not None
    state = again.backups.now()
    assert not state.healthy
    assert "no end mark" in " ".join(state.failures) and "saved" not in str(state.restored and state.restored.doubt)
    again.close()


def test_a_journal_that_lost_a_line_in_its_middle_is_told_apart_from_a_whole_one(
    opened: BackedUpStore, path: Path
) -> None:
    rate(opened, 2)
    assert opened.journal is not None
    opened.journal.rotate()
    (journal,) = backups(path).glob("journal-*")
    assert read(journal).ended
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    assert not read(journal).ended


def test_a_damaged_journal_that_a_snapshot_covers_does_not_block_a_start(opened: BackedUpStore, path: Path) -> None:
    assert opened.backups is not None
    rate(opened)
    opened.backups.now()
    opened.close()
    lose(path)
    (journal,) = backups(path).glob("journal-*")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], lines[1].replace(b"sw", b"xx"), *lines[2:]]))
    again = open_with_backups(path)
    assert len(again.store.ratings(1)) == 9
    again.close()


def test_a_receipt_tells_when_the_journal_could_not_be_written(
    opened: BackedUpStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rater, _ = opened.store.new_rater(1, "sw")
    view = opened.store.next_assignment(rater.id)
    assert view is not None

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("annotation.database.journal.os.fsync", full)
    receipt = opened.store.submit(submission(rater.id, view))
    assert not receipt.backed_up
    assert len(opened.store.ratings(1)) == 9


def test_a_clock_that_goes_back_makes_no_new_backup_look_old(opened: BackedUpStore, clock: Clock) -> None:
    assert opened.backups is not None
    for _ in range(14):
        opened.store.new_rater(1, "sw")
        opened.backups.now()
        clock.forward(10)
    clock.now -= timedelta(days=400)
    for _ in range(3):
        opened.store.new_rater(1, "sw")
        state = opened.backups.now()
        assert listed(opened.backups.folder)[0].number == opened.store.change_number
    assert state.healthy and "the clock went back" in " ".join(state.notes)
    names = [file.name for file in opened.backups.folder.iterdir()]
    newest = listed(opened.backups.folder)[0].path.name
    assert newest not in superseded(names) and needed(names)[0] == newest


def test_journals_are_dropped_by_change_and_never_those_that_a_restore_needs() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    snapshots = [f"snapshot-{at - timedelta(days=n):%Y%m%dT%H%M%S%f}Z-{5000 * (n + 1):010d}.db" for n in range(12)]
    journals = [
        f"journal-{at - timedelta(days=n):%Y%m%dT%H%M%S%f}Z-ab12cd34-{n:04d}-{5000 * n + 1:010d}.jsonl"
        for n in range(13)
    ]
    assert superseded([*snapshots, *journals], newest=3, days=2) & set(journals[10:]) == set()
    assert set(journals[:9]) <= superseded([*snapshots, *journals], newest=3, days=2)
    assert set(journals[11:]) <= set(needed([*snapshots, *journals]))


def test_files_of_ratings_are_for_their_owner_alone(opened: BackedUpStore, path: Path, tmp_path: Path) -> None:
    rate(opened)
    assert opened.backups is not None
    opened.backups.now()
    files = [path, *backups(path).glob("snapshot-*"), *backups(path).glob("journal-*")]
    assert len(files) == 3
    assert {oct(file.stat().st_mode & 0o077) for file in files} == {"0o0"}


def test_a_removal_reaches_every_copy_also_after_a_kill_and_on_a_mirror_that_was_down(
    path: Path, clock: Clock, templates: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(templates["study"], path)
    downloads, elsewhere = tmp_path / "downloads", tmp_path / "mirror"
    mirror = FolderMirror(elsewhere)
    one = open_with_backups(path, mirror=mirror, clock=clock, wait_s=0, other_copies=[downloads])
    rate(one, 2)
    assert one.backups is not None
    one.backups.now()
    gone, stays = one.store.raters(1)
    (downloads / "abc").mkdir(parents=True)
    for copy in (
        downloads / "abc" / "ratings.csv",
        path.with_name("ratings.set-aside-20260101T000000000000Z.db"),
        path.with_name("ratings.before-0002-20260101T000000000000Z.db"),
    ):
        copy.write_text(gone.rater)
    one.store.remove_rater(1, gone.rater)
    killed(one)  # between the removal and what follows it
    push = FolderMirror.push

    def down(*_: object, **__: object) -> None:
        raise MirrorFailed("the mirror is down")

    again = open_with_backups(path, mirror=mirror, clock=clock, wait_s=0, other_copies=[downloads])
    assert again.backups is not None
    monkeypatch.setattr(FolderMirror, "push", down)
    assert not again.backups.now().healthy
    assert again.store.pending_removals() != []
    monkeypatch.setattr(FolderMirror, "push", push)
    assert again.backups.now().healthy
    assert again.store.pending_removals() == []
    assert [stone.ratings for stone in again.store.tombstones(1)] == [9]
    again.close()
    needle = gone.rater.encode()
    told = {
        json.dumps(f"{file}")
        for folder, _, files in os.walk(tmp_path)
        for file in (Path(folder) / f for f in files)
        if b"ratings" not in needle
        and file.suffix != ".db"
        and needle in file.read_bytes()
        and b'"submission"' in file.read_bytes()
    }
    assert told == set()
    assert not list(path.parent.glob("ratings.set-aside-*")) and not list(path.parent.glob("ratings.before-*"))
    assert list(downloads.iterdir()) == []
    assert sum(file.suffix == ".db" for file in elsewhere.iterdir()) <= 2
    for file in elsewhere.glob("snapshot-*.db"):
        shutil.copyfile(file, tmp_path / "copy.db")
        with open_with_backups(tmp_path / "copy.db").store as copy:
            assert {row.rater for row in copy.ratings(1)} == {stays.rater}
