"""Practice and test before the first item: feedback, tries, pass mark, screen-out, and nothing of it among ratings.

Tests of `annotation.qualification_checks`, `annotation.qualification_records`.
"""

import json
import shutil
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from attention_toys import outputs
from rating_examples import Clock, new_study, outputs_of, submission
from scale_examples import scaled_study

from annotation.database import migrate
from annotation.database.engine import open_engines
from annotation.errors import ConsentMissing, InvalidRating, InvalidRecord, StudyNotReady
from annotation.export.files import export_study
from annotation.participation_records import Crowd
from annotation.qualification_checks import needed, stage_of
from annotation.qualification_records import Exercise, Qualification
from annotation.records import Rater, Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.store import RatingStore
from core.report.markup import markdown

PRACTICE = Exercise(
    "p1", "practice", "sw", "Habari.", "Jibu zuri.", {"fluency": (4, 5), "relevance": (5, 5)}, "Ni sawa."
)
TESTS = tuple(
    Exercise(f"t{number}", "test", "sw", "Habari.", "Jibu.", {"fluency": (1, 2), "correctness": (3, 5)}, "Kwa sababu.")
    for number in (1, 2)
)
MADE = Qualification((PRACTICE, *TESTS), pass_share=0.75, tries=2)
RIGHT, HALF = {"fluency": 2, "correctness": 3}, {"fluency": 3, "correctness": 5}
CROWD = Crowd("DONE-1", "OUT-2", "PROLIFIC_PID", "https://crowd.example/complete?cc={code}")


def opened(store: RatingStore, **design: object) -> Study:
    values = {"qualification": MADE, **design}
    made = store.create_study(replace(new_study("taught"), **values))  # type: ignore[arg-type]
    store.add_outputs(made.id, outputs(2))
    return store.open_study(made.id)


def join(store: RatingStore, study: Study, participant: str | None = None) -> Rater:
    _, link = store.new_invitation(study.id, "sw")
    return store.accept_invitation(study.id, link, participant=participant)[0]


def take(
    store: RatingStore, rater: Rater, *answers: dict[str, int], attempt: str | None = None
) -> tuple[int, int, bool]:
    taken = store.take_test(
        rater.id, attempt or str(uuid.uuid4()), {f"t{n}": one for n, one in enumerate(answers, start=1)}
    )
    return taken.right, taken.of, taken.passed


def test_practice_comes_first_and_says_what_was_expected_and_why(store: RatingStore) -> None:
    study = opened(store)
    assert study.qualification == MADE
    rater = join(store, study)
    before = store.preparation(rater.id)
    assert before is not None and (before.stage, list(before.exercises), before.tries) == ("practice", [PRACTICE], 2)
    for call in (lambda: store.next_assignment(rater.id), lambda: take(store, rater, RIGHT, RIGHT)):
        with pytest.raises(ConsentMissing):
            call()
    results, why = store.practise(rater.id, "p1", {"fluency": 3, "relevance": 5})
    assert [(one.criterion, one.low, one.high, one.right) for one in results] == [
        ("fluency", 4, 5, False), ("relevance", 5, 5, True),
    ]  # fmt: skip
    assert why == "Ni sawa."
    after = store.preparation(rater.id)
    assert after is not None and (after.stage, len(after.exercises), after.practised) == ("test", 2, 1)
    assert (after.needed, after.of) == (3, 4)  # three of four are 75 %
    for wrong in ({"fluency": 9, "relevance": 5}, {"fluency": 3}, None, {"fluency": "not_applicable", "relevance": 5}):
        with pytest.raises(InvalidRating):
            store.practise(rater.id, "p1", wrong)
    with pytest.raises(InvalidRating, match="no exercise 't1'"):
        store.practise(rater.id, "t1", RIGHT)  # of the test nobody is told what is right


def test_who_passes_rates_and_a_repeat_of_a_try_counts_once(store: RatingStore) -> None:
    study = opened(store)
    rater = join(store, study)
    store.practise(rater.id, "p1", {"fluency": 4, "relevance": 5})
    attempt = str(uuid.uuid4())
    assert take(store, rater, HALF, HALF, attempt=attempt) == (2, 4, False)
    assert take(store, rater, RIGHT, RIGHT, attempt=attempt.upper()) == (2, 4, False)  # the first result again
    with pytest.raises(ConsentMissing):
        store.next_assignment(rater.id)
    assert take(store, rater, RIGHT, HALF) == (3, 4, True)
    with pytest.raises(ConsentMissing, match="cannot be taken"):
        take(store, rater, RIGHT, RIGHT)
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view))
    (record,) = store.raters(study.id)
    assert (record.test_tries, record.test_share, record.test_passed, record.items_done) == (2, 0.75, True, 1)
    assert len(store.ratings(study.id)) == len(store.history(study.id)) == 9  # of the item alone


def test_who_does_not_pass_gets_no_item_and_in_a_crowd_the_screen_out_code(store: RatingStore) -> None:
    study = opened(store, crowd=CROWD)
    rater = join(store, study, "5f3a")
    store.practise(rater.id, "p1", {"fluency": 4, "relevance": 5})
    assert store.completion(rater.id) is None
    for _ in range(2):
        assert take(store, rater, HALF, HALF)[2] is False
    before = store.preparation(rater.id)
    assert before is not None and (before.stage, before.tries, list(before.exercises)) == ("failed", 0, [])
    assert store.next_assignment(rater.id) is None
    done = store.completion(rater.id)
    assert done is not None and (done.code, done.screened_out) == ("OUT-2", True)
    assert done.redirect == "https://crowd.example/complete?cc=OUT-2"
    assert join(store, study, "5f3a") == rater  # she joins again, and has no more tries
    assert store.next_assignment(rater.id) is None
    (record,) = store.raters(study.id)
    assert record.test_passed is False and record.screened_out_at is not None
    assert store.ratings(study.id) == []


