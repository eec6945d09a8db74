"""Backups of a running store: rounds, retention, failures in words, and the mirror behind a fake of the Hub's library."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from backup_toys import FakeHub, dump, killed, lose
from rating_examples import Clock, outputs_of, submission

from annotation.backup import rounds
from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.backup.mirror import HubMirror
from annotation.backup.rounds import Backups
from annotation.database import snapshots
from annotation.database.snapshots import AnswerCounts, fault_of, listed, needed, superseded
from annotation.errors import DatabaseUnavailable, MirrorFailed
from annotation.store import RatingStore


@pytest.fixture
def kept(path: Path, clock: Clock, templates: dict[str, Path]) -> Iterator[BackedUpStore]:
    shutil.copyfile(templates["study"], path)
    opened = open_with_backups(path, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def backups(kept: BackedUpStore) -> Backups:
    assert kept.backups is not None
    return kept.backups


def rate_one(store: RatingStore) -> None:
    study = store.study("topics")
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view))


def test_a_round_makes_a_sound_snapshot_and_says_what_is_in_it(
    kept: BackedUpStore, backups: Backups, path: Path, clock: Clock
) -> None:
    assert backups.state().last_good is None
    rate_one(kept.store)
    assert backups.state().changes_since == kept.store.change_number > 0
    state = backups.now()
    assert (state.answers, state.changes_since, state.failures, state.healthy) == (AnswerCounts(9), 0, (), True)
    assert state.last_good is not None
    assert timedelta(0) < clock() - state.last_good < timedelta(seconds=1)
    (snapshot,) = listed(backups.folder)
    assert fault_of(snapshot.path) is None
    assert dump(snapshot.path) == dump(path)
    assert list(backups.folder.glob(".snapshot*")) == []


def test_a_round_without_a_change_does_nothing(kept: BackedUpStore, backups: Backups) -> None:
    rate_one(kept.store)
    for _ in range(3):
        backups.now()
    assert len(listed(backups.folder)) == 1
    kept.close()
    assert len(listed(backups.folder)) == 1


def test_closing_takes_a_last_snapshot(kept: BackedUpStore, backups: Backups, path: Path) -> None:
    backups.now()
    rate_one(kept.store)
    kept.close()
    kept.close()
    assert dump(listed(backups.folder)[0].path) == dump(path)


def test_the_scheduler_runs_at_once_then_by_the_clock_and_stops(kept: BackedUpStore, backups: Backups) -> None:
    backups.start(every_minutes=0.001)
    assert backups.running
    for count in (1, 2, 3):
        rate_one(kept.store)
        limit = time.monotonic() + 20
        while backups.state().changes_since > 0:
            assert time.monotonic() < limit, count
            time.sleep(0.01)
    backups.stop()
    assert not backups.running
    assert "backups" not in {thread.name for thread in threading.enumerate()}


def test_a_snapshot_taken_while_raters_write_is_of_one_moment(kept: BackedUpStore, backups: Backups) -> None:
    """Whole submissions only: nine ratings each, and as many changes in it as its number says."""
    study = kept.store.study("topics")
    kept.store.add_outputs(study.id, [output for index in range(5) for output in outputs_of(f"more {index}")])
    rater, _ = kept.store.new_rater(study.id, "sw")

    def work() -> None:
        while (view := kept.store.next_assignment(rater.id)) is not None:
            kept.store.submit(submission(rater.id, view))

    writer = threading.Thread(target=work)
    writer.start()
    seen = []
    while writer.is_alive():
        seen.append(backups.now().answers)
        time.sleep(0.02)
    writer.join()
    assert len(seen) > 1
    assert {one.ratings % 9 for one in seen if one is not None} == {0}
    for snapshot in listed(backups.folder):
        with closing(sqlite3.connect(snapshot.path)) as copy:
            assert copy.execute("PRAGMA user_version").fetchone() == (snapshot.number,)


def test_a_failed_round_is_said_in_words_and_made_good_by_the_next(
    kept: BackedUpStore, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate_one(kept.store)
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "fault_of", lambda path: "row 7 missing from index ix_rating_output_id")
        state = backups.now()
    assert not state.healthy
    assert "not sound (row 7 missing" in state.failures[0]
    assert state.last_good is None
    assert list(backups.folder.glob("*.db")) == list(backups.folder.glob(".*.partial")) == []
    assert backups.now().healthy


def test_a_broken_journal_makes_the_state_red_until_a_snapshot_holds_the_changes(
    kept: BackedUpStore, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept.journal is not None

    def full(_lines: list[bytes]) -> None:
        raise OSError(28, "No space left on device")

    backups.now()
    monkeypatch.setattr(kept.journal, "_write", full)
    rate_one(kept.store)  # the rating counts
    assert len(kept.store.ratings(1)) == 9
    state = backups.state()
    assert (state.healthy, state.unsaved_changes) == (False, 3)
    assert "No space left" in state.failures[0]
    assert backups.now().healthy


def test_a_disk_that_is_nearly_full_is_told_before_nothing_can_be_stored(
    backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = backups.state().free_bytes
    assert free is not None and free > 0 and backups.state().healthy
    monkeypatch.setattr(rounds.shutil, "disk_usage", lambda _: SimpleNamespace(free=7 * 1024**2))
    state = backups.state()
    assert (state.free_bytes, state.healthy) == (7 * 1024**2, False)
    assert "only 7 MB are free on the disk" in state.warnings[0]
    assert state.failures == ()  # nothing failed yet: an orderly end still says that everything is in the mirror


def test_a_folder_that_cannot_be_written_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatabaseUnavailable, match=r"backup folder .* cannot be written"):
        open_with_backups(tmp_path / "r.db", folder=tmp_path / "file")


def named(day: int, minute: int, number: int) -> str:
    return f"snapshot-{datetime(2026, 11, day, 12, minute, tzinfo=UTC):%Y%m%dT%H%M%S%f}Z-{number:010d}.db"


def test_kept_are_the_newest_the_last_of_each_day_and_the_journals_since() -> None:
    old = [named(day, minute, day * 100 + minute) for day in range(1, 21) for minute in (0, 30)]
    new = [named(25, minute, 3000 + minute) for minute in range(5)]
    journals = [f"journal-202611{day:02d}T120100000000Z-ab-0001.jsonl" for day in range(1, 26)]
    gone = superseded([*old, *new, *journals, "README.md", "notes.db"], newest=5, days=3)
    assert set(old) - gone == {named(20, 30, 2030), named(19, 30, 1930)}
    assert not gone & {*new, "README.md", "notes.db"}
    assert set(journals) - gone == {journals[-1]}
    assert superseded([*old[:3], *journals], newest=5) == set()  # too few snapshots to do without the journals


def test_needed_for_a_restore_are_two_snapshots_and_the_journals_since_the_older() -> None:
    names = [named(20, 0, 1), named(21, 0, 2), named(22, 0, 3)]
    journals = [f"journal-202611{day}T120100000000Z-ab-0001.jsonl" for day in (20, 21, 22)]
    assert needed([*names, *journals, ".gitattributes"]) == [names[2], names[1], journals[1], journals[2]]
    assert needed(journals) == journals


def mirrored(path: Path, hub: FakeHub, clock: Clock) -> BackedUpStore:
    return open_with_backups(path, mirror=HubMirror("me/ratings", "hf_x", hub), clock=clock, wait_s=0)


def test_a_machine_that_lost_its_disk_gets_all_from_the_mirror(
    path: Path, clock: Clock, templates: dict[str, Path]
) -> None:
    hub = FakeHub()
    shutil.copyfile(templates["study"], path)
    kept = mirrored(path, hub, clock)
    assert kept.backups is not None
    for _ in range(2):
        rate_one(kept.store)
        assert kept.backups.now().mirrored_at is not None
    commits = hub.commits
    kept.backups.now()
    assert hub.commits == commits == 3  # the lease and two rounds; none for a round without a change
    assert hub.private is True
    killed(kept)
    before = dump(path)
    lose(path)
    shutil.rmtree(kept.backups.folder)
    again = mirrored(path, hub, clock)
    assert dump(path) == before
    assert again.backups is not None
    assert again.backups.state().mirror == "me/ratings"
    killed(again)


def test_a_damaged_newest_snapshot_on_the_mirror_is_made_good_by_the_one_before_and_the_journal(
    path: Path, clock: Clock, templates: dict[str, Path]
) -> None:
    hub = FakeHub()
    shutil.copyfile(templates["study"], path)
    kept = mirrored(path, hub, clock)
    assert kept.backups is not None
    for _ in range(2):
        rate_one(kept.store)
        kept.backups.now()
    killed(kept)
    before = dump(path)
    lose(path)
    shutil.rmtree(kept.backups.folder)
    newest = max(name for name in hub.files if name.startswith("snapshot"))
    hub.files[newest] = hub.files[newest][:-5000]
    killed(mirrored(path, hub, clock))
    assert dump(path) == before


def test_what_was_removed_from_the_database_is_in_no_backup_after_forget(kept: BackedUpStore, backups: Backups) -> None:
    hub = FakeHub()
    backups._mirror = HubMirror("me/ratings", "hf_x", hub)
    study = kept.store.study("topics")
    rater, _ = kept.store.new_rater(study.id, "sw")
    view = kept.store.next_assignment(rater.id)
    assert view is not None
    kept.store.submit(replace(submission(rater.id, view), comment="a word of hers"))
    backups.now()
    kept.store.remove_rater(study.id, rater.pseudonym)

    def holders() -> list[str]:
        files = {path.name: path.read_bytes() for path in backups.folder.iterdir()}
        return [name for name, content in (*files.items(), *hub.files.items()) if b"a word of hers" in content]

    assert holders()
    state = backups.forget()
    assert (state.failures, state.changes_since) == ((), 1)  # the mark that no copy is left
    assert holders() == []
    assert [one.path.name for one in listed(backups.folder)] == list(hub.files)


def test_ratings_never_go_to_a_public_data_set(kept: BackedUpStore, backups: Backups) -> None:
    hub = FakeHub(private=False)
    backups._mirror = HubMirror("me/ratings", "hf_x", hub)
    rate_one(kept.store)
    state = backups.now()
    assert not state.healthy
    assert "is public, so no ratings go there" in state.failures[0]
    assert hub.files == {}
    assert state.last_good is not None  # the snapshot on this machine is made all the same


def test_a_hub_that_cannot_be_reached_is_said_and_caught_up_with_later(kept: BackedUpStore, backups: Backups) -> None:
    hub = FakeHub(down=True)
    backups._mirror = HubMirror("me/ratings", "hf_x", hub)
    rate_one(kept.store)
    state = backups.now()
    assert "could not make the data set 'me/ratings' on the Hub (Cannot reach the Hub);" in state.failures[0]
    assert len(kept.store.ratings(1)) == 9
    hub.down = False
    assert backups.now().healthy
    assert any(name.startswith("snapshot") for name in hub.files)


def test_an_empty_disk_and_a_mirror_that_does_not_answer_is_no_reason_to_start_empty(path: Path, clock: Clock) -> None:
    with pytest.raises(MirrorFailed, match="check the network"):
        mirrored(path, FakeHub(down=True), clock)
    assert not path.exists()
    killed(mirrored(path, FakeHub(), clock))  # a new data set is a first start
    assert path.exists()


@pytest.mark.parametrize(("name", "token", "says"), [("ratings", "t", "owner/title"), ("me/ratings", "", "HF_TOKEN")])
def test_a_mirror_needs_a_name_and_a_token(name: str, token: str, says: str) -> None:
    with pytest.raises(MirrorFailed, match=says):
        HubMirror(name, token)
