"""Preferences on the Results page: in every language of the interface, with and without scales, everything escaped.

Tests of `app.results.preferences_html`.
"""

from datetime import UTC, datetime
from html.parser import HTMLParser

import gradio as gr
import pytest
from preference_examples import OVERALL, compared_study, simulated

from annotation.records import Study, StudyData
from annotation.report.results import make_report
from annotation.store import RatingStore
from app.results import preferences_html as views
from app.results.ratings_tab import RatingsTab, of_report
from app.texts import available, catalogue

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
EVIL = "<img src=x onerror=alert(1)>"


def study() -> Study:
    with RatingStore.open("sqlite://") as store:
        return store.create_study(compared_study())


def data(*records: object) -> StudyData:
    return StudyData((), (), (), (), preferences=tuple(records))  # type: ignore[arg-type]


class Balanced(HTMLParser):
    """Counts tags that are opened and never closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open += [tag] if tag not in ("br", "img") else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("texts", available(), ids=lambda texts: texts.tag)
def test_every_language_says_who_was_preferred_and_escapes_what_it_names(texts: object) -> None:
    words = catalogue(texts.tag)  # type: ignore[attr-defined]
    report = make_report(study(), data(*simulated({EVIL: 1.5, "knn": 0.0}, items=20)), NOW)
    html = views.answer(report, report.everyone, "sw", words)
    assert EVIL not in html and "&lt;img" in html
    assert Balanced(html).open == []
    assert 'id="standings-overall"' in html and 'id="duels-overall"' in html and html.count('class="better"') == 1
    for key in ("preferences", "strength", "wins"):
        assert words(f"results.{key}") in html


def test_without_a_finite_strength_the_win_rate_stands_and_the_reason_on_hover() -> None:
    report = make_report(study(), data(*simulated({"agl": 50.0, "knn": 0.0}, items=6)), NOW)
    html = views.answer(report, report.everyone, "sw", catalogue("en"))
    assert "<strong>1.00</strong>" in html and "won or lost every comparison" in html


def test_results_of_a_study_without_scales_are_its_preferences_and_no_empty_table() -> None:
    report = make_report(study(), data(*simulated({"agl": 1.5, "knn": 0.0}, items=20)), NOW)
    names = ("study", "language", "only_passed", "answer", "details", "table", "download", "push", "push_token", "note")
    tab = RatingsTab(None, *names, None)  # type: ignore[arg-type]
    updates = of_report(tab, report, None, False, catalogue("en"))
    assert "agl is preferred to knn in Overall" in updates["answer"]
    assert "60 orders of answers." in updates["answer"]
    assert (updates["details"], updates["table"]) == ("", "")
    assert updates["language"] == gr.update(choices=[("all languages", "all"), ("Kiswahili", "sw")], value="all")
    assert views.name_of(report, OVERALL.key, catalogue("ar")) == "إجمالًا"
