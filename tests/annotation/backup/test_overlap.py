"""Two machines that write at once for a while, as hosts that start a new container before they end the old one.

Tests of `annotation.backup.turn`.
"""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest
from backup_toys import killed
from preference_examples import compared_study, ordered
from preference_examples import submission as compared_submission
from rating_examples import Clock, new_study, outputs_of, submission

from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.backup.mirror import FolderMirror
from annotation.database.journal import Change
from annotation.errors import DatabaseUnavailable
from annotation.records import Submission
from annotation.store import RatingStore

Machine = Callable[..., BackedUpStore]


@pytest.fixture
def machine(tmp_path: Path, clock: Clock) -> Machine:
    """Starts a container with an empty disk of its own over one mirror, and a sleep that only counts."""
    mirror = FolderMirror(tmp_path / "mirror")
    started = iter(range(100))

    def start(sleep: Callable[[float], None] = lambda _seconds: None, wait_s: float = 10) -> BackedUpStore:
        disk = tmp_path / f"container-{next(started)}"
        disk.mkdir()
        return open_with_backups(disk / "ratings.db", mirror=mirror, clock=clock, sleep=sleep, wait_s=wait_s)

    return start


def begin(machine: Machine) -> tuple[BackedUpStore, int]:
    """The first container, with a study of 20 items and one rater whose first answer is in the mirror."""
    first = machine()
    study = first.store.ensure_study(new_study(raters_per_item=2))
    first.store.add_outputs(study.id, [output for index in range(20) for output in outputs_of(f"i{index}")])
    rater, _ = first.store.new_rater(study.id, "sw")
    rate(first.store, rater.id)
    assert first.backups is not None and first.backups.now().healthy
    return first, rater.id


def rate(store: RatingStore, rater_id: int, value: int = 4, comment: str | None = None) -> Submission:
    view = store.next_assignment(rater_id)
    assert view is not None
    sent = replace(submission(rater_id, view, value), comment=comment)
    store.submit(sent)
    return sent


def rate_leased(store: RatingStore, rater_id: int) -> Submission:
    """The same for the item that she was given before."""
    view = store.assignment(rater_id, 2)
    sent = submission(rater_id, view)
    store.submit(sent)
    return sent


def submissions(store: RatingStore) -> set[str]:
    return {one.submission_id for one in store.history(store.study("topics").id)}


def test_ratings_that_the_old_container_saved_after_the_new_one_had_fetched_are_merged(machine: Machine) -> None:
    first, ann = begin(machine)
    told = {one.submission_id for one in first.store.history(1)}
    told |= {rate(first.store, ann).submission_id for _ in range(4)}  # not mirrored yet
    second = machine()  # waits in vain, takes over, has one of the five
    assert second.backups is not None and first.backups is not None
    assert len(submissions(second.store)) == 1
    late_rater, token = first.store.new_rater(1, "sw")  # comes to the old container after the new one has begun
    told |= {rate(first.store, late_rater.id).submission_id for _ in range(2)}
    ben, _ = second.store.new_rater(1, "sw")  # gets the row number that the late rater has in the other one
    assert ben.id == late_rater.id
    told |= {rate(second.store, ben.id).submission_id for _ in range(3)}
    first.backups.now()  # sees the newer lease
    with pytest.raises(DatabaseUnavailable, match="taken over"):
        rate(first.store, ann)
    state = first.backups.state()
    assert not state.healthy and "taken over" in " ".join(state.failures)
    state = second.backups.now()
    assert state.healthy
    assert "6 late submissions" in " ".join(state.notes)
    assert submissions(second.store) == told and len(told) == 10
    assert len(second.store.ratings(1)) == 90  # 3 systems x 3 criteria, none doubled
    assert second.store.rater_by_token(1, token).pseudonym == late_rater.pseudonym  # her link works there
    assert {one.rater: one.items_done for one in second.store.raters(1)} == {
        first.store.raters(1)[0].rater: 5,
        late_rater.pseudonym: 2,
        ben.pseudonym: 3,
    }
    second.backups.now()
    assert len(submissions(second.store)) == 10  # merged once
    first.close()
    second.close()
    third = machine()
    assert submissions(third.store) == told
    assert third.backups is not None and third.backups.state().healthy
    third.close()