def test_raters_of_a_language_without_exercises_are_found_before_the_study_opens(store: RatingStore) -> None:
    made = store.create_study(replace(new_study("two"), qualification=MADE))
    store.add_outputs(made.id, [*outputs(2), *(replace(one, language="ha") for one in outputs(2))])
    (lack,) = store.missing(made.id)
    assert lack.text == "practice and test have no exercise in ha"
    with pytest.raises(StudyNotReady, match="no exercise in ha"):
        store.open_study(made.id)


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (Qualification(()), "0 exercises"),
        (Qualification((PRACTICE, PRACTICE)), "another key"),
        (replace(MADE, pass_share=0), "pass mark"),
        (replace(MADE, tries=0), "may be taken 0 times"),
        (Qualification((replace(PRACTICE, kind="exam"),)), "allowed are practice and test"),  # type: ignore[arg-type]
        (Qualification((replace(PRACTICE, expected={}),)), "expects nothing"),
        (Qualification((replace(PRACTICE, expected={"tone": (1, 2)}),)), "the study asks for fluency"),
        (Qualification((replace(PRACTICE, expected={"fluency": (5, 4)}),)), "the lower first"),
        (Qualification((replace(PRACTICE, expected={"fluency": (1, 6)}),)), "its scale, 1 to 5"),
        (Qualification((replace(PRACTICE, why=" "),)), "why of the exercise p1 is empty"),
    ],
)
def test_exercises_that_teach_nothing_are_refused(store: RatingStore, made: Qualification, complaint: str) -> None:
    with pytest.raises(InvalidRecord, match=complaint):
        store.create_study(replace(new_study("taught"), qualification=made))


def test_expected_points_lie_on_the_scale_of_their_criterion(store: RatingStore) -> None:
    on_hundred = replace(PRACTICE, expected={"quality": (60, 100), "politeness": (7, 7)})
    made = store.ensure_study(scaled_study(qualification=Qualification((on_hundred,))))
    store.add_outputs(made.id, outputs_of("i1"))
    rater, _ = store.new_rater(made.id, "sw")
    results, _ = store.practise(rater.id, "p1", {"quality": 60, "politeness": "not_applicable"})
    assert [one.right for one in results] == [True, False]
    assert store.next_assignment(rater.id) is not None  # practice alone, and it is done


def test_the_pass_mark_is_reached_at_the_share_not_above_it() -> None:
    assert [needed(10, 0.7), needed(4, 0.75), needed(3, 0.7), needed(5, 1)] == [7, 3, 3, 5]
    assert stage_of(MADE, "ha", [], []) is None


def test_design_and_results_of_the_test_are_in_exports_report_and_datasheet_and_a_clone(
    store: RatingStore, tmp_path: Path
) -> None:
    study = opened(store)
    rater, other = join(store, study), join(store, study)
    for one in (rater, other):
        store.practise(one.id, "p1", {"fluency": 4, "relevance": 5})
    take(store, rater, RIGHT, RIGHT)
    for _ in range(2):
        take(store, other, HALF, HALF)
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view))
    export_study(store, study, tmp_path)
    book = json.loads((tmp_path / "codebook.json").read_text(encoding="utf-8"))
    assert book["qualification"]["pass_share"] == 0.75
    assert book["qualification"]["exercises"][0]["expected"] == {"fluency": [4, 5], "relevance": [5, 5]}
    rows = [json.loads(line) for line in (tmp_path / "raters.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["test_tries"], one["test_share"], one["test_passed"]) for one in rows] == [
        (1, 1.0, True),
        (2, 0.5, False),
    ]
    export_study(store, study, tmp_path / "public", public=True)
    assert "test_passed" not in (tmp_path / "public" / "raters.csv").read_text(encoding="utf-8-sig")
    data = store.data(study.id, checks=True)
    report = make_report(study, data, study.created_at)
    assert report.tested == (1, 1) and report.everyone.raters == 1
    for text in (markdown([document(report)]), to_heds(report, data)):
        assert "at least 75 % of the expected ratings within range, at most 2 tries. 1 raters passed; 1 did not" in text
    assert store.clone_study(study.id, "again", "Again").qualification == MADE
    store.remove_rater(study.id, store.raters(study.id)[1].rater)
    assert store.raters(study.id)[1].test_tries is None


def test_a_database_of_the_version_before_opens_with_every_row_as_it_was(
    path: Path, tmp_path: Path, clock: Clock
) -> None:
    scripts = tmp_path / "before"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__", "000[6-9]*", "00[1-9]*"))
    with RatingStore.open(path, clock=clock) as store:
        study = store.ensure_study(new_study())
        store.add_outputs(study.id, outputs_of("i1"))
        rater, token = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view))
        ratings, raters = store.ratings(study.id), store.raters(study.id)
    old = tmp_path / "old.db"
    engines = open_engines(old)
    assert migrate.upgrade(engines, scripts).new_revision == "0005"
    engines.dispose()
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("ATTACH DATABASE ? AS newer", (str(path),))
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'annotation_version' AND name NOT LIKE 'sqlite%'"
        for (table,) in connection.execute(names).fetchall():
            columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f'PRAGMA table_info("{table}")'))
            connection.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM newer."{table}"')
    with RatingStore.open(old, clock=clock) as store:
        assert (store.ratings(study.id), store.raters(study.id)) == (ratings, raters)
        assert store.study("topics").qualification is None and store.preparation(rater.id) is None
        assert store.rater_of_token(token) == rater
