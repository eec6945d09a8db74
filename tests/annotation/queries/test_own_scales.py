"""Criteria with their own scales and "not applicable": from the design through the database to exports and report.

Tests of `annotation.scales`, `annotation.blind_records`.
"""

import json
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from attention_toys import outputs
from backup_toys import killed, lose
from export_reader import read_back
from rating_examples import Clock, outputs_of
from scale_examples import CRITERIA, HUNDRED, POLITENESS, QUALITY, SCALES, SEVEN, scaled_study

from annotation.attention_checks import score_degraded, score_repeat
from annotation.backup.backed_up_store import open_with_backups
from annotation.blind_records import AssignmentView
from annotation.errors import InvalidRating, InvalidRecord
from annotation.export.files import codebook, export_study
from annotation.rater_flags import signs
from annotation.records import Criterion, HistoryRecord, RatingRecord, Submission
from annotation.report.heds import to_heds
from annotation.report.results import by_scale, make_report, verdict
from annotation.report.sections import document
from annotation.scales import FIVE, NOT_APPLICABLE, Answer, Scale, is_allowed, labels_of
from annotation.statistics.comparisons import compare
from annotation.store import RatingStore
from core.report.html import page
from core.report.markup import markdown

GIVEN: dict[str, Answer] = {"fluency": 5, "politeness": 7, "quality": 0}


def answers(view: AssignmentView, values: dict[str, Answer], rater_id: int) -> Submission:
    every = {(output.output_id, one.key): values[one.key] for output in view.outputs for one in view.criteria}
    return Submission(str(uuid.uuid4()), rater_id, view.assignment_id, every, seconds=30.0)


def begun(store: RatingStore, **design: object) -> tuple[int, int]:
    """A study with two items on three scales, and a rater."""
    study = store.ensure_study(scaled_study(**design))
    store.add_outputs(study.id, [*outputs_of("i1"), *outputs_of("i2")])
    return study.id, store.new_rater(study.id, "sw")[0].id


