"""Comments and disagreements to read: what comes first, who is left out, who may read, and that texts stay texts.

Tests of `app.results.disagreements`, `app.results.reading_tab`.
"""

import uuid
from collections.abc import Iterator
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from preference_examples import OVERALL

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import AnnotationError
from annotation.records import NewOutput, NewStudy, Study, Submission
from annotation.span_records import Span
from annotation.store import RatingStore
from app.results import reading_tab
from app.results.disagreements import alike, order_distance, readings
from app.results.ratings import ResultsService
from app.results.ratings_table import method_name
from app.results.reading_tab import ALL, PAGE, ReadingTab
from app.texts import catalogue

EVIL = "<img src=x onerror=alert(1)>"
# What two raters give to both criteria of (first, second system) of each item.
GIVEN = {"i0": ((3, 3), (3, 3)), "i1": ((1, 5), (3, 3)), "i2": ((2, 4), (2, 4))}
COMMENTS = {("i2", 0): EVIL, ("i0", 1): "لا أفهم"}


class Door:
    def require(self, session: object) -> None:
        if session != "organiser":
            raise AnnotationError("This is for organisers.")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RatingStore]:
    with RatingStore.open(tmp_path / "ratings.db") as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    study = store.ensure_study(NewStudy("s", "S", "Reply.", {"en": "Rate."}, DEFAULT_CRITERIA[:2]))
    texts = {"i0": "نص أول", "i1": "نص ثان", "i2": EVIL}
    outputs = [NewOutput(i, "en", f"source {i}", "", s, "ar", texts[i]) for i in GIVEN for s in ("agl", "knn")]
    store.add_outputs(study.id, outputs)
    systems = {row.output_id: row.system for row in store.outputs(study.id)}
    for number in range(2):
        rater, _ = store.new_rater(study.id, "ar")
        while (view := store.next_assignment(rater.id)) is not None:
            first, second = GIVEN[view.item_key]
            values = {
                (one.output_id, key.key): (first if systems[one.output_id] == "agl" else second)[number]
                for one in view.outputs
                for key in DEFAULT_CRITERIA[:2]
            }
            comment = COMMENTS.get((view.item_key, number))
            store.submit(Submission(str(uuid.uuid4()), rater.id, view.assignment_id, values, comment, 3.0))
    return study


def test_items_on_which_raters_differ_most_come_first(store: RatingStore, study: Study) -> None:
    data = store.data(study.id)
    listed = readings(study, data)
    # i1: one of two outputs is rated from end to end (1.0 and 0.0); i2: both differ by 2 of 4 points, and has a comment
    assert [(one.item_key, one.disagreement) for one in listed] == [("i2", 0.5), ("i1", 0.5), ("i0", 0.0)]
    assert [(one.item_key, one.disagreement) for one in readings(study, data, system="agl")] == [
        ("i1", 1.0),
        ("i2", 0.5),
        ("i0", 0.0),
    ]
    assert [one.item_key for one in readings(study, data, only_comments=True)] == ["i2", "i0"]
    assert readings(study, data, language="sw") == []
    assert listed[0].comments == ((data.raters[0].rater, EVIL),)


def test_a_rater_who_is_left_out_is_neither_counted_nor_read(store: RatingStore, study: Study) -> None:
    first = store.data(study.id).raters[0].rater
    store.exclude_rater(study.id, first, "all the same")
    listed = readings(study, store.data(study.id))
    assert {one.disagreement for one in listed} == {None}
    assert all(first not in one.raters for one in listed)
    assert [one.comments for one in listed if one.comments] == [((store.data(study.id).raters[1].rater, "لا أفهم"),)]


def page(store: RatingStore, folder: Path) -> ReadingTab:
    names: Any = SimpleNamespace(
        fold="fold", language="language", system="system", items="items", more="more", count="count"
    )
    service = ResultsService(store, "explore", folder, Door())
    return ReadingTab(service, names.fold, names.language, names.system, "only", names.items, names.more, names.count)  # type: ignore[arg-type]


def test_only_an_organiser_reads_and_every_text_stays_a_text(store: RatingStore, study: Study, tmp_path: Path) -> None:
    tab: Any = page(store, tmp_path)
    hidden = reading_tab.show(tab, "s", ALL, ALL, False, "en", "")
    assert hidden["fold"]["visible"] is False and hidden["items"] == ""
    shown = reading_tab.show(tab, "s", ALL, ALL, False, "ar", "organiser")
    assert shown["fold"]["visible"] is True
    html = shown["items"]
    assert EVIL not in html and "&lt;img src=x" in html
    assert '<p class="output" lang="ar" dir="rtl">نص أول</p>' in html
    assert '<p class="source" lang="en" dir="ltr">source i0</p>' in html
    assert html.startswith('<div class="agl reading" dir="rtl">')
    assert '<span dir="auto">لا أفهم</span>' in html
    one_system = reading_tab.show(tab, "s", "ar", "knn", True, "en", "organiser")
    assert one_system["system"]["value"] == "knn" and one_system["items"].count("<section>") == 2
    assert "2 of 2 items" in one_system["items"]


