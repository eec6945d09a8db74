"""Restoring: from an empty disk, from damage, from behind; and refusing rather than starting empty.

Tests of `annotation.backup.lease`, `annotation.backup.rebuild`.
"""

import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from backup_toys import Dump, backups, dump, killed, lose
from preference_examples import compared_study, ordered
from preference_examples import submission as compared_submission
from rating_examples import Clock, new_study, outputs_of, skip_of, submission

from annotation.backup import restore
from annotation.backup.backed_up_store import open_with_backups
from annotation.database.journal import Contents
from annotation.database.snapshots import AnswerCounts, count_answers, listed
from annotation.errors import DatabaseUnavailable, RestoreFailed
from annotation.store import RatingStore


def rate(store: RatingStore, clock: Clock) -> None:
    """Ratings, a change of mind, a skip, and a lease that ends and goes to another rater."""
    study = store.ensure_study(new_study(raters_per_item=1))
    store.add_outputs(study.id, [output for index in range(4) for output in outputs_of(f"=i{index}")])
    slow, quick = (store.new_rater(study.id, "sw")[0] for _ in range(2))
    store.next_assignment(slow.id)
    clock.forward(61)
    while (view := store.next_assignment(quick.id)) is not None:
        store.submit(replace(submission(quick.id, view), comment="=1+1 – sawa\nkabisa"))
        store.submit(submission(quick.id, view, 2))
        if view.position == 2:
            other = store.next_assignment(quick.id)
            assert other is not None
            store.skip(skip_of(quick.id, other))


