"""Exports: read back without loss, safe in a spreadsheet, explained by the codebook.

Tests of `annotation.export.columns`.
"""

import csv
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from export_reader import read_back
from hypothesis import given
from hypothesis import strategies as st
from rating_examples import UNHURRIED, Clock, new_study, submission

from annotation.errors import ExportFailed, UnknownStudy
from annotation.export.columns import COLUMNS
from annotation.export.files import TABLES, export_study, safe_cell
from annotation.records import (
    AssignmentRecord,
    HistoryRecord,
    NewOutput,
    OutputRecord,
    RatingRecord,
    Study,
    StudyData,
)
from annotation.store import RatingStore
from annotation.study_records import CheckResult, RaterRecord

NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tcell",
    "\rcell",
    "'quoted",
    'say "no", twice',
    "line\nbreak\r\nand\u2028another",
    "العربية ‏🇹🇿 ẹ̀kọ́ 日本語",
    "",
    " spaces ",
    "a,b;c",
]


@pytest.fixture
def rated(store: RatingStore) -> Study:
    """A study full of texts that files damage, partly rated, with a change, a skip and an untouched item."""
    study = store.ensure_study(new_study())
    store.add_outputs(
        study.id,
        [
            NewOutput(
                f"item {index}",
                "sw",
                text or "=x",
                "=task",
                "=agl",
                "sw",
                text,
                {"prompt": text},
                text or None,
            )
            for index, text in enumerate(NASTY)
        ],
    )
    rater, _ = store.new_rater(study.id, "sw")
    for comment in ("=cmd|'/c calc'!A0", "ndiyo\nkabisa", None):
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(replace(submission(rater.id, view), comment=comment))
        store.submit(submission(rater.id, view, 2))
    return study


def test_every_format_comes_back_equal_to_what_was_stored(store: RatingStore, rated: Study, tmp_path: Path) -> None:
    paths = export_study(store, rated, tmp_path / "out")
    assert sorted(path.name for path in paths) == sorted(
        [
            "codebook.json",
            "read_tables.py",
            *(f"{table}.{suffix}" for table in TABLES for suffix in ("csv", "jsonl", "parquet")),
        ]
    )
    for suffix in ("jsonl", "parquet", "csv"):
        back = StudyData(
            ratings=tuple(read_back(tmp_path / "out" / f"ratings.{suffix}", RatingRecord)),
            history=tuple(read_back(tmp_path / "out" / f"history.{suffix}", HistoryRecord)),
            outputs=tuple(read_back(tmp_path / "out" / f"outputs.{suffix}", OutputRecord)),
            assignments=tuple(read_back(tmp_path / "out" / f"assignments.{suffix}", AssignmentRecord)),
            raters=tuple(read_back(tmp_path / "out" / f"raters.{suffix}", RaterRecord)),
            checks=tuple(read_back(tmp_path / "out" / f"checks.{suffix}", CheckResult)),
        )
        assert back == store.data(rated.id)
    assert [output.text for output in back.outputs] == NASTY
    assert len(back.history) == 2 * len(back.ratings) == 2 * 9


def test_no_cell_of_a_csv_would_run_as_a_formula(store: RatingStore, rated: Study, tmp_path: Path) -> None:
    export_study(store, rated, tmp_path)
    for table in TABLES:
        with (tmp_path / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == [field.name for field in fields(TABLES[table])]
        assert len(rows) == len(getattr(store.data(rated.id), table))
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_csv_keeps_the_text_behind_the_apostrophe(store: RatingStore, rated: Study, tmp_path: Path) -> None:
    export_study(store, rated, tmp_path)
    assert (tmp_path / "outputs.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "outputs.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"].removeprefix("'") for row in rows] == NASTY
    assert rows[0]["text"] == "'=1+1"
    assert json.loads(rows[0]["provenance"]) == {"prompt": "=1+1"}


@UNHURRIED
@given(st.text() | st.integers() | st.floats(allow_nan=False) | st.none())
def test_a_cell_is_changed_only_where_it_would_run_or_could_not_be_read_back(value: object) -> None:
    cell = safe_cell(value)
    dangerous = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "'") and value != ""
    assert cell == ("'" + str(value) if dangerous else "" if value is None else value)


def test_the_codebook_explains_every_column_the_scale_and_the_apostrophe(
    store: RatingStore, rated: Study, tmp_path: Path
) -> None:
    export_study(store, rated, tmp_path)
    book = json.loads((tmp_path / "codebook.json").read_text(encoding="utf-8"))
    for table, kind in TABLES.items():
        assert list(book["tables"][table]["columns"]) == [field.name for field in fields(kind)]
        assert all(column["meaning"] for column in book["tables"][table]["columns"].values())
    assert book["tables"]["outputs"]["rows"] == len(NASTY)
    assert "apostrophe" in book["formats"]["csv"]
    assert [(one["scale"]["low"], one["scale"]["high"], one["scale"]["type"]) for one in book["criteria"]] == [
        (1, 5, "ordinal")
    ] * 3
    assert book["criteria"][0]["anchors"]["en"][4] == "reads like a careful native writer"
    assert book["study"]["instructions"] == {"en": "Read, then rate.", "sw": "Soma, kisha kadiria."}


def test_every_exported_field_has_a_column() -> None:
    assert {field.name for kind in TABLES.values() for field in fields(kind)} == set(COLUMNS)


def test_a_study_without_ratings_exports_tables_with_a_header(store: RatingStore, study: Study, tmp_path: Path) -> None:
    export_study(store, study, tmp_path)
    assert read_back(tmp_path / "ratings.parquet", RatingRecord) == []
    assert (tmp_path / "ratings.csv").read_text(encoding="utf-8-sig").startswith("study,item_key")


def test_a_second_export_replaces_the_first_and_leaves_no_half_written_file(
    store: RatingStore, rated: Study, tmp_path: Path, clock: Clock
) -> None:
    first = export_study(store, rated, tmp_path / "out")
    clock.forward(1)
    assert export_study(store, rated, tmp_path / "out") == first
    assert sorted((tmp_path / "out").iterdir()) == sorted(first)


def test_an_export_to_a_place_that_cannot_be_written_says_so(store: RatingStore, rated: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportFailed, match="cannot be written"):
        export_study(store, rated, tmp_path / "file")
    with pytest.raises(UnknownStudy):
        export_study(store, replace(rated, id=99), tmp_path)
