"""Preferences: orders of answers with ties, stored with the promises that ratings have.

Tests of `annotation.preference_checks`, `annotation.preference_records`.
"""

import csv
import json
import shutil
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from attention_toys import outputs
from preference_examples import OVERALL, TONE, compared_study, ordered, submission
from rating_examples import Clock, new_study, outputs_of
from rating_examples import submission as rating_submission

from annotation.database import migrate
from annotation.database.engine import open_engines
from annotation.errors import InvalidRating, InvalidRecord, NewerAnswers, StudyNotReady, SubmissionConflict
from annotation.export.files import export_study
from annotation.preference_checks import score_degraded_order, score_repeated_order
from annotation.records import Rater, Study
from annotation.store import RatingStore

TWO = ("agl", "knn")


def opened(store: RatingStore, *, systems: tuple[str, ...] = TWO, scales: bool = False, **design: object) -> Study:
    study = store.create_study(compared_study(scales=scales, **design))
    for item in ("i1", "i2"):
        store.add_outputs(study.id, outputs_of(item, systems=systems))
    return store.open_study(study.id)


def join(store: RatingStore, study: Study) -> Rater:
    _, link = store.new_invitation(study.id, "sw")
    return store.accept_invitation(study.id, link)[0]


def test_a_preference_is_stored_as_it_was_shown_and_a_retry_stores_it_once(store: RatingStore) -> None:
    study = opened(store)
    assert study.preferences == (OVERALL,) and study.criteria == ()
    rater = join(store, study)
    view = store.next_assignment(rater.id)
    assert view is not None and view.preferences == {}
    sent = submission(rater.id, view, ordered(view, 2, 1))
    assert store.submit(sent).repeated is False
    assert store.submit(sent).repeated is True
    with pytest.raises(SubmissionConflict):
        store.submit(replace(sent, preferences=ordered(view, 1, 2)))
    (record,) = store.preferences(study.id)
    (assignment,) = store.assignments(study.id)
    assert (record.systems, record.output_ids, record.ranks) == (assignment.systems, assignment.output_ids, (2, 1))
    assert (record.question, record.question_version, record.language, record.revision) == ("overall", "1", "sw", 1)
    assert store.assignment(rater.id, 1).preferences == ordered(view, 2, 1)
    assert store.raters(study.id)[0].preferences_given == 1
    assert store.progress(rater.id).done == 1


def test_a_change_keeps_its_history_and_an_older_page_overwrites_nothing(store: RatingStore) -> None:
    study = opened(store, scales=True, preferences=(OVERALL, TONE))
    rater = join(store, study)
    view = store.next_assignment(rater.id)
    assert view is not None
    both = {**ordered(view, 1, 1), **ordered(view, 1, 2, question="tone")}
    store.submit(submission(rater.id, view, both))
    changed = {**both, **ordered(view, 2, 1)}
    assert store.submit(submission(rater.id, view, changed, revision=1)).revision == 2
    with pytest.raises(NewerAnswers):
        store.submit(submission(rater.id, view, both, revision=1))
    assert store.submit(submission(rater.id, view, changed, revision=1)).revision == 2  # says nothing else
    past = [(one.question, one.old_ranks, one.ranks, one.revision) for one in store.preference_history(study.id)]
    assert past == [("overall", None, (1, 1), 1), ("tone", None, (1, 2), 1), ("overall", (1, 1), (2, 1), 2)]
    (change,) = store.preference_changes(rater.id, 1)
    assert (change.question, change.old_ranks, change.ranks) == ("overall", {"A": 1, "B": 1}, {"A": 2, "B": 1})
    assert len(store.ratings(study.id)) == 6  # criteria beside them, as ever


@pytest.mark.parametrize(
    ("ranks", "match"),
    [
        ({}, "not compared yet: overall"),
        ({"overall": {}}, "not compared yet on overall: answer A, B, C"),
        ({"overall": {0: 1, 1: 2}}, "answer C"),
        ({"overall": {0: 1, 1: 2, 2: 4}}, "came as 4"),
        ({"overall": {0: 1, 1: 2, 2: True}}, "came as True"),
        ({"overall": {0: 1, 1: 2, 2: 2.0}}, "came as 2.0"),
        ({"overall": {0: 1, 1: 2, 2: 3, 99: 1}}, "not compared yet"),
        ({"overall": {0: 1, 1: 2, 2: 3}, "tone": {0: 1, 1: 2, 2: 3}}, "does not ask"),
        ([1, 2, 3], "came as list"),
    ],
)
def test_what_is_no_order_of_all_answers_is_refused_and_nothing_is_stored(
    store: RatingStore, ranks: object, match: str
) -> None:
    study = opened(store, systems=("agl", "knn", "zero-shot"))
    rater = join(store, study)
    view = store.next_assignment(rater.id)
    assert view is not None
    ids = [one.output_id for one in view.outputs]
    if isinstance(ranks, dict):
        ranks = {key: {ids[at] if at < 3 else 10**6: rank for at, rank in row.items()} for key, row in ranks.items()}
    with pytest.raises(InvalidRating, match=match):
        store.submit(submission(rater.id, view, ranks))  # type: ignore[arg-type]
    assert store.preferences(study.id) == [] and store.progress(rater.id).done == 0


def test_a_study_has_to_ask_something_and_compares_two_systems_at_least(store: RatingStore) -> None:
    for wrong in (
        {"preferences": ()},
        {"preferences": (OVERALL, OVERALL)},
        {"preferences": (replace(OVERALL, key="Not a key"),)},
        {"preferences": (replace(OVERALL, question={}),)},
    ):
        with pytest.raises(InvalidRecord):
            store.create_study(compared_study(**wrong))
    draft = store.create_study(compared_study())
    store.add_outputs(draft.id, outputs_of("i1", systems=("agl",)))
    with pytest.raises(StudyNotReady, match="one system only"):
        store.open_study(draft.id)