def test_preferences_and_errors_that_the_old_container_saved_are_merged_with_their_later_word(machine: Machine) -> None:
    first = machine()
    study = first.store.ensure_study(compared_study(error_spans=True))
    first.store.add_outputs(study.id, [output for index in range(3) for output in outputs_of(f"i{index}")])
    ann = first.store.new_rater(study.id, "sw")[0].id

    def order(store: RatingStore, position: int, *ranks: int) -> None:
        view = store.assignment(ann, position)
        spans = {one.output_id: ((0, rank, "minor"),) for one, rank in zip(view.outputs, ranks, strict=True)}
        store.submit(compared_submission(ann, view, ordered(view, *ranks), spans=spans))

    for _ in range(2):
        view = first.store.next_assignment(ann)
        assert view is not None
        order(first.store, view.position, 1, 2, 3)
    assert first.backups is not None and first.backups.now().healthy
    second = machine()
    assert second.backups is not None
    order(first.store, 1, 3, 3, 1)  # a change, and a new one, that the second container has not seen
    assert first.store.next_assignment(ann) is not None
    order(first.store, 3, 2, 1, 2)
    first.backups.now()
    assert second.backups.now().healthy
    mine = {one.item_key: one.position for one in second.store.assignments(study.id)}
    stored = {mine[one.item_key]: (one.ranks, one.revision) for one in second.store.preferences(study.id)}
    assert stored == {1: ((3, 3, 1), 2), 2: ((1, 2, 3), 1), 3: ((2, 1, 2), 1)}
    assert [one.old_ranks for one in second.store.preference_history(study.id)] == [None, None, (1, 2, 3), None]
    assert second.store.progress(ann).done == 3
    for store in (first.store, second.store):
        ends = {(one.item_key, one.output_id): one.end for one in store.error_spans(study.id)}
        ranks = {
            (one.item_key, output): rank
            for one in store.preferences(study.id)
            for output, rank in zip(one.output_ids, one.ranks, strict=True)
        }
        assert ends == ranks and len(ends) == 9  # the errors that came with each order
    assert len(second.store.span_history(study.id)) == 9 + 3  # all three of the changed item
    first.close()
    second.close()
    third = machine()  # from snapshot and journal on an empty disk
    assert len(third.store.error_spans(study.id)) == 9
    assert len(third.store.preferences(study.id)) == 3 and len(third.store.preference_history(study.id)) == 4
    third.close()


def test_of_two_answers_to_one_item_the_later_counts_and_both_stand_in_the_history(machine: Machine) -> None:
    """A rater whose first answer the new container had not seen is given the item again. Her first one had no line anywhere: of
    2,500 ratings that were told as saved while two containers ran, 126 to 288.
    """
    first, ann = begin(machine)
    second = machine()
    assert first.backups is not None and second.backups is not None
    old = rate(first.store, ann, 2, comment="first word")
    new = rate(second.store, ann, 4, comment="second word")
    item = {one.item_key for one in second.store.history(1) if one.submission_id == new.submission_id}
    assert item == {one.item_key for one in first.store.history(1) if one.submission_id == old.submission_id}

    def told(store: RatingStore) -> None:
        lines = [one for one in store.history(1) if one.item_key in item]
        assert {(one.submission_id, one.old_value, one.value, one.revision) for one in lines} == {
            (old.submission_id, None, 2, 1),
            (new.submission_id, 2, 4, 2),
        }
        assert len(lines) == 18
        assert {(one.value, one.revision) for one in store.ratings(1) if one.item_key in item} == {(4, 2)}
        assert store.assignment(ann, 2).comment == "second word"

    first.backups.now()
    assert "1 late submissions" in " ".join(second.backups.now().notes)
    told(second.store)
    first.close()
    second.close()
    third = machine()  # from snapshot and journal on an empty disk
    told(third.store)
    third.close()


