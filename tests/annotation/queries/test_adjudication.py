"""Adjudication: chosen items, decided by a named person who sees values without names; beside the ratings, never among them.

Tests of `annotation.adjudication_records`, `annotation.database.adjudication_tables`, `annotation.queries.adjudication_records`,
`annotation.queries.adjudicators`, `annotation.statistics.adjudicated`.
"""

import csv
import json
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from preference_examples import compared_study, ordered
from preference_examples import submission as compared_submission
from rating_examples import Clock, filled, outputs_of, submission

from annotation.adjudication_records import Adjudicator, CaseView, Decision
from annotation.backup.backed_up_store import open_with_backups
from annotation.errors import (
    InvalidRating,
    InvalidRecord,
    NewerAnswers,
    StudyClosed,
    SubmissionConflict,
    UnknownAssignment,
    UnknownRater,
)
from annotation.export.files import export_study
from annotation.records import NewStudy, Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.span_records import Span
from annotation.statistics.adjudicated import adjudicated
from annotation.store import RatingStore
from core.report.markup import markdown

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def rated(store: RatingStore, study: Study, values: tuple[int, ...] = (2, 5)) -> None:
    """Each rater gives her value to everything, and writes so."""
    for value in values:
        rater, _ = store.new_rater(study.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(replace(submission(rater.id, view, value), comment=f"nimetoa {value}"))


@pytest.fixture
def named(store: RatingStore, study: Study) -> Adjudicator:
    rated(store, study)
    return store.name_adjudicator(study.id, "senior linguist", [("i1", "sw"), ("i3", "sw")])[0]


def decision(who: Adjudicator, case: CaseView, value: int = 3, **changes: object) -> Decision:
    made = Decision(str(uuid.uuid4()), who.id, case.view.assignment_id, filled_case(case, value), "kwa sababu")
    return replace(made, **changes)  # type: ignore[arg-type]


def filled_case(case: CaseView, value: int) -> dict[tuple[int, str], int]:
    keys = {key for _, key in case.ratings}
    return {(one.output_id, key): value for one in case.view.outputs for key in keys}


def test_she_sees_values_and_comments_and_nobodys_name(store: RatingStore, study: Study, named: Adjudicator) -> None:
    case = store.next_case(named.id)
    assert case is not None and (case.view.item_key, case.view.position) == ("i1", 1)
    assert set(case.ratings.values()) == {(2, 5)} and len(case.ratings) == 9  # three systems, three criteria
    assert sorted(case.comments) == ["nimetoa 2", "nimetoa 5"]
    text = repr(case)
    assert "rater-" not in text and "zero-shot" not in text and "knn" not in text
    store.exclude_rater(study.id, store.raters(study.id)[0].rater, "always 2")
    again = store.case(named.id, 1)
    assert set(again.ratings.values()) == {(5,)} and list(again.comments) == ["nimetoa 5"]


def test_what_she_decides_is_stored_once_with_its_history_and_changes_no_rating(
    store: RatingStore, study: Study, named: Adjudicator
) -> None:
    before = (store.ratings(study.id), store.history(study.id), store.raters(study.id))
    case = store.case(named.id, 1)
    sent = decision(named, case)
    first = store.adjudicate(sent)
    assert store.adjudicate(sent) == replace(first, repeated=True)
    with pytest.raises(SubmissionConflict):
        store.adjudicate(replace(sent, reason="another"))
    store.adjudicate(decision(named, case, 4, reason=None, revision=1))
    records = [one for one in store.adjudications(study.id) if one.item_key == "i1"]
    assert len(records) == len({(one.output_id, one.criterion, one.adjudicator) for one in records}) == 9
    assert {(one.value, one.revision, one.decision_reason) for one in records} == {(4, 2, "kwa sababu")}
    data = store.data(study.id)
    assert [(one.old_value, one.value, one.decision_reason) for one in data.adjudication_history] == [
        *[(None, 3, "kwa sababu")] * 9,
        *[(3, 4, None)] * 9,
    ]
    assert (store.ratings(study.id), store.history(study.id), store.raters(study.id)) == before
    assert make_report(study, data, NOW).everyone == make_report(study, replace(data, adjudications=()), NOW).everyone
    assert store.case_progress(named.id).done == 1
    assert store.next_case(named.id) == store.case(named.id, 2)


def test_older_values_of_another_tab_are_refused_also_where_only_the_reason_differs(
    store: RatingStore, named: Adjudicator
) -> None:
    case = store.case(named.id, 1)
    store.adjudicate(decision(named, case, revision=0))
    store.adjudicate(decision(named, case, reason="newer", revision=1))
    with pytest.raises(NewerAnswers):
        store.adjudicate(decision(named, case, reason="older", revision=1))
    with pytest.raises(NewerAnswers):
        store.adjudicate(decision(named, case, 1, reason=None, revision=1))
    assert store.case(named.id, 1).view.comment == "newer"


def test_a_decision_is_whole_on_its_scale_and_of_her_own_item(
    store: RatingStore, study: Study, named: Adjudicator
) -> None:
    case = store.case(named.id, 1)
    values = filled_case(case, 3)
    some = next(iter(values))
    for wrong in ({**values, some: 6}, {**values, some: True}, {k: v for k, v in values.items() if k != some}):
        with pytest.raises(InvalidRating):
            store.adjudicate(decision(named, case, values=wrong))
    other, _, _ = store.name_adjudicator(study.id, "second reader", [("i1", "sw")])
    with pytest.raises(UnknownAssignment):
        store.adjudicate(decision(other, case))
    with pytest.raises(UnknownAssignment):
        store.case(other.id, 2)
    assert store.adjudications(study.id) == []


def test_the_same_name_gets_more_items_and_a_new_link(store: RatingStore, study: Study, named: Adjudicator) -> None:
    _, old, _ = store.name_adjudicator(study.id, "senior linguist", [])
    again, token, added = store.name_adjudicator(study.id, " senior linguist ", [("i1", "sw"), ("i2", "sw")])
    assert (again.id, again.cases, added) == (named.id, 3, 1)
    assert store.adjudicator_of_token(token)[0].name == "senior linguist"
    with pytest.raises(UnknownRater):
        store.adjudicator_of_token(old)
    with pytest.raises(UnknownRater):
        store.rater_of_token(token)  # she is no rater
    for name, items in (("", [("i1", "sw")]), ("x" * 81, [("i1", "sw")]), ("new", []), ("new", [("i9", "sw")])):
        with pytest.raises(InvalidRecord):
            store.name_adjudicator(study.id, name, items)
    assert [one.name for one in store.adjudicators(study.id)] == ["senior linguist"]


def test_a_draft_and_a_published_study_are_not_adjudicated(
    store: RatingStore, study: Study, named: Adjudicator
) -> None:
    draft = store.create_study(NewStudy("d", "D", "Name.", {"en": "Rate."}, study.criteria))
    with pytest.raises(StudyClosed):
        store.name_adjudicator(draft.id, "a", [("i1", "sw")])
    store.set_study_state(study.id, "closed")
    store.adjudicate(decision(named, store.case(named.id, 1)))  # closed to raters, not to her
    store.publish_study(study.id, study.name)
    with pytest.raises(StudyClosed):
        store.adjudicate(decision(named, store.case(named.id, 2)))


def test_her_removal_takes_all_she_gave_and_leaves_the_ratings(
    store: RatingStore, study: Study, named: Adjudicator, path: Path
) -> None:
    ratings = store.ratings(study.id)
    store.adjudicate(decision(named, store.case(named.id, 1), reason="siri yangu"))
    assert store.remove_adjudicator(study.id, named.id) == 9
    assert store.adjudications(study.id) == [] and store.adjudicators(study.id) == []
    assert store.ratings(study.id) == ratings
    assert store.pending_removals() == [("adjudicator", named.id)]
    store.removals_done([("adjudicator", named.id)])
    assert store.pending_removals() == []
    with pytest.raises(UnknownRater):
        store.adjudicate(decision(named, CaseViewOf(1)))  # type: ignore[arg-type]
    with pytest.raises(UnknownRater):
        store.remove_adjudicator(study.id, named.id)
    with closing(sqlite3.connect(path)) as connection:
        dump = "\n".join(connection.iterdump())
    assert "siri yangu" not in dump and "senior linguist" not in dump


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


class CaseViewOf:
    """A case of a page that is still open."""

    ratings: dict[tuple[int, str], tuple[int, ...]]

    def __init__(self, number: int) -> None:
        self.view, self.ratings = type("View", (), {"assignment_id": number, "outputs": ()})(), {}


def test_exports_report_and_sheet_show_decisions_apart(
    store: RatingStore, study: Study, named: Adjudicator, tmp_path: Path
) -> None:
    store.adjudicate(decision(named, store.case(named.id, 1), 4))
    export_study(store, study, tmp_path / "all")
    rows = table(tmp_path / "all" / "adjudications.csv")
    assert len(rows) == 9 and {(one["value"], one["adjudicator"]) for one in rows} == {("4", "senior linguist")}
    assert {one["value"] for one in table(tmp_path / "all" / "ratings.csv")} == {"2", "5"}
    book = json.loads((tmp_path / "all" / "codebook.json").read_text())
    assert book["tables"]["adjudication_history"]["rows"] == 9 and "no mean" in book["adjudication"]
    data = store.data(study.id, checks=True)
    report = make_report(study, data, NOW)
    text = markdown([document(report)])
    # 3 texts per criterion; raters gave 2 and 5, so their mean is 3.5, half a point from 4, which no rater gave
    line = next(one for one in text.splitlines() if one.startswith("| senior linguist"))
    assert [cell.strip() for cell in line.strip("|").split("|")][3:] == ["3", "4.00", "3.50", "0.50", "0 %"]
    assert "senior linguist" in to_heds(report, data)
    export_study(store, study, tmp_path / "public", public=True)
    names = {path.name for path in (tmp_path / "public").iterdir()}
    assert "adjudications.csv" in names and "adjudication_history.csv" not in names
    everything = "".join(path.read_text(errors="ignore") for path in (tmp_path / "public").iterdir())
    public = make_report(study, data, NOW, public=True)
    assert "kwa sababu" not in everything and "senior linguist" not in everything
    assert "senior linguist" not in markdown([document(public)]) and "adjudicator 1" in markdown([document(public)])


def test_values_of_one_text_are_compared_with_its_own_raters(store: RatingStore, study: Study) -> None:
    rated(store, study, (1, 3))
    who, _, _ = store.name_adjudicator(study.id, "a", [("i2", "sw")])
    case = store.next_case(who.id)
    assert case is not None
    values = filled_case(case, 3)
    outputs = [one.output_id for one in case.view.outputs]
    values[outputs[0], "fluency"] = 5
    store.adjudicate(decision(who, case, values=values))
    data = store.data(study.id)
    fluency = adjudicated(data.adjudications, data.ratings, ["fluency", "relevance", "correctness"])[0]
    # 5, 3, 3 against a mean of 2 each: 11/3, 2, (3 + 1 + 1)/3; two of three values were given by a rater too
    assert (fluency.criterion, fluency.texts) == ("fluency", 3)
    expected = (11 / 3, 2.0, 5 / 3, 2 / 3)
    assert (fluency.mean, fluency.raters_mean, fluency.distance, fluency.shared) == pytest.approx(expected)


def test_the_journal_brings_decisions_back_on_an_empty_disk(
    tmp_path: Path, path: Path, clock: Clock, templates: dict[str, Path]
) -> None:
    path.write_bytes(templates["study"].read_bytes())
    backups = tmp_path / "backups"
    opened = open_with_backups(path, folder=backups, clock=clock)
    store = opened.store
    study = store.study("topics")
    rated(store, study)
    who, token, _ = store.name_adjudicator(study.id, "a", [("i1", "sw")])
    store.adjudicate(decision(who, store.case(who.id, 1)))
    records, past = store.adjudications(study.id), store.data(study.id).adjudication_history
    opened.close()
    for file in path.parent.glob("ratings.db*"):
        file.unlink()
    again = open_with_backups(path, folder=backups, clock=clock)
    assert again.store.adjudications(study.id) == records
    assert again.store.data(study.id).adjudication_history == past
    assert again.store.adjudicator_of_token(token)[0].decided == 1
    again.close()


@pytest.mark.parametrize(
    ("table", "changes", "match"),
    [
        ("adjudicator", {"token_sha256": "0" * 64}, "UNIQUE.*adjudicator.study_id, adjudicator.name"),
        ("adjudication_case", {"position": 9}, "UNIQUE.*adjudicator_id, adjudication_case.item_id"),
        ("adjudication", {}, "UNIQUE.*adjudication.adjudicator_id, adjudication.output_id"),
        ("adjudication", {"criterion_id": 1, "output_id": 777}, "FOREIGN KEY"),
        ("adjudication_history", {}, "UNIQUE.*adjudication_history.adjudication_id"),
    ],
)
def test_the_database_itself_refuses_a_second_value(
    store: RatingStore, named: Adjudicator, path: Path, table: str, changes: dict[str, object], match: str
) -> None:
    store.adjudicate(decision(named, store.case(named.id, 1)))
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA foreign_keys=ON")
        names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
        row = dict(zip(names, raw.execute(f"SELECT * FROM {table} LIMIT 1").fetchone(), strict=True))
        row |= {"id": 999, **changes}
        marks = ", ".join("?" for _ in row)
        with pytest.raises(sqlite3.IntegrityError, match=match):
            raw.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def test_a_view_is_filled_by_the_letters_of_its_outputs(store: RatingStore, named: Adjudicator) -> None:
    """Her own order of systems: stored, and the same at every look."""
    first = store.case(named.id, 1).view.outputs
    assert [one.letter for one in first] == ["A", "B", "C"] and store.case(named.id, 1).view.outputs == first
    assert dict(store.lettered_case(named.id, 1).outputs) == {one.letter: one.output_id for one in first}
    assert filled(store.case(named.id, 1).view) == {}  # the view names no criteria: the page has the study's


@pytest.fixture
def compared(store: RatingStore) -> tuple[Study, Adjudicator]:
    """Two raters order and mark alone; one item is adjudicated."""
    made = store.ensure_study(compared_study(error_spans=True))
    store.add_outputs(made.id, [one for item in ("c1", "c2") for one in outputs_of(item, systems=("agl", "knn"))])
    for ranks, end in (((1, 2), 3), ((2, 1), 0)):
        rater, _ = store.new_rater(made.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            spans = {one.output_id: ((0, end, "minor"),) if end else () for one in view.outputs}
            by_system = {one.output_id: one.system for one in store.outputs(made.id)}
            order = [ranks[by_system[one.output_id] == "knn"] for one in view.outputs]
            store.submit(compared_submission(rater.id, view, ordered(view, *order), spans=spans))
    return made, store.name_adjudicator(made.id, "chief", [("c1", "sw")])[0]


def test_she_sees_orders_and_marks_and_decides_on_her_own(
    store: RatingStore, compared: tuple[Study, Adjudicator], tmp_path: Path
) -> None:
    study, who = compared
    case = store.case(who.id, 1)
    first, second = (one.output_id for one in case.view.outputs)
    assert case.orders == {"overall": ({first: 1, second: 2}, {first: 2, second: 1})}
    assert case.marks == {one: ((), (Span(0, 3, "minor"),)) for one in (first, second)}
    assert (case.view.preferences, case.view.spans) == ({}, {})
    before = (store.preferences(study.id), store.error_spans(study.id))
    spans = {first: ((0, 2, "major"),), second: ()}
    sent = decision(who, case, preferences={"overall": {first: 1, second: 1}}, spans=spans)
    receipt = store.adjudicate(sent)
    assert store.adjudicate(sent) == replace(receipt, repeated=True)
    for wrong in ({"preferences": {}}, {"spans": {}}, {"spans": {**spans, first: ((0, 99, "minor"),)}}):
        with pytest.raises(InvalidRating):
            store.adjudicate(replace(sent, submission_id=str(uuid.uuid4()), **wrong))  # type: ignore[arg-type]
    with pytest.raises(SubmissionConflict):
        store.adjudicate(replace(sent, spans={first: (), second: ()}))
    changed = decision(who, case, preferences={"overall": {first: 1, second: 2}}, spans=spans, revision=1)
    assert store.adjudicate(changed).revision == 2
    with pytest.raises(NewerAnswers):
        store.adjudicate(replace(sent, submission_id=str(uuid.uuid4()), revision=1))
    again = store.case(who.id, 1).view
    assert again.preferences == {"overall": {first: 1, second: 2}}
    assert again.spans == {first: (Span(0, 2, "major"),), second: ()}
    data = store.data(study.id)
    assert [(one.ranks, one.revision, one.is_current) for one in data.adjudicated_orders] == [
        ((1, 1), 1, False),
        ((1, 2), 2, True),
    ]
    assert sorted((one.spans, one.is_current) for one in data.adjudicated_spans) == [
        ((), True),
        (((0, 2, "major"),), True),
    ]
    assert (store.preferences(study.id), store.error_spans(study.id)) == before
    report = make_report(study, data, NOW)
    assert (report.adjudicated, report.adjudicators) == ((), ("chief",))
    assert "adjudicated after rating, by: chief" in markdown([document(report)])
    assert make_report(study, data, NOW, public=True).adjudicators == ("adjudicator 1",)
    export_study(store, study, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "adjudicated_orders.jsonl").read_text().splitlines()]
    assert [(row["systems"], row["ranks"]) for row in rows][-1] == (list(data.adjudicated_orders[-1].systems), [1, 2])
    assert len((tmp_path / "adjudicated_spans.jsonl").read_text().splitlines()) == 2
    public = tmp_path / "public"
    export_study(store, study, public, public=True)
    assert not list(public.glob("adjudicated_*"))
    assert store.remove_adjudicator(study.id, who.id) == 3  # an order and two markings
    assert store.data(study.id).adjudicated_orders == store.data(study.id).adjudicated_spans == ()
