"""Removing one rater's data: all of it goes, a tombstone stays, exports say so, others are not touched.

Tests of `annotation.publication`.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from rating_examples import outputs_of, skip_of, submission

from annotation.errors import UnknownRater
from annotation.export.files import export_study
from annotation.records import Rater, Study
from annotation.store import RatingStore


@pytest.fixture
def gone(store: RatingStore, study: Study) -> tuple[Rater, str]:
    """She rated an item twice with a comment, skipped one, and left one open."""
    rater, token = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(replace(submission(rater.id, view), comment="siri yangu"))
    store.submit(submission(rater.id, view, 1))
    second = store.next_assignment(rater.id)
    assert second is not None
    store.skip(skip_of(rater.id, second, comment="siri nyingine"))
    store.next_assignment(rater.id)
    return rater, token


@pytest.fixture
def stays(store: RatingStore, study: Study) -> Rater:
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view))
    return rater


def test_everything_she_gave_goes_and_counts_stay(
    store: RatingStore, study: Study, gone: tuple[Rater, str], stays: Rater, path: Path
) -> None:
    others = [one for one in store.ratings(study.id) if one.rater == stays.pseudonym]
    stone = store.remove_rater(study.id, gone[0].pseudonym)
    assert (stone.items, stone.ratings, stone.changes, stone.skips, stone.comments) == (1, 9, 18, 1, 2)
    assert store.tombstones(study.id) == [stone]
    assert store.ratings(study.id) == others
    assert {one.rater for one in store.history(study.id)} == {stays.pseudonym}
    assert {one.rater for one in store.assignments(study.id)} == {stays.pseudonym}
    with closing(sqlite3.connect(path)) as connection:
        dump = "\n".join(connection.iterdump())
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert "siri" not in dump
    record = next(one for one in store.raters(study.id) if one.rater == stone.rater)
    assert (record.items_done, record.ratings_given, record.items_skipped) == (1, 9, 1)
    assert record.removed_at == stone.removed_at


def test_her_link_leads_nowhere_and_nothing_more_is_taken_from_her(
    store: RatingStore, study: Study, gone: tuple[Rater, str]
) -> None:
    rater, token = gone
    view = store.next_assignment(rater.id)
    assert view is not None
    store.remove_rater(study.id, rater.pseudonym)
    for ask in (
        lambda: store.rater_of_token(token),
        lambda: store.rater_by_token(study.id, token),
        lambda: store.next_assignment(rater.id),
        lambda: store.submit(submission(rater.id, view)),
    ):
        with pytest.raises(UnknownRater):
            ask()


def test_her_places_go_back_to_others(store: RatingStore, study: Study) -> None:
    store.add_outputs(study.id, outputs_of("i1"))
    raters = [store.new_rater(study.id, "sw")[0] for _ in range(3)]
    for rater in raters:
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(submission(rater.id, view))
    late, _ = store.new_rater(study.id, "sw")
    assert store.next_assignment(late.id) is None
    store.remove_rater(study.id, raters[1].pseudonym)
    assert store.progress(late.id).total == 3
    assert store.next_assignment(late.id) is not None


def test_exports_tell_of_the_removal(
    store: RatingStore, study: Study, gone: tuple[Rater, str], stays: Rater, tmp_path: Path
) -> None:
    store.remove_rater(study.id, gone[0].pseudonym)
    folder = tmp_path / "out"
    export_study(store, study, folder)
    assert json.loads((folder / "codebook.json").read_text())["removed_raters"] == [gone[0].pseudonym]
    raters = [json.loads(line) for line in (folder / "raters.jsonl").read_text().splitlines()]
    assert [(one["rater"], one["removed_at"] is not None, one["ratings_given"]) for one in raters] == [
        (gone[0].pseudonym, True, 9),
        (stays.pseudonym, False, 9),
    ]
    for table in ("ratings", "history", "assignments", "checks"):
        assert gone[0].pseudonym not in (folder / f"{table}.jsonl").read_text()


@pytest.mark.parametrize("name", ["", "rater-00000000", None, 1])
def test_a_name_that_is_not_there_removes_nobody(
    store: RatingStore, study: Study, gone: tuple[Rater, str], name: str
) -> None:
    with pytest.raises(UnknownRater):
        store.remove_rater(study.id, name)
    assert len(store.ratings(study.id)) == 9


def test_removing_twice_says_when_it_was_done(store: RatingStore, study: Study, gone: tuple[Rater, str]) -> None:
    store.remove_rater(study.id, gone[0].pseudonym)
    with pytest.raises(UnknownRater, match="removed already, on 2026-11-20"):
        store.remove_rater(study.id, gone[0].pseudonym)


def test_a_closed_study_still_lets_a_rater_go(store: RatingStore, study: Study, gone: tuple[Rater, str]) -> None:
    store.set_study_state(study.id, "closed")
    assert store.remove_rater(study.id, gone[0].pseudonym).ratings == 9