def view_of(store: RatingStore, rater: int) -> AssignmentView:
    view = store.next_assignment(rater)
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("scale", "allowed"),
    [
        (Scale(1, 2), True), (Scale(1, 11), True), (Scale(0, 10), True), (Scale(0, 100), True), (Scale(1, 1), False),
        (Scale(1, 12), False), (Scale(0, 11), False), (Scale(1, 100), False), (Scale(2, 5), False), (Scale(5, 1), False),
        (Scale(1, 5, 1), False), (Scale(True, 5), False), (Scale(1.0, 5), False),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_scales_have_2_to_11_points_from_0_or_1_or_go_from_0_to_100(scale: Scale, allowed: bool) -> None:
    assert is_allowed(scale) is allowed


def test_what_a_scale_says_of_itself() -> None:
    assert [FIVE.low_part, SEVEN.low_part, HUNDRED.low_part, Scale(0, 10).low_part, Scale(1, 2).low_part] == [
        2,
        2,
        25,
        2,
        1,
    ]
    assert [FIVE.level, SEVEN.level, HUNDRED.level] == ["ordinal", "ordinal", "interval"]
    assert [SEVEN.of_five(0.4), HUNDRED.of_five(0.4), FIVE.of_five(0.4)] == pytest.approx([0.6, 10, 0.4])
    assert labels_of(SEVEN, POLITENESS.anchors["en"]) == [(1, "rude"), (4, "neither"), (7, "courteous")]
    assert labels_of(HUNDRED, QUALITY.anchors["en"]) == [(0, "useless"), (50, "halfway"), (100, "perfect")]
    assert HUNDRED.bins()[0] == "0–9" and HUNDRED.bins()[-1] == "90–100"
    assert [HUNDRED.bin_of(value) for value in (0, 9, 10, 99, 100)] == [0, 0, 1, 9, 9]
    for wrong in (0, 8, True, 3.0, None, "3", [3], "na"):
        assert not SEVEN.accepts(wrong)
    assert SEVEN.accepts(NOT_APPLICABLE) and not FIVE.accepts(NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("criterion", "complaint"),
    [
        (replace(POLITENESS, scale=Scale(1, 12)), "allowed are 2 to 11 points"),
        (replace(POLITENESS, scale=Scale(1, 6)), "needs 6 anchors, for 1 to 6"),
        (replace(POLITENESS, anchors=dict.fromkeys(POLITENESS.question, ("", *(("x",) * 6)))), "anchor 1 of politeness"),
        (replace(QUALITY, anchors=dict.fromkeys(QUALITY.question, ("bad", "")),), "anchor 100 of quality"),
        (replace(QUALITY, anchors=dict.fromkeys(QUALITY.question, ("alone",))), "needs 2 to 11 anchors"),
    ],
)  # fmt: skip
def test_a_scale_without_words_at_both_ends_is_refused(
    store: RatingStore, criterion: Criterion, complaint: str
) -> None:
    with pytest.raises(InvalidRecord, match=complaint):
        store.ensure_study(replace(scaled_study(), criteria=(criterion,)))


def test_a_study_keeps_its_scales_and_so_does_its_clone(store: RatingStore) -> None:
    study_id, rater = begun(store)
    study = store.study("scales")
    assert study.criteria[1:] == (POLITENESS, QUALITY)
    assert study.scales == SCALES
    assert by_scale(study) == {FIVE: ("fluency",), Scale(1, 7): ("politeness",), Scale(0, 100): ("quality",)}
    assert [one.scale for one in view_of(store, rater).criteria] == [FIVE, SEVEN, HUNDRED]
    assert store.clone_study(study_id, "again", "Again").criteria == study.criteria


def test_every_answer_is_stored_as_it_was_given_and_none_off_its_scale(store: RatingStore) -> None:
    study_id, rater = begun(store)
    view = view_of(store, rater)
    for wrong in ({"fluency": 6}, {"fluency": NOT_APPLICABLE}, {"politeness": 8}, {"quality": 101}, {"quality": -1}):
        with pytest.raises(InvalidRating, match="allowed are the integers"):
            store.submit(answers(view, {**GIVEN, **wrong}, rater))
    with pytest.raises(InvalidRating, match="not rated yet"):  # nothing at all is not "not applicable"
        store.submit(answers(view, {**GIVEN, "quality": None}, rater))  # type: ignore[dict-item]
    store.submit(answers(view, {**GIVEN, "politeness": NOT_APPLICABLE}, rater))
    assert set(store.assignment(rater, 1).values.values()) == {5, NOT_APPLICABLE, 0}
    by_key = {one.criterion: (one.value, one.not_applicable) for one in store.ratings(study_id)}
    assert by_key == {"fluency": (5, False), "politeness": (None, True), "quality": (0, False)}


def test_a_change_to_and_from_not_applicable_is_kept_and_shown(store: RatingStore) -> None:
    study_id, rater = begun(store)
    view = view_of(store, rater)
    for politeness in (NOT_APPLICABLE, 6, NOT_APPLICABLE):
        store.submit(answers(view, {**GIVEN, "politeness": politeness}, rater))
    letter = view.outputs[0].letter
    changes = [(one.old_value, one.value) for one in store.changes(rater, 1) if one.letter == letter]
    assert changes == [(NOT_APPLICABLE, 6), (6, NOT_APPLICABLE)]
    history = [one for one in store.history(study_id) if one.criterion == "politeness" and one.system == "agl"]
    assert [(one.revision, one.old_value, one.value, one.not_applicable) for one in history] == [
        (1, None, None, True), (2, None, 6, False), (3, 6, None, True),
    ]  # fmt: skip


def test_exports_tell_not_applicable_from_missing(store: RatingStore, tmp_path: Path) -> None:
    study_id, rater = begun(store)
    store.submit(answers(view_of(store, rater), {**GIVEN, "quality": NOT_APPLICABLE}, rater))
    export_study(store, store.study("scales"), tmp_path)
    for suffix in ("csv", "jsonl", "parquet"):
        assert read_back(tmp_path / f"ratings.{suffix}", RatingRecord) == store.ratings(study_id)
        assert read_back(tmp_path / f"history.{suffix}", HistoryRecord) == store.history(study_id)
    table = pd.read_csv(tmp_path / "ratings.csv", encoding="utf-8-sig")
    quality = table[table["criterion"] == "quality"]
    assert len(quality) == 3 and quality["value"].isna().all() and quality["not_applicable"].all()
    assert not table[table["criterion"] == "fluency"]["not_applicable"].any()
    book = json.loads((tmp_path / "codebook.json").read_text(encoding="utf-8"))
    scales = {
        one["key"]: Scale(*(one["scale"][name] for name in ("low", "high", "not_applicable")))
        for one in book["criteria"]
    }
    assert scales == SCALES
    assert [one["scale"]["type"] for one in book["criteria"]] == ["ordinal", "ordinal", "interval"]
    assert "empty where not_applicable is true" in book["tables"]["ratings"]["columns"]["value"]["meaning"]
    assert codebook(store.study("scales"), {}, store.study("scales").created_at)["criteria"] == book["criteria"]


def test_report_and_datasheet_state_every_scale(store: RatingStore) -> None:
    study_id, rater = begun(store)
    for quality in (90, NOT_APPLICABLE):
        store.submit(answers(view_of(store, rater), {**GIVEN, "quality": quality}, rater))
    study = store.study("scales")
    data = store.data(study_id, checks=True)
    report = make_report(study, data, study.created_at)
    made = document(report)
    text = markdown([made])
    assert "15 ratings (and 3 times 'not applicable', which is no rating)" in text
    assert "Counts on the scale 1 to 7, sw" in text and "Counts on the scale 0 to 100, sw" in text
    assert "50: halfway" in text and "Raters could answer 'not applicable'." in text
    assert "90–100" in page([made]) and "on the scale 0 to 100" in page([made])
    sheet = to_heds(report, data)
    assert "101 (0 to 100)" in sheet and "Slider and number, or a button not applicable." in sheet
    assert "7 (1 to 7)" in sheet and "Multiple choice, one of 7 buttons, or a button not applicable." in sheet
    assert "7 numbered points from 1 to 7" in sheet
    assert "Krippendorff's alpha, interval" in sheet and "Krippendorff's alpha, ordinal" in sheet


def test_a_target_named_in_points_of_1_to_5_is_the_same_share_of_other_scales() -> None:
    pairs = {f"i{index}": (60.0 + index % 3, 60.0) for index in range(30)}
    one = compare(pairs, "quality", "sw", "agl", "knn")
    assert verdict(one, 1, 0.4, HUNDRED).target == pytest.approx(10)
    assert verdict(one, 1, 0.4).target == 0.4


def test_checks_count_the_lowest_quarter_as_low_and_a_quarter_of_the_scale_as_alike() -> None:
    scales = {"a": HUNDRED, "b": SEVEN}
    expected = {"criterion": "a", "at_most": HUNDRED.low_part}
    assert score_degraded(expected, 1, {(1, "a"): 25, (2, "a"): 25, (1, "b"): 1, (2, "b"): 6}, scales=scales)[0] is True
    assert (
        score_degraded(expected, 1, {(1, "a"): 26, (2, "a"): 26, (1, "b"): 1, (2, "b"): 6}, scales=scales)[0] is False
    )
    assert score_degraded(expected, 1, {(2, "a"): 80}, scales=scales)[0] is None  # the spoiled one: not applicable
    assert score_degraded(expected, 1, {(1, "a"): 0, (2, "a"): 0}, unspoiled=0, scales=scales)[0] is False
    assert (
        score_degraded(expected, 1, {(1, "a"): 0, (2, "a"): 9}, unspoiled=0, scales=scales)[0] is None
    )  # nothing is lower
    same_place = {(1, "a"): 50, (2, "a"): 50, (1, "b"): 4, (2, "b"): 4}
    assert score_degraded({**expected, "at_most": 60}, 1, same_place, scales=scales)[0] is False
    share = {"tolerance_share": 0.25}
    first = {(1, "a"): 50, (1, "b"): 1}
    assert score_repeat(share, first, {(1, "a"): 80, (1, "b"): 2}, scales)[0] is True  # (0.30 + 1 / 6) / 2 = 0.23
    assert score_repeat(share, first, {(1, "a"): 85, (1, "b"): 2}, scales)[0] is False  # (0.35 + 1 / 6) / 2 = 0.26
    assert score_repeat(share, first, {(1, "a"): 70}, scales)[0] is True  # b: not applicable at the second time
    assert score_repeat(share, first, {(2, "a"): 70}, scales)[0] is None
    assert score_repeat(share, same_place, same_place, scales)[0] is None


def test_one_place_on_every_scale_fails_and_is_flagged_and_so_is_not_applicable_for_all(store: RatingStore) -> None:
    made = store.create_study(scaled_study(check_every=2, repeat_after=1, seed=5, raters_per_item=4))
    store.add_outputs(made.id, outputs(8))
    store.make_checks(made.id)
    store.open_study(made.id)
    middle: dict[str, Answer] = {"fluency": 3, "politeness": 4, "quality": 50}
    no_answer: dict[str, Answer] = {"fluency": 3, "politeness": NOT_APPLICABLE, "quality": NOT_APPLICABLE}
    for values in (middle, no_answer):
        _, link = store.new_invitation(made.id, "sw")
        rater, _ = store.accept_invitation(made.id, link)
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(answers(view, values, rater.id))
    assert not [one for one in store.check_results(made.id) if one.passed]
    first, second = store.raters(made.id)
    assert first.failed is True and first.checks_answered >= 1
    data = store.data(made.id, checks=True)
    marks = {one.rater: one for one in signs(data.ratings, data.assignments, data.outputs, made.scales)}
    assert {"same_values", "long_string"} <= set(marks[first.rater].flags)
    assert marks[first.rater].same_share == 1
    assert marks[second.rater].same_share == pytest.approx(2 / 3)  # "not applicable" is a place of its own
    stored = {one.item_key: one.reason for one in store.check_results(made.id)}
    assert any("of the scale" in reason or "asks for a difference" in reason for reason in stored.values())


def test_a_killed_machine_gets_scales_and_not_applicable_back_from_snapshot_and_journal(
    path: Path, clock: Clock
) -> None:
    kept = open_with_backups(path, clock=clock)
    study_id, rater = begun(kept.store)
    assert kept.backups is not None and kept.backups.now().healthy
    kept.store.submit(answers(view_of(kept.store, rater), {**GIVEN, "quality": NOT_APPLICABLE}, rater))
    before = (kept.store.ratings(study_id), kept.store.history(study_id), kept.store.study("scales"))
    killed(kept)
    lose(path)
    with open_with_backups(path, clock=clock).store as restored:
        assert (restored.ratings(study_id), restored.history(study_id), restored.study("scales")) == before


def test_a_database_of_before_has_scales_from_1_to_5_and_its_file_is_not_rewritten(path: Path, clock: Clock) -> None:
    """A study that was made without scales: its rows have none, and opening it writes none."""
    with RatingStore.open(path, clock=clock) as store:
        study = store.ensure_study(replace(scaled_study("old"), criteria=CRITERIA[:1]))
        store.add_outputs(study.id, outputs_of("i1"))
        rater = store.new_rater(study.id, "sw")[0].id
        store.submit(answers(view_of(store, rater), {"fluency": 2}, rater))
        ratings = store.ratings(study.id)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT scale FROM criterion").fetchall() == [(None,)]
        tables = connection.execute("SELECT * FROM criterion").fetchall()
    with RatingStore.open(path, clock=clock) as store:
        assert store.study("old").criteria[0].scale == FIVE
        assert store.ratings(study.id) == ratings
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM criterion").fetchall() == tables