@pytest.fixture(scope="module")
def worked(templates: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with a database and its backups, a snapshot in the middle of the work: killed, and closed in order."""
    folders = {"killed": tmp_path_factory.mktemp("killed"), "closed": tmp_path_factory.mktemp("closed")}
    for how, folder in folders.items():
        clock = Clock()
        shutil.copyfile(templates["empty"], folder / "ratings.db")
        opened = open_with_backups(folder / "ratings.db", clock=clock)
        assert opened.backups is not None
        opened.store.ensure_study(new_study("before"))
        opened.backups.now()
        rate(opened.store, clock)
        killed(opened) if how == "killed" else opened.close()
    return folders


@pytest.fixture
def after_kill(worked: dict[str, Path], tmp_path: Path) -> Dump:
    """Puts a killed database with its backups at `path`; what it holds."""
    shutil.copytree(worked["killed"], tmp_path, dirs_exist_ok=True)
    return dump(tmp_path / "ratings.db")


@pytest.fixture
def after_close(worked: dict[str, Path], tmp_path: Path) -> Dump:
    """Puts a database that was closed in order, with its backups, at `path`; what it holds."""
    shutil.copytree(worked["closed"], tmp_path, dirs_exist_ok=True)
    return dump(tmp_path / "ratings.db")


@pytest.mark.parametrize("what", ["snapshot and journal", "journal alone", "snapshot alone"])
def test_drill_an_empty_disk_gets_every_row_back(
    path: Path, worked: dict[str, Path], tmp_path: Path, clock: Clock, what: str
) -> None:
    shutil.copytree(worked["closed" if what == "snapshot alone" else "killed"], tmp_path, dirs_exist_ok=True)
    before = dump(path)
    lose(path)
    unused = {"journal alone": "snapshot-*", "snapshot alone": "journal-*", "snapshot and journal": "none"}[what]
    for file in backups(path).glob(unused):
        file.unlink()
    again = open_with_backups(path, clock=clock)
    assert len(again.store.ratings(2)) == 27
    killed(again)
    assert dump(path) == before


def test_a_restored_store_works_on_and_can_be_restored_again(path: Path, after_kill: Dump, clock: Clock) -> None:
    before = after_kill
    for _ in range(3):
        lose(path)
        kept = open_with_backups(path, clock=clock)
        assert dump(path) == before
        assert kept.backups is not None
        report = kept.backups.state().restored
        assert report is not None
        assert report.missing == 0
        kept.store.new_rater(1, "sw")
        killed(kept)
        assert dump(path) != before
        before = dump(path)


def test_a_sound_database_is_not_touched_and_a_first_start_needs_nothing(path: Path, clock: Clock) -> None:
    for _ in range(2):
        kept = open_with_backups(path, clock=clock)
        assert kept.backups is not None
        assert kept.backups.state().restored is None
        kept.store.ensure_study(new_study())
        kept.close()


def test_a_database_without_rows_does_not_hide_backups_that_have_some(path: Path, after_close: Dump) -> None:
    lose(path)
    RatingStore.open(path).close()  # as a start without backups would leave it
    again = open_with_backups(path)
    assert len(again.store.ratings(2)) == 27
    killed(again)


@pytest.mark.parametrize("damage", ["garbage", "pages", "cut"])
def test_a_damaged_database_is_set_aside_and_restored(path: Path, after_close: Dump, damage: str) -> None:
    sound = path.read_bytes()
    bad = {
        "garbage": b"a letter to my aunt" * 400,
        "pages": sound[:8192] + bytes(len(sound) - 8192),
        "cut": sound[: len(sound) // 2],
    }[damage]
    path.write_bytes(bad)
    killed(open_with_backups(path))
    assert dump(path) == after_close
    (aside,) = path.parent.glob("*set-aside*.db")
    assert aside.read_bytes() == bad


def test_a_damaged_database_without_a_backup_is_refused_and_left_as_it_was(path: Path) -> None:
    path.write_bytes(b"a letter to my aunt" * 400)
    with pytest.raises(DatabaseUnavailable, match="holds no backup"):
        open_with_backups(path)
    assert path.read_bytes() == b"a letter to my aunt" * 400


def test_a_disk_that_lost_the_last_commits_gets_them_from_the_journal(
    path: Path, clock: Clock, templates: dict[str, Path]
) -> None:
    shutil.copyfile(templates["empty"], path)
    kept = open_with_backups(path, clock=clock)
    kept.store.ensure_study(new_study())
    kept.close()
    older = path.read_bytes()
    kept = open_with_backups(path, clock=clock)
    rate(kept.store, clock)
    killed(kept)
    before = dump(path)
    lose(path)
    path.write_bytes(older)
    killed(open_with_backups(path, clock=clock))
    assert dump(path) == before
    assert len(list(path.parent.glob("*set-aside*"))) == 1


def test_a_damaged_snapshot_is_passed_over_for_the_one_before(path: Path, after_close: Dump) -> None:
    lose(path)
    newest, *older = listed(backups(path))
    assert older
    newest.path.write_bytes(newest.path.read_bytes()[:5000])
    killed(open_with_backups(path))
    assert dump(path) == after_close


def test_nothing_is_started_empty_when_no_backup_can_be_used(path: Path, after_kill: Dump) -> None:
    lose(path)
    for snapshot in listed(backups(path)):
        snapshot.path.write_bytes(b"no")
    first, *_ = sorted(backups(path).glob("journal-*"))
    first.unlink()
    for _ in range(2):  # the second start finds no more than the first
        with pytest.raises(RestoreFailed, match=r"the journals begin with change 2.*move it away to start empty"):
            open_with_backups(path)
    assert not path.exists()


def test_a_damaged_journal_stops_the_start_and_says_which_line(path: Path, after_kill: Dump) -> None:
    lose(path)
    *_, last = sorted(backups(path).glob("journal-*"))
    lines = last.read_bytes().split(b"\n")
    lines[2] = lines[2][:-9]
    last.write_bytes(b"\n".join(lines))
    with pytest.raises(RestoreFailed, match=rf"line 3 of the journal '.*{last.name}'"):
        open_with_backups(path)
    assert not path.exists()


def test_a_change_whose_line_is_missing_is_counted(path: Path, after_kill: Dump, clock: Clock) -> None:
    lose(path)
    *_, last = sorted(backups(path).glob("journal-*"))
    lines = last.read_bytes().split(b"\n")
    del lines[5]  # the first lease, whose row the end of the lease writes again
    last.write_bytes(b"\n".join(lines))
    report = restore.restore_if_needed(path, backups(path), None, clock())
    assert report is not None
    assert (report.missing, report.answers) == (1, AnswerCounts(27))
    assert dump(path) == after_kill


def test_restored_rows_that_do_not_fit_together_are_refused(
    path: Path, after_kill: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rating whose output nobody brought back must not be counted as a success."""
    lose(path)
    real: Callable[[Path], Contents] = restore.read

    def without_outputs(file: Path) -> Contents:
        contents = real(file)
        rows = [{k: v for k, v in one.rows.items() if k != "output"} for one in contents.changes]
        changes = (replace(one, rows=left) for one, left in zip(contents.changes, rows, strict=True))
        return Contents(tuple(changes), contents.ended)

    monkeypatch.setattr(restore, "read", without_outputs)
    with pytest.raises(RestoreFailed, match=r"do.* not fit together"):
        open_with_backups(path)
    assert not path.exists()
    assert not list(path.parent.glob(".*restoring*"))


def test_two_starts_at_once_on_an_empty_disk_restore_once(path: Path, after_close: Dump) -> None:
    lose(path)
    with ThreadPoolExecutor(3) as pool:
        opened = list(pool.map(lambda _: open_with_backups(path), range(3)))
    reports = [one.backups.state().restored for one in opened if one.backups is not None]
    for one in opened:
        killed(one)
    assert sum(report is not None for report in reports) == 1
    assert dump(path) == after_close


def test_the_backups_folder_may_lie_on_another_disk(tmp_path: Path) -> None:
    path, place = tmp_path / "disk" / "r.db", tmp_path / "bucket"
    kept = open_with_backups(path, folder=place)
    kept.store.ensure_study(new_study())
    kept.close()
    shutil.rmtree(path.parent)
    again = open_with_backups(path, folder=place)
    assert [study.slug for study in again.store.studies()] == ["topics"]
    killed(again)


def test_memory_has_no_backups() -> None:
    kept = open_with_backups("sqlite://")
    assert kept.backups is None
    kept.close()


def test_what_was_brought_back_is_said_of_orders_and_marked_errors_too(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    opened = open_with_backups(path, clock=clock)
    study = opened.store.ensure_study(compared_study(error_spans=True))
    opened.store.add_outputs(study.id, outputs_of("i1", systems=("agl", "knn")))
    rater, _ = opened.store.new_rater(study.id, "sw")
    view = opened.store.next_assignment(rater.id)
    assert view is not None
    spans = {one.output_id: () for one in view.outputs}
    opened.store.submit(compared_submission(rater.id, view, ordered(view, 1, 2), spans=spans))
    killed(opened)
    lose(path)
    with caplog.at_level("WARNING"):
        report = restore.restore_if_needed(path, backups(path), None, clock())
    assert report is not None and report.answers == AnswerCounts(0, 1, 2)
    assert "restored 0 ratings, 1 orders of answers, 2 outputs marked for errors from" in caplog.text


def test_answers_of_a_database_of_an_older_schema_are_counted(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as database:
        database.execute("CREATE TABLE rating (id INTEGER)")
        database.execute("INSERT INTO rating VALUES (1)")
        assert count_answers(database) == AnswerCounts(1)
        assert str(count_answers(database)) == "1 ratings"