def test_ten_items_are_shown_and_ten_more_with_each_press(
    store: RatingStore, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_tab, "PAGE", 1)
    tab: Any = page(store, tmp_path)
    first = reading_tab.show(tab, "s", ALL, ALL, False, "en", "organiser", count=1)
    assert (first["items"].count("<article>"), first["more"]["visible"]) == (1, True)
    next_ones = reading_tab.show_more(tab, "s", ALL, ALL, False, "en", "organiser", 2)
    assert (next_ones["items"].count("<article>"), next_ones["more"]["visible"], next_ones["count"]) == (3, False, 3)
    assert PAGE == 10
    assert catalogue("am")("results.comments") != catalogue("en")("results.comments")


@pytest.fixture
def compared(store: RatingStore) -> Study:
    """Two raters order three answers and mark errors: alike in i0, the other way round in i1, one tie and one error apart in i2."""
    design = NewStudy("c", "C", "Reply.", {"en": "Rate."}, (), preferences=(OVERALL,), error_spans=True)
    study = store.ensure_study(design)
    systems = ("agl", "knn", "random")
    store.add_outputs(
        study.id, [NewOutput(i, "en", f"source {i}", "", s, "ar", f"<b>نص {s}") for i in ORDERS for s in systems]
    )
    names = {row.output_id: row.system for row in store.outputs(study.id)}
    for number in range(2):
        rater, _ = store.new_rater(study.id, "ar")
        while (view := store.next_assignment(rater.id)) is not None:
            order = dict(zip(systems, ORDERS[view.item_key][number], strict=True))
            ranks = {one.output_id: order[names[one.output_id]] for one in view.outputs}
            error = ((0, 3, "major"),) if view.item_key == "i2" and number else ()
            spans: Any = {one.output_id: error if names[one.output_id] == "agl" else () for one in view.outputs}
            store.submit(
                Submission(
                    str(uuid.uuid4()), rater.id, view.assignment_id, {}, preferences={"overall": ranks}, spans=spans
                )
            )
    return study


ORDERS = {"i0": ((1, 2, 3), (1, 2, 2)), "i1": ((1, 2, 3), (3, 2, 1)), "i2": ((1, 2, 3), (1, 2, 3))}


def test_orders_and_marked_errors_count_as_disagreement(store: RatingStore, compared: Study) -> None:
    data = store.data(compared.id)
    # orders: i1 is reversed (1), i0 has a tie against an order in one of three pairs (1/6), i2 none; errors: one output of three in i2
    expected = {"i1": (1 + 0) / 2, "i2": (0 + 1 / 3) / 2, "i0": (1 / 6 + 0) / 2}
    listed = readings(compared, data)
    assert {one.item_key: one.disagreement for one in listed} == pytest.approx(expected)
    assert [one.item_key for one in listed] == ["i1", "i2", "i0"]
    assert all(len(one.raters) == 2 for one in listed)
    of_random = {one.item_key: one.disagreement for one in readings(compared, data, system="random")}
    assert of_random == pytest.approx({"i1": 0.5, "i0": (1 / 4 + 0) / 2, "i2": 0})  # of its two pairs one is a tie once
    first = data.raters[0].rater
    store.exclude_rater(compared.id, first, "all the same")
    assert {one.disagreement for one in readings(compared, store.data(compared.id))} == {None}


def test_distances_by_hand() -> None:
    assert order_distance({"a": 1, "b": 2}, {"a": 2, "b": 1}) == 1
    assert order_distance({"a": 1, "b": 3}, {"a": 1, "b": 2}) == 0
    assert order_distance({"a": 1, "b": 1}, {"a": 1, "b": 2}) == 0.5
    assert order_distance({"a": 1}, {"a": 1}) is None
    assert alike((), ()) == 1 and alike((Span(0, 3, "minor"),), ()) == 0
    assert alike((Span(0, 4, "minor"),), (Span(2, 4, "minor"),)) == pytest.approx(2 * 2 / (4 + 2))
    assert alike((Span(0, 4, "minor"),), (Span(0, 4, "major"),)) == 0


def test_orders_and_errors_stand_beside_the_texts(store: RatingStore, compared: Study) -> None:
    listed = readings(compared, store.data(compared.id))
    html = reading_tab.items_html(compared, listed, len(listed), catalogue("en"))
    first, second, last = html.split("<article>")[1:]
    assert '<bdi dir="ltr"><bdi>AGL</bdi> &gt; <bdi>KNN</bdi> &gt; <bdi>RANDOM</bdi></bdi>' in reduced(first)
    assert '<bdi dir="ltr"><bdi>RANDOM</bdi> &gt; <bdi>KNN</bdi> &gt; <bdi>AGL</bdi></bdi>' in reduced(first)
    assert "<bdi>KNN</bdi> = <bdi>RANDOM</bdi>" in reduced(last)
    assert '<bdi lang="ar">&lt;b&gt;</bdi> (Major)' in second and "<b>نص" not in html
    assert second.count("no errors") == 5 and second.count('<tr class="differ">') == 1
    assert (
        last.count('<th scope="col" class="differ">') == 1 and second.count('<th scope="col" class="">') == 1
    )  # of orders


def reduced(html: str) -> str:
    """With keys instead of the titles of strategies."""
    texts = catalogue("en")
    for key in ("agl", "knn", "random"):
        html = html.replace(f"<bdi>{escape(method_name(key, texts))}</bdi>", f"<bdi>{key.upper()}</bdi>")
    return html
