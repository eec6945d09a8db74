"""Comments and disagreements to read: what comes first, who is left out, who may read, and that texts stay texts.

Tests of `app.results.disagreements`, `app.results.reading_tab`.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import AnnotationError
from annotation.records import NewOutput, NewStudy, Study, Submission
from annotation.store import RatingStore
from app.results import reading_tab
from app.results.disagreements import readings
from app.results.ratings import ResultsService
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
