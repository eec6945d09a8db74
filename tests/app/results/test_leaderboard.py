"""The leaderboard on the page: who is best first, everything sortable, a file, and comparisons made once for a state of the records.

Tests of `app.results.leaderboard_tab`.
"""

import csv
import io
import json
import random
import re
from html import escape
from pathlib import Path

import pandas as pd
import pytest

from app.results.experiments import ReportService
from app.results.leaderboard import board_view
from app.texts import catalogue
from core.errors import InvalidData

TEXTS = catalogue("en")


def write(folder: Path, rates: dict[str, float], task: str = "topic", **config: object) -> None:
    """An evaluation record whose answers are right at a rate by strategy."""
    rng = random.Random(str(rates))
    rows = [
        {"item": str(item), "language": code, "strategy": strategy, "seed": 0, "k": 0 if strategy == "zero-shot" else 4}
        | {"gold": "a", "prediction": "a" if rng.random() < rate else "b", "log_probs": "[1.0, 0.0]"}
        for strategy, rate in rates.items()
        for code in ("swh_Latn", "hin_Deva")
        for item in range(80)
    ]
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "items.parquet")
    entry = {
        "task": task,
        "command": "train.py evaluate",
        "commit": "abc",
        "model": {"name": "embedded"},
        "results": [],
    }
    (folder / "record.json").write_text(json.dumps(entry | {"config": {"strategies": list(rates), **config}}))


@pytest.fixture
def reports(tmp_path: Path) -> ReportService:
    write(tmp_path / "records" / "one", {"zero-shot": 0.1, "agl": 0.5})
    write(tmp_path / "records" / "two", {"knn": 0.9, "bm25": 0.88, "<b>new</b>": 0.1})
    write(tmp_path / "records" / "labels", {"agl": 0.99}, shown_labels="swapped")
    write(tmp_path / "records" / "other", {"agl": 0.9}, task="sentiment")
    return ReportService((tmp_path / "records",), tmp_path / "downloads")


def test_the_first_sentence_names_the_best_and_those_not_told_apart(reports: ReportService) -> None:
    boards = reports.boards.all()
    assert list(boards) == ["topic", "sentiment"]
    html = board_view(boards["topic"].board, "", TEXTS)
    sentence = re.search(r'class="verdict">(.*?)</p>', html)
    assert sentence is not None
    assert sentence[1].startswith("Best of 5 systems:")
    assert "Not told apart from it:" in sentence[1] and "(tiny)" in sentence[1]
    assert escape(TEXTS("leaderboard.alone")) in board_view(boards["sentiment"].board, "", TEXTS)


def test_demonstrations_with_other_labels_are_no_system(reports: ReportService) -> None:
    assert {entry.record for entry in reports.boards.board("topic").entries} == {"one", "two"}


def test_every_cell_can_be_sorted_by_and_texts_stay_texts(reports: ReportService) -> None:
    html = board_view(reports.boards.board("topic"), "family", TEXTS)
    columns = html.count('class="sort"')
    rows = html.split("<tbody>")[1].split("</tr>")[:-1]
    assert len(rows) == 5
    assert all(row.count("data-value=") == columns for row in rows)
    assert "<b>new</b>" not in html and "&lt;b&gt;new&lt;/b&gt;" in html
    assert "Indo-European" in html and html.count('<th scope="col"') == columns >= 10


def test_what_a_phone_has_no_room_for_is_named_and_the_model_stands_below_the_strategy(reports: ReportService) -> None:
    html = board_view(reports.boards.board("topic"), "", TEXTS)
    head, *rows = html.split("<tr")[1:]
    assert head.count('class="aside"') == 4
    assert all(row.count(' aside"') == 4 and '<span class="quiet on-phone">tiny</span>' in row for row in rows)


def test_an_interval_is_one_word_that_right_to_left_text_turns_nothing_in(reports: ReportService) -> None:
    """In a line that ended within it the rest of it was turned round: "58.3 [50.1," and then "% [66.7"."""
    arabic = catalogue("ar")
    sentence = board_view(reports.boards.board("topic"), "", arabic).split("</p>")[0]
    assert re.search("\u2066[0-9.]+\u00a0\\[[0-9.]+,\u00a0[0-9.]+\\]\u00a0%\u2069", sentence)


def test_the_file_has_the_numbers_and_a_forged_task_is_refused(reports: ReportService) -> None:
    path = reports.leaderboard("topic", "../family")
    assert path.name == "leaderboard-topic.csv"
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert len(lines) == 5 and float(lines[0]["accuracy"]) > 0.8
    with pytest.raises(InvalidData, match="choose one of topic, sentiment"):
        reports.leaderboard("../../etc", "")


def test_boards_are_compared_anew_only_when_a_record_changed(reports: ReportService, tmp_path: Path) -> None:
    board = reports.boards.board("topic")
    assert reports.boards.board("topic") is board
    assert "board" not in vars(reports.boards.all()["sentiment"])  # what nobody asks for is not compared
    write(tmp_path / "records" / "three", {"mmr": 0.5})
    assert len(reports.boards.board("topic").entries) == 6


def test_records_are_listed_by_what_they_compare_and_a_damaged_one_by_its_name(
    reports: ReportService, tmp_path: Path
) -> None:
    (tmp_path / "records" / "one" / "record.json").write_text("{")
    titles = {name: title for title, name in reports.titles()}
    assert titles["one"] == "one"
    assert titles["two"] == "Evaluation · topic · knn, bm25, <b>new</b> (two)"
