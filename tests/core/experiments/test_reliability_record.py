"""Reliability: one temperature a task and calibration, counts by bin, and what a certainty has been worth.

Tests of `core.inference.certainty`.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from core.experiments.prompt_choice import PromptChoiceConfig
from core.experiments.reliability import (
    ReliabilityConfig,
    TaskData,
    _summary,
    counted,
    fitting_queries,
    likeliest_temperature,
    queries_of,
    reliability,
)
from core.inference import certainty as certainty_module
from core.inference.certainty import BINS, ENOUGH, Certainty, bin_of, certainty_of
from core.inference.label_scores import CALIBRATIONS
from core.inference.predictor import Question, Settings
from core.records import Example, Query
from core.run_record import write_record
from core.workbench import Workbench


def test_the_temperature_that_made_logits_too_sharp_is_found_again() -> None:
    """Labels drawn from softmax(z); the model says softmax(3 z), so that dividing by 3 is right."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 5))
    gold = np.array([rng.choice(5, p=row) for row in special.softmax(logits, axis=1)])
    assert likeliest_temperature(special.log_softmax(3 * logits, axis=1), gold) == pytest.approx(3.0, rel=0.1)


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
    fitted = {"task": "topic", "calibration": "domain", "temperature": 2.5}
    record = {"tables": {"temperatures": [fitted], "bins": bins}}
    (tmp_path / "m.json").write_text(json.dumps(record), encoding="utf-8")
    certainty = certainty_of("m", tmp_path)
    assert certainty.temperature("topic", "domain") == 2.5
    assert certainty.temperature("topic", "none") == certainty.temperature("sentiment", "domain") == 1.0
    french, swahili = (certainty.worth("topic", code, 0.5) for code in ("fra_Latn", "swh_Latn"))
    assert french is not None
    assert swahili is not None
    assert (french.right, french.n, french.language) == (15 / ENOUGH, ENOUGH, "fra_Latn")
    assert (swahili.right, swahili.n, swahili.language) == (0.65, 100, "all")
    assert certainty.worth("topic", "fra_Latn", 0.99) is None
    assert certainty_of("unheard of", tmp_path).worth("topic", "fra_Latn", 0.5) is None
    assert bin_of(1.0) == BINS - 1


def independent_error(confidence: list[float], right: list[bool]) -> float:
    """Guo et al. 2017, equation 3, as a loop over intervals that are closed below: sum over bins of |hits - sum of confidences| / n."""
    total = 0.0
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        inside = [i for i, value in enumerate(confidence) if low <= value < high or (number == 14 and value == 1.0)]
        total += abs(sum(right[i] for i in inside) - sum(confidence[i] for i in inside))
    return total / len(confidence)


def test_errors_before_and_after_a_temperature_are_those_of_an_independent_computation() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(500, 4))
    gold = np.array([rng.choice(4, p=row) for row in special.softmax(logits, axis=1)])
    logs = special.log_softmax(4 * logits, axis=1)
    row = _summary("topic", "all", logs, 4.0, gold)
    right = (logits.argmax(1) == gold).tolist()
    before, after = (special.softmax(scale * logits, axis=1).max(1).tolist() for scale in (4, 1))
    assert row["error before temperature"] == pytest.approx(independent_error(before, right), abs=1e-9)
    assert row["error"] == pytest.approx(independent_error(after, right), abs=1e-9)
    assert row["error"] < 0.08 < 0.2 < row["error before temperature"]
    assert row["accuracy"] == np.mean(right)


def test_two_certainties_by_hand() -> None:
    """Odds of 9 to 1 at temperature 2 are odds of 3 to 1: .90 becomes .75; with one of two right the gap is .40, then .25."""
    logs = np.log(np.array([[0.9, 0.1], [0.9, 0.1]]))
    row = _summary("topic", "all", logs, 2.0, np.array([0, 1]))
    assert row["error before temperature"] == pytest.approx(0.40)
    assert row["error"] == pytest.approx(0.25)
    assert row["accuracy"] == 0.5


def test_a_record_is_measured_on_items_that_no_temperature_was_fitted_on(bench: Workbench, tmp_path: Path) -> None:
    predictor = bench.predictor("topic")
    pool = predictor.index.pool.examples
    chosen = PromptChoiceConfig(("eng_Latn", "swh_Latn"), items=4, each=1)
    data = TaskData(predictor, pool, ("eng_Latn", "swh_Latn"), fitting_queries(pool, chosen))
    config = ReliabilityConfig(items=5, strategies=("random",), k=1)
    queries = queries_of(data, config)
    assert len(queries) == 10
    used = {query.item for query in data.fitting}
    assert len(used) == 4
    assert not {query.item for query in queries} & used
    entry = reliability([data], config, lambda share, stage: None)
    assert entry["fitting items"] == {"topic": sorted(used)}
    rows = entry["tables"]["temperatures"]
    assert [row["calibration"] for row in rows] == list(CALIBRATIONS)
    assert {row["n"] for row in rows} == {4}
    (task,) = entry["tables"]["tasks"]
    assert (task["n"], task["language"], task["calibration"]) == (10, "all", "none")
    assert task["error"] <= 1
    write_record(tmp_path / "tiny.json", entry)
    assert certainty_of("tiny", tmp_path).temperature("topic", "none") == task["temperature"] == rows[0]["temperature"]


def test_items_are_fitted_on_in_the_named_languages_first_and_in_others_where_the_pool_lacks_them() -> None:
    pool = [Example(f"{c}{n}", f"{n}", c, f"{c} {n}", "sports") for c in ("ind_Latn", "eng_Latn") for n in range(3)]
    queries = fitting_queries(pool, PromptChoiceConfig(("fra_Latn", "eng_Latn"), items=2, each=2))
    assert {query.language for query in queries} == {"eng_Latn", "ind_Latn"}
    assert len(queries) == 4


def test_a_predictor_divides_by_the_temperature_of_its_calibration_and_keeps_raw_scores(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    temperatures = {("topic", "none"): 3.0, ("topic", "domain"): 0.5}
    monkeypatch.setattr(certainty_module, "certainty_of", lambda _name: Certainty(temperatures, {}))
    predictor = bench.predictor("topic")
    question = Question(Query("The nurse won a race.", "eng_Latn"), "random", 2, explain=False)
    for calibration, temperature in (("none", 3.0), ("domain", 0.5), ("contextual", 1.0)):
        asked = predictor.with_settings(Settings(calibration=calibration)).predict(question)
        plain = predictor.with_settings(Settings(calibration=calibration, label_temperature=1.0)).predict(question)
        (answer,), (unscaled,) = asked.answers, plain.answers
        assert answer.with_context is not None
        assert unscaled.with_context is not None
        logs = np.array(list(unscaled.with_context.log_probs.values()))
        shares = special.softmax(logs / temperature)
        assert list(answer.with_context.probabilities.values()) == pytest.approx(shares, abs=1e-6)
        assert answer.label == unscaled.label
        assert answer.confidence == pytest.approx(shares.max(), abs=1e-6)
        assert answer.uncalibrated == unscaled.uncalibrated
        assert asked.provenance["label_temperature"] == str(temperature)
