"""Reliability: one temperature a task, counts by bin, and what a certainty has been worth.

Tests of `core.inference.certainty`.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from core.experiments.reliability import (
    ReliabilityConfig,
    TaskData,
    counted,
    fitted_temperature,
    queries_of,
    reliability,
)
from core.inference.certainty import BINS, ENOUGH, bin_of, certainty_of
from core.run_record import write_record
from core.workbench import Workbench


def test_the_temperature_that_made_logits_too_sharp_is_found_again() -> None:
    """Labels drawn from softmax(z); the model says softmax(3 z), so that dividing by 3 is right."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 5))
    gold = np.array([rng.choice(5, p=row) for row in special.softmax(logits, axis=1)])
    assert fitted_temperature(special.log_softmax(3 * logits, axis=1), gold) == pytest.approx(3.0, rel=0.1)


def test_bins_count_every_answer_once_by_language_and_over_all() -> None:
    logs = special.log_softmax(np.random.default_rng(1).normal(size=(60, 3)), axis=1)
    gold, codes = logs.argmax(1), ["eng_Latn"] * 20 + ["fra_Latn"] * 40
    gold[:10] = (gold[:10] + 1) % 3
    rows = counted("topic", logs, gold, codes)
    for code, n, right in (("all", 60, 50), ("eng_Latn", 20, 10), ("fra_Latn", 40, 40)):
        own = [row for row in rows if row["language"] == code]
        assert (sum(row["n"] for row in own), sum(row["right"] for row in own)) == (n, right)
        assert all(row["bin"] == bin_of(row["mean certainty"]) for row in own)


def test_certainty_is_worth_what_was_counted_in_the_language_or_in_all(tmp_path: Path) -> None:
    def row(code: str, n: int, right: int) -> dict[str, object]:
        return {"task": "topic", "language": code, "bin": bin_of(0.5), "n": n, "right": right}

    bins = [row("all", 100, 65), row("fra_Latn", ENOUGH, 15), row("swh_Latn", ENOUGH - 1, 0)]
    record = {"tables": {"tasks": [{"task": "topic", "temperature": 2.5}], "bins": bins}}
    (tmp_path / "m.json").write_text(json.dumps(record), encoding="utf-8")
    certainty = certainty_of("m", tmp_path)
    assert certainty.temperature("topic") == 2.5
    assert certainty.temperature("sentiment") == 1.0
    french, swahili = (certainty.worth("topic", code, 0.5) for code in ("fra_Latn", "swh_Latn"))
    assert french is not None
    assert swahili is not None
    assert (french.right, french.n, french.language) == (15 / ENOUGH, ENOUGH, "fra_Latn")
    assert (swahili.right, swahili.n, swahili.language) == (0.65, 100, "all")
    assert certainty.worth("topic", "fra_Latn", 0.99) is None
    assert certainty_of("unheard of", tmp_path).worth("topic", "fra_Latn", 0.5) is None
    assert bin_of(1.0) == BINS - 1


def test_a_record_is_made_of_items_that_nothing_was_chosen_on(bench: Workbench, tmp_path: Path) -> None:
    predictor = bench.predictor("topic")
    pool = predictor.index.pool.examples
    data = TaskData(predictor, pool, ("eng_Latn", "swh_Latn"), frozenset({"item-0", "item-1"}))
    config = ReliabilityConfig(items=5, strategies=("random",), k=1)
    queries = queries_of(data, config)
    assert len(queries) == 10
    assert not {query.item for query in queries} & data.used
    entry = reliability([data], config, lambda share, stage: None)
    (task,) = entry["tables"]["tasks"]
    assert (task["n"], task["language"]) == (10, "all")
    assert task["error"] <= 1
    write_record(tmp_path / "tiny.json", entry)
    assert certainty_of("tiny", tmp_path).temperature("topic") == task["temperature"]