def test_a_submit_under_way_when_the_newer_lease_is_seen_is_handed_over_too(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was committed and told as saved, and its line came into a journal that nobody handed over: 7 of 282 under load."""
    first, ann = begin(machine)
    assert first.store.next_assignment(ann) is not None
    second = machine()
    assert first.backups is not None and second.backups is not None and first.journal is not None
    committed, go_on, append = threading.Event(), threading.Event(), first.journal.append

    def slowly(change: Change) -> bool:
        committed.set()
        assert go_on.wait(30)
        return append(change)

    monkeypatch.setattr(first.journal, "append", slowly)
    with ThreadPoolExecutor(2) as threads:
        press = threads.submit(rate_leased, first.store, ann)
        assert committed.wait(30)
        look = threads.submit(first.backups.look_at_lease)
        assert wait([look], timeout=0.3).not_done  # it does not hand over before the line is there
        go_on.set()
        sent = press.result(30)
        look.result(30)
    with pytest.raises(DatabaseUnavailable, match="taken over"):
        rate(first.store, ann)
    second.backups.now()
    assert sent.submission_id in submissions(second.store)
    first.close()
    second.close()


def test_a_start_waits_until_the_writer_before_has_ended_and_then_has_everything(machine: Machine) -> None:
    first, ann = begin(machine)
    told = {one.submission_id for one in first.store.history(1)} | {rate(first.store, ann).submission_id}
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            first.close()  # the host ends it while the new one waits

    second = machine(sleep)
    assert len(waits) == 2
    assert submissions(second.store) == told
    second.close()


def test_a_program_that_was_killed_waits_for_nobody_on_its_own_disk(
    machine: Machine, tmp_path: Path, clock: Clock
) -> None:
    first, _ = begin(machine)
    killed(first)
    path = tmp_path / "container-0" / "ratings.db"

    def never(_seconds: float) -> None:
        raise AssertionError("it waited")

    again = open_with_backups(path, mirror=FolderMirror(tmp_path / "mirror"), clock=clock, sleep=never)
    assert len(submissions(again.store)) == 1
    again.close()


@pytest.mark.parametrize("under_way", [False, True], ids=["at once", "after a write that was under way"])
def test_files_that_were_pushed_between_fetch_and_first_look_are_handed_over_too(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, under_way: bool
) -> None:
    """The old container looks at the lease, the new one takes it and fetches, the old one pushes: nobody fetched that.

    Where a write was under way then, the next look handed over, and had forgotten which files nobody had fetched.
    """
    first, ann = begin(machine)
    told = submissions(first.store) | {rate(first.store, ann).submission_id}
    assert first.backups is not None
    turn = first.backups._turn
    assert turn is not None
    looks, taken = turn.step_back_if_superseded, []
    stop, answers = turn._store.stop_writing, iter([False] if under_way else [])
    monkeypatch.setattr(turn._store, "stop_writing", lambda why: next(answers, True) and stop(why))

    def look(unseen: frozenset[str] = frozenset()) -> bool:
        answer = looks(unseen)
        if not taken:
            taken.append(machine())
        return answer

    turn.step_back_if_superseded = look  # type: ignore[method-assign]
    first.backups.now()
    first.backups.now()
    (second,) = taken
    assert second.backups is not None
    assert len(submissions(second.store)) == 1
    second.backups.now()
    assert submissions(second.store) == told
    second.close()
    first.close()


def test_data_of_a_rater_who_was_removed_does_not_come_back_with_late_journals(machine: Machine) -> None:
    first, ann = begin(machine)
    rate(first.store, ann)
    second = machine()
    assert first.backups is not None and second.backups is not None
    second.store.remove_rater(1, second.store.raters(1)[0].rater)
    first.close()
    second.backups.now()
    assert submissions(second.store) == set()
    second.close()


def test_an_older_local_backup_gives_way_to_a_newer_mirror(machine: Machine, tmp_path: Path, clock: Clock) -> None:
    first, ann = begin(machine)
    first.close()
    disk, stale = tmp_path / "container-0", tmp_path / "stale"
    shutil.copytree(disk, stale)
    again = open_with_backups(disk / "ratings.db", mirror=FolderMirror(tmp_path / "mirror"), clock=clock, wait_s=0)
    rate(again.store, ann)
    again.close()
    for lost in (False, True):  # a stale database with stale backups, and stale backups alone
        if lost:
            (stale / "ratings.db").unlink()
        one = open_with_backups(stale / "ratings.db", mirror=FolderMirror(tmp_path / "mirror"), clock=clock, wait_s=0)
        assert len(submissions(one.store)) == 2
        one.close()
        shutil.rmtree(stale)
        shutil.copytree(disk, stale)