def test_removal_takes_her_preferences_and_their_history(store: RatingStore, path: Path) -> None:
    study = opened(store)
    gone, stays = join(store, study), join(store, study)
    for rater in (gone, stays):
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view, ordered(view, 1, 2)))
        store.submit(submission(rater.id, view, ordered(view, 2, 1)))
    stone = store.remove_rater(study.id, gone.pseudonym)
    assert (stone.items, stone.ratings, stone.changes, stone.preferences) == (1, 0, 2, 1)
    assert [one.rater for one in store.preferences(study.id)] == [stays.pseudonym]
    assert {one.rater for one in store.preference_history(study.id)} == {stays.pseudonym}
    assert store.tombstones(study.id) == [stone]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM preference").fetchone() == (1,)


def test_the_database_itself_refuses_a_second_preference_of_one_rater(store: RatingStore, path: Path) -> None:
    study = opened(store)
    rater = join(store, study)
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view, ordered(view, 1, 2)))
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*preference.rater_id"),
    ):
        connection.execute(
            "INSERT INTO preference (rater_id, item_id, question, output_ids, ranks, submission_id, revision, created_at, updated_at) "
            "SELECT rater_id, item_id, question, output_ids, ranks, submission_id, revision, created_at, updated_at FROM preference"
        )


def test_attention_checks_of_a_study_without_criteria_are_scored_by_order(store: RatingStore) -> None:
    draft = store.create_study(compared_study(check_every=2, repeat_after=1))
    store.add_outputs(draft.id, outputs(8))
    assert store.make_checks(draft.id) > 8
    study = store.open_study(draft.id)
    careful, careless = join(store, study), join(store, study)
    originals = {one.output_id: one for one in store.outputs(study.id, checks=True)}
    for rater in (careful, careless):
        while (view := store.next_assignment(rater.id)) is not None:
            shown = [originals[one.output_id] for one in view.outputs]
            best = sorted({one.system for one in shown})
            ranks = [
                1
                if rater is careless
                else len(best)
                if one.degradation
                else min(best.index(one.system) + 1, len(best) - 1)
                for one in shown
            ]
            store.submit(submission(rater.id, view, ordered(view, *ranks)))
    failed = {one.rater: one.failed for one in store.raters(study.id)}
    assert failed == {careful.pseudonym: False, careless.pseudonym: True}


def test_an_order_that_says_nothing_decides_no_check() -> None:
    assert score_degraded_order(1, {}) == (None, "nothing was compared")
    assert score_degraded_order(1, {"overall": {1: 2, 2: 1}})[0] is True
    assert score_degraded_order(1, {"overall": {1: 1, 2: 1}})[0] is False  # equal to the unspoiled one: not read
    assert score_repeated_order({"overall": {1: 1, 2: 1}}, {"overall": {1: 1, 2: 2}})[0] is None
    assert score_repeated_order({"overall": {1: 1, 2: 2}}, {"overall": {1: 2, 2: 1}})[0] is False
    four = {1: 1, 2: 2, 3: 3, 4: 4}
    assert score_repeated_order({"o": four}, {"o": {**four, 3: 4, 4: 3}})[0] is True  # 1 of 6 pairs


def test_exports_and_codebook_hold_preferences_and_a_clone_asks_the_same(store: RatingStore, tmp_path: Path) -> None:
    study = opened(store)
    rater = join(store, study)
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view, ordered(view, 1, 2)))
    export_study(store, study, tmp_path)
    book = json.loads((tmp_path / "codebook.json").read_text(encoding="utf-8"))
    assert book["preferences"] == [
        {"key": "overall", "question": dict(OVERALL.question), "label": dict(OVERALL.label), "version": "1"}
    ]
    assert book["tables"]["preferences"]["rows"] == 1
    with (tmp_path / "preferences.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert json.loads(row["ranks"]) == [1, 2]
    assert json.loads(row["systems"]) == list(store.preferences(study.id)[0].systems)
    public = tmp_path / "public"
    export_study(store, study, public, public=True)
    assert not list(public.glob("preference_history*"))
    assert "submission_id" not in (public / "preferences.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    copy = store.clone_study(study.id, "again", "Again")
    assert copy.preferences == study.preferences and store.preferences(copy.id) == []


def test_a_database_of_the_version_before_opens_and_asks_for_no_preference(
    path: Path, tmp_path: Path, clock: Clock
) -> None:
    scripts = tmp_path / "before"
    head = next(one.name[:4] for one in (migrate.SCRIPTS / "versions").glob("*_preferences.py"))
    later = [f"{number:04}*" for number in range(int(head), 30)]
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__", *later))
    engines = open_engines(path)
    assert migrate.upgrade(engines, scripts).new_revision == f"{int(head) - 1:04}"
    engines.dispose()
    with RatingStore.open(path, clock=clock) as store:
        study = store.ensure_study(new_study())
        store.add_outputs(study.id, outputs_of("i1"))
        rater, _ = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(rating_submission(rater.id, view))
        assert store.study("topics").preferences == () and store.preferences(study.id) == []


def test_ids_of_submissions_are_made_by_the_page(store: RatingStore) -> None:
    study = opened(store)
    rater = join(store, study)
    view = store.next_assignment(rater.id)
    assert view is not None
    same = str(uuid.uuid4())
    store.submit(submission(rater.id, view, ordered(view, 1, 2), submission_id=same))
    assert store.submit(submission(rater.id, view, ordered(view, 1, 2), submission_id=same.upper())).repeated
    assert len(store.preference_history(study.id)) == 1
