"""Experiments within Results: which records there are, and the report of one."""

import json
from pathlib import Path

import pytest

from app.results.experiments import ReportService, report
from core.errors import InvalidData


@pytest.fixture
def desk(tmp_path: Path) -> ReportService:
    for name, title in (("shipped/one", "<b>One</b>"), ("mine/two", "Two")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        rows = [{"mode": "<script>", "accuracy": 0.5}]
        entry = {"kind": "sweep", "title": title, "command": "python train.py sweep", "tables": {"scores": rows}}
        (folder / "record.json").write_text(json.dumps(entry))
    return ReportService((tmp_path / "shipped", tmp_path / "mine", tmp_path / "not there"), tmp_path / "downloads")


def test_records_of_all_folders_are_listed_and_a_missing_folder_is_none(desk: ReportService) -> None:
    assert desk.names() == ["one", "two"]


def test_a_name_that_is_no_record_is_refused_whatever_it_points_to(desk: ReportService) -> None:
    for name in ("three", "../mine/two", ""):
        with pytest.raises(InvalidData, match="choose one of the list"):
            desk.document(name)


def test_a_record_that_changed_is_read_anew_and_one_that_did_not_is_not(desk: ReportService, tmp_path: Path) -> None:
    first = desk.document("two")
    assert desk.document("two") is first
    path = tmp_path / "mine" / "two" / "record.json"
    path.write_text(path.read_text().replace("Two", "Three"))
    assert desk.document("two").title.startswith("Three")


def test_texts_of_records_are_shown_as_texts(desk: ReportService) -> None:
    shown = report(desk.document("one"))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "&lt;b&gt;One" in shown
    assert 'dir="ltr"' in shown


def test_the_three_files_are_written_where_downloads_are_served_from(desk: ReportService, tmp_path: Path) -> None:
    made = desk.files("two")
    assert {kind: path.name for kind, path in made.items()} == {
        "markdown": "report-two.md",
        "latex": "report-two.tex",
        "html": "report-two.html",
    }
    assert all(path.parent.parent == tmp_path / "downloads" and path.stat().st_size for path in made.values())
