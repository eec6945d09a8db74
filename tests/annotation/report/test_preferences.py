"""Preferences in report, datasheet and markup, of studies with scales and without.

Tests of `annotation.report.preferences`.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from preference_examples import OVERALL, TONE, compared_study, ordered, submission
from rating_examples import outputs_of

from annotation.records import Study, StudyData
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.store import RatingStore
from core.report.html import page
from core.report.markup import latex, markdown

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


def finished(scales: bool, systems: tuple[str, ...] = ("agl", "knn", "zero-shot")) -> tuple[Study, StudyData]:
    """Three raters order eight items: agl before knn always but once, and zero-shot equal to knn."""
    with RatingStore.open("sqlite://") as store:
        hostile = replace(TONE, label={"en": HOSTILE}, question={"en": HOSTILE})
        study = store.create_study(compared_study(scales=scales, preferences=(OVERALL, hostile)))
        for item in range(8):
            store.add_outputs(study.id, outputs_of(f"i{item}", systems=systems))
        study = store.open_study(study.id)
        systems_of = {one.output_id: one.system for one in store.outputs(study.id)}
        for number in range(3):
            _, link = store.new_invitation(study.id, "sw")
            rater = store.accept_invitation(study.id, link)[0]
            while (view := store.next_assignment(rater.id)) is not None:
                turned = number == 0 and view.item_key == "i0"
                best = "knn" if turned else "agl"
                ranks = [1 if systems_of[one.output_id] == best else 2 for one in view.outputs]
                both = {**ordered(view, *ranks), **ordered(view, *[1] * len(ranks), question="tone")}
                store.submit(submission(rater.id, view, both))
        return store.study(study.slug), store.data(study.id, checks=True)


@pytest.mark.parametrize("scales", [False, True])
def test_the_report_says_what_was_preferred_and_how_sure_that_is(scales: bool) -> None:
    study, data = finished(scales)
    report = make_report(study, data, NOW, names={"agl": "AGL"})
    text = markdown([document(report)])
    assert "AGL is preferred to knn, Overall: +0.92 [" in text
    assert "AGL is preferred to zero-shot, Overall: " in text
    # Of knn and zero-shot one comparison of 24 is no tie.
    assert "knn and zero-shot, Overall: no preference shown; +0.04" in text
    assert "| AGL | 8 | 46 | 1 | 1 | 0.97 |" in text
    assert "Attention checks: none" in text and "Davidson (1970)" in text
    assert "(2 systems)" not in text
    assert ("Cliff's delta" in text) is scales and ("Median" in text) is scales
    assert "48 orders of answers by 3 raters of 8 items" in text
    assert HOSTILE not in page([document(report)]) and "\\begin{table" in latex([document(report)])
    sheet = to_heds(report, data)
    assert f"## 4 Quality criterion {4 if scales else 1}: Overall, by comparison" in sheet
    assert "Relative quality estimation." in sheet and "3 ranks, ties allowed" in sheet


def test_equal_orders_give_no_strength_and_no_preference() -> None:
    study, data = finished(False)
    report = make_report(study, data, NOW)
    tone = next(one for one in report.everyone.preferences if one.question == "tone")
    assert {duel.p_holm for duel in tone.duels} == {1.0}
    assert [standing.rate for standing in tone.standings] == [0.5, 0.5, 0.5]
    assert [standing.strength for standing in tone.standings] == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)


def test_a_study_without_an_answer_says_so() -> None:
    study, data = finished(False)
    nothing = replace(data, preferences=(), preference_history=())
    assert "There are no ratings yet." in markdown([document(make_report(study, nothing, NOW))])
