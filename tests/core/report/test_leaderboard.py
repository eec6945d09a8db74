"""The leaderboard of records: who is best, who is not told apart, by what, as CSV and with its citation.

Tests of `core.report.reading`.
"""

import csv
import io
import json
from typing import Any

import numpy as np
import pandas as pd

from core.report.leaderboard import leaderboards, significance_groups
from core.report.reading import Record


def record(name: str, model: str, rates: dict[str, float], seed: int, items: int = 80, **more: Any) -> Record:
    """Answers in Swahili and Hindi that are right at a rate by strategy."""
    rng = np.random.default_rng(seed)
    rows = [
        {"item": str(item), "language": code, "strategy": strategy, "seed": 0, "k": 0 if strategy == "zero-shot" else 4}
        | {"gold": "a", "prediction": "a" if rng.random() < rate else "b", "log_probs": json.dumps([1.0, 0.0])}
        for strategy, rate in rates.items()
        for code in ("swh_Latn", "hin_Deva")
        for item in range(items)
    ]
    entry = {"task": "topic", "model": {"name": model, "precision": "fp32"}, "commit": "abc", "results": []} | more
    return Record(name, entry, pd.DataFrame(rows))


RECORDS = [
    record("one", "tiny", {"zero-shot": 0.1, "agl": 0.5}, 0),
    record("two", "org/large", {"agl": 0.9, "knn": 0.88}, 1, commit="def", prompt="english"),
]


def test_the_first_line_says_who_is_best_and_who_is_not_told_apart() -> None:
    board = leaderboards(RECORDS)["topic"]
    best, level, third, last = board.entries
    assert {best.system.strategy, level.system.strategy} == {"agl", "knn"} and best.model == "large"
    assert [entry.group for entry in board.entries] == [1, 1, 2, 3]
    assert (third.name, last.name) == ("agl, K = 4 (tiny)", "zero-shot (tiny)")
    assert board.headline.startswith(f"Best of 4 systems on topic: {best.name}, accuracy ")
    assert board.headline.endswith(f"; not told apart from it: {level.name}.")
    assert board.compared == 3 + 1


def test_groups_of_languages_are_columns_and_the_csv_has_numbers() -> None:
    board = leaderboards(RECORDS)["topic"]
    table = board.table("family")
    assert {"Atlantic-Congo", "Indo-European"} & {*table.columns} or len(table.columns) > len(board.table().columns)
    assert table.marks[0, "accuracy"] == "best" and table.marks[1, "accuracy"] == "level"
    lines = list(csv.DictReader(io.StringIO(board.csv("resource"))))
    assert len(lines) == 4
    assert float(lines[0]["accuracy, low"]) <= float(lines[0]["accuracy"]) <= float(lines[0]["accuracy, high"])
    assert lines[0]["prompt"] == "english"


def test_the_citation_names_records_and_commits() -> None:
    cited = leaderboards(RECORDS)["topic"].citation()
    assert (
        "Records two, one" in cited and "commits abc, def" in cited and cited.startswith("@misc{agl_leaderboard_topic,")
    )


def test_one_system_is_not_called_best_and_tasks_have_boards_of_their_own() -> None:
    boards = leaderboards([record("a", "tiny", {"zero-shot": 0.5}, 0), record("b", "tiny", {"agl": 0.5}, 0, task="qa")])
    assert set(boards) == {"topic", "qa"}
    assert "nothing to compare" in boards["topic"].headline
    assert leaderboards([Record("none", {"results": []}, None)]) == {}


def test_groups_are_made_from_the_best_down_each_by_its_own_comparisons() -> None:
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([["swh_Latn"], [str(item) for item in range(400)]], names=["language", "item"])
    rates = (0.5, 0.9, 0.89, 0.52, 0.1)
    groups, tested = significance_groups([pd.Series((rng.random(400) < r).astype(float), index=index) for r in rates])
    assert groups == [2, 1, 1, 2, 3]
    assert tested == 4 + 2  # the best with four others, the best of the rest with two; the last one alone


def test_thirty_systems_are_still_told_apart() -> None:
    """Holm over all 435 pairs left no p of 10,000 draws significant, so that nobody was worse than the best."""
    rates = {"agl": 0.8, **{f"random {number}": 0.3 for number in range(29)}}
    board = leaderboards([record("many", "tiny", rates, 3)])["topic"]
    assert [entry.group for entry in board.entries[:2]] == [1, 2]


def test_systems_that_were_asked_other_queries_are_on_another_board() -> None:
    boards = leaderboards([*RECORDS, record("few", "tiny", {"agl": 0.99}, 4, items=20)])
    assert list(boards) == ["topic", "topic 2"]
    assert [(board.languages, board.queries, len(board.entries)) for board in boards.values()] == [
        (2, 160, 4),
        (2, 40, 1),
    ]
