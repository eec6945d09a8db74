"""Interim looks in Results: boundaries and outcomes in the words of the page, escaped.

Tests of `app.results.looks_html`, `app.study.stopping_html` (with `tests/app/study/test_running.py`).
"""

from dataclasses import replace
from datetime import UTC, datetime

from rating_examples import outputs_of

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewStudy, Study
from annotation.report.results import Report, make_report
from annotation.stopping import Look, LookedAt, Stopping
from annotation.store import RatingStore
from app.results.looks_html import looks, short
from app.texts import catalogue

NOW = datetime(2026, 11, 30, tzinfo=UTC)
EVIL = "<b>knn"
PAIRS = (
    LookedAt("agl", EVIL, 20, 1.25, 0.000002, 0.0004, decided=True),
    LookedAt("agl", "mmr", 20, 0.5, 0.004, 0.0008, decided=False),
    LookedAt(EVIL, "mmr", 0, None, 1.0, 0.0008, decided=False),
)


def report(stopping: Stopping | None, *taken: Look) -> Report:
    with RatingStore.open("sqlite://") as store:
        made = store.ensure_study(NewStudy("s", "S", "t", {"en": "Rate."}, DEFAULT_CRITERIA, 1, stopping=stopping))
        store.add_outputs(made.id, outputs_of("i1", systems=("agl", EVIL, "mmr")))
        study: Study = replace(made, looks=taken)
        return make_report(study, store.data(made.id), NOW)


def test_looks_show_boundary_and_outcome_and_what_that_does_to_estimates() -> None:
    html = looks(report(Stopping(2, "fluency"), Look(1, NOW, 30, 60, PAIRS)), catalogue("en"))
    assert EVIL not in html and "&lt;b&gt;knn" in html
    assert "1 / 2" in html and "+1.25" in html and "&lt; 0.00001" in html and "0.00040" in html
    assert html.count("<strong>decided</strong>") == 1 and html.count(">open<") == 2
    assert "Decided: agl – &lt;b&gt;knn." in html and "No more ratings" not in html
    assert "a little larger than they would be at the end" in html


def test_a_system_that_is_closed_is_named_in_the_language_of_the_page() -> None:
    rest = (replace(PAIRS[1], decided=True), PAIRS[2])
    made = report(Stopping(2, "fluency"), Look(1, NOW, 30, 60, PAIRS), Look(2, NOW, 60, 60, rest))
    assert "No more ratings are asked for: agl." in looks(made, catalogue("en"))
    assert "不再收集评分：agl。" in looks(made, catalogue("zh"))


def test_nothing_is_said_where_no_look_is_planned_and_one_sentence_before_the_first() -> None:
    assert looks(report(None), catalogue("en")) == ""
    html = looks(report(Stopping(3, "fluency")), catalogue("en"))
    assert "No look was reached yet." in html and "<table" not in html
    assert [short(p) for p in (0.5, 0.0123, 0.0004, 1e-7)] == ["0.500", "0.012", "0.00040", "&lt; 0.00001"]
