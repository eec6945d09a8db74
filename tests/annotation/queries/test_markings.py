"""Error spans: stored by code points with the promises that ratings have, normalised texts, refused where they do not fit.

Tests of `annotation.database.span_tables`, `annotation.span_checks`, `annotation.span_records`.
"""

import csv
import json
import sqlite3
import unicodedata
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from rating_examples import filled, new_study, outputs_of

from annotation.blind_records import AssignmentView
from annotation.errors import InvalidRating, InvalidRecord, NewerAnswers, SubmissionConflict
from annotation.export.files import export_study
from annotation.records import Rater, Study, Submission
from annotation.span_records import Span
from annotation.store import RatingStore

FAMILY = "\U0001f469‍\U0001f469‍\U0001f467"  # five code points, eight UTF-16 units


def opened(store: RatingStore, text: str = "Mchezaji alifunga bao.", **design: object) -> Study:
    study = store.create_study(replace(new_study("marked"), error_spans=True, **design))  # type: ignore[arg-type]
    store.add_outputs(study.id, [replace(one, text=text) for one in outputs_of("i1", systems=("agl", "knn"))])
    return store.open_study(study.id)


def join(store: RatingStore, study: Study) -> tuple[Rater, AssignmentView]:
    _, link = store.new_invitation(study.id, "sw")
    rater = store.accept_invitation(study.id, link)[0]
    view = store.next_assignment(rater.id)
    assert view is not None
    return rater, view


def sent(rater: Rater, view: AssignmentView, *spans: object, **fields: object) -> Submission:
    """`spans` for each output in the order displayed, () for those not named."""
    every = [*spans, *[()] * (len(view.outputs) - len(spans))]
    by_output = {one.output_id: rows for one, rows in zip(view.outputs, every, strict=True)}
    made = Submission(str(uuid.uuid4()), rater.id, view.assignment_id, filled(view), spans=by_output)  # type: ignore[arg-type]
    return replace(made, **fields)  # type: ignore[arg-type]


def test_errors_are_stored_by_code_points_and_a_retry_stores_them_once(store: RatingStore) -> None:
    study = opened(store, f"Bao {FAMILY} zuri.")
    rater, view = join(store, study)
    assert study.error_spans and view.spans == {}
    first = sent(rater, view, [(4, 9, "major"), (0, 3, "minor")])
    assert store.submit(first).repeated is False
    assert store.submit(first).repeated is True
    with pytest.raises(SubmissionConflict):
        store.submit(replace(first, spans={one.output_id: () for one in view.outputs}))
    records = [(one.start, one.end, one.severity, one.marked_text) for one in store.error_spans(study.id)]
    assert sorted(records, key=str) == [
        (0, 3, "minor", "Bao"), (4, 9, "major", FAMILY), (None, None, None, None),
    ]  # fmt: skip
    seen = store.assignment(rater.id, 1).spans
    assert seen[view.outputs[0].output_id] == (Span(0, 3, "minor"), Span(4, 9, "major"))
    assert seen[view.outputs[1].output_id] == ()


def test_a_change_keeps_its_history_and_an_older_page_overwrites_nothing(store: RatingStore, path: Path) -> None:
    study = opened(store)
    rater, view = join(store, study)
    store.submit(sent(rater, view, [(0, 8, "minor")]))
    assert store.submit(sent(rater, view, [(0, 8, "major")], revision=1)).revision == 2
    with pytest.raises(NewerAnswers):
        store.submit(sent(rater, view, [(0, 8, "minor")], revision=1))
    assert store.submit(sent(rater, view, [(0, 8, "major")], revision=1)).revision == 2  # says nothing else
    output = view.outputs[0].output_id
    past = [one.spans for one in store.span_history(study.id) if one.revision > 1]
    assert past == [((0, 8, "major"),)]
    assert len(store.span_history(study.id)) == 3
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection.execute(
            "INSERT INTO marking (rater_id, output_id, spans, submission_id, revision, created_at, updated_at) SELECT rater_id, "
            "output_id, spans, submission_id, revision, created_at, updated_at FROM marking WHERE output_id = ?",
            [output],
        )


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 0, "minor")], [(3, 2, "minor")], [(-1, 2, "minor")], [(0, 99, "major")], [(0, 2, "grave")], [(0, 2)], [(0.0, 2, "minor")],
        [(False, True, "minor")], [(0, 4, "minor"), (3, 6, "major")], "0-3", [(0, 1, "minor")] * 201, [None],
    ],
)  # fmt: skip
def test_what_is_no_part_of_the_text_is_refused_and_nothing_is_stored(store: RatingStore, spans: object) -> None:
    study = opened(store)
    rater, view = join(store, study)
    with pytest.raises(InvalidRating):
        store.submit(sent(rater, view, spans))
    assert store.error_spans(study.id) == [] and store.ratings(study.id) == []


def test_errors_come_for_every_answer_where_they_are_asked_for_and_for_none_elsewhere(store: RatingStore) -> None:
    study = opened(store)
    rater, view = join(store, study)
    for spans in ({}, {view.outputs[0].output_id: ()}, {**sent(rater, view).spans, 10**6: ()}, [1]):
        with pytest.raises(InvalidRating):
            store.submit(sent(rater, view, spans=spans))
    plain = store.create_study(new_study("plain"))
    store.add_outputs(plain.id, outputs_of("i1"))
    other, without = join(store, store.open_study(plain.id))
    with pytest.raises(InvalidRating):
        store.submit(sent(other, without))
    store.submit(sent(other, without, spans={}))
    with pytest.raises(InvalidRecord):
        store.create_study(replace(new_study("odd"), error_spans=1))  # type: ignore[arg-type]


def test_texts_are_composed_once_so_that_offsets_stay(store: RatingStore) -> None:
    decomposed = unicodedata.normalize("NFD", "Où était l'été ?")
    study = opened(store, decomposed)
    texts = {one.text for one in store.outputs(study.id)}
    assert texts == {unicodedata.normalize("NFC", decomposed)} and decomposed not in texts
    draft = store.create_study(replace(new_study("again"), error_spans=True))
    outputs = [replace(one, text=decomposed) for one in outputs_of("i1")]
    assert store.add_outputs(draft.id, outputs).added == 3
    report = store.add_outputs(draft.id, outputs)  # the same text in either form is no conflict
    assert (report.added, report.already_there, report.conflicting) == (0, 3, ())


def test_removal_and_exports_and_a_clone(store: RatingStore, tmp_path: Path) -> None:
    study = opened(store, "=Bao, zuri")
    gone, view = join(store, study)
    store.submit(sent(gone, view, [(0, 4, "minor")]))
    stays, other = join(store, study)
    store.submit(sent(stays, other, [(1, 4, "major")]))
    stone = store.remove_rater(study.id, gone.pseudonym)
    assert (stone.markings, stone.ratings, stone.changes) == (2, 6, 8)
    assert {one.rater for one in (*store.error_spans(study.id), *store.span_history(study.id))} == {stays.pseudonym}
    assert store.tombstones(study.id) == [stone]
    export_study(store, study, tmp_path)
    book = json.loads((tmp_path / "codebook.json").read_text(encoding="utf-8"))
    assert book["error_spans"] is True and book["tables"]["error_spans"]["rows"] == 2
    with (tmp_path / "error_spans.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["start"], row["end"], row["severity"], row["marked_text"]) for row in rows) == [
        ("", "", "", ""),
        ("1", "4", "major", "Bao"),
    ]
    copy = store.clone_study(study.id, "copy", "Copy")
    assert copy.error_spans and store.error_spans(copy.id) == []
