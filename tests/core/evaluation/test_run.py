"""Evaluation and its record.

Tests of `core.evaluation.record`.
"""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evaluation_toys import QUERIES
from scipy import special
from toys import LANGUAGES

from core.data.prompting_systems import framing_words
from core.errors import InvalidConfig, InvalidData
from core.evaluation import EvaluationConfig, evaluate, identity, record, save, summary
from core.evaluation.passes import Passes
from core.inference.predictor import Predictor, Question
from core.models.loading import ASSETS
from core.records import Query
from core.workbench import Workbench

ROOT = ASSETS.parent
CONFIG = EvaluationConfig(("zero-shot", "random", "agl"), (2,), (0, 5), None)


@pytest.fixture(scope="module")
def items(predictor: Predictor) -> pd.DataFrame:
    return evaluate(predictor, QUERIES, CONFIG)


def test_every_query_is_asked_under_every_strategy_and_random_ones_under_every_seed(items: pd.DataFrame) -> None:
    runs = [("zero-shot", 0), ("random", 0), ("random", 5), ("agl", 0)]
    assert list(dict.fromkeys(zip(items["strategy"], items["seed"], strict=True))) == runs
    assert len(items) == len(runs) * len(QUERIES)
    assert items["item"].tolist() == [query.item for query in QUERIES] * len(runs)
    assert items["gold"].tolist() == ["health", "travel", "sports"] * len(runs)


def test_evaluated_predictions_equal_those_of_asking(items: pd.DataFrame, predictor: Predictor) -> None:
    for row in items.to_dict("records"):
        query = next(query for query in QUERIES if query.id == row["id"])
        question = Question(Query(query.text, query.language, query.item), row["strategy"], 2, seed=row["seed"])
        asked = predictor.predict(question)
        shown = [entry.example.id for entry in asked.selection.demonstrations]
        assert json.loads(row["demonstrations"]) == shown
        assert row["prediction"] == asked.answers[0].label
        scores = asked.answers[0].with_context
        assert scores is not None
        assert special.log_softmax(json.loads(row["log_probs"])) == pytest.approx(
            list(scores.log_probs.values()), abs=1e-4
        )
        assert json.loads(row["calibrated"]) == pytest.approx(list(scores.log_probs.values()), abs=1e-4)


def test_summary_averages_over_seeds_then_languages() -> None:
    rows = [
        # language, seed, gold, prediction: English is right 1 of 2 and 2 of 2, French 0 of 1 and 1 of 1.
        ("eng_Latn", 0, "a", "a"),
        ("eng_Latn", 0, "b", "a"),
        ("eng_Latn", 1, "a", "a"),
        ("eng_Latn", 1, "b", "b"),
        ("fra_Latn", 0, "a", "b"),
        ("fra_Latn", 1, "a", "a"),
    ]
    frame = pd.DataFrame(
        [("random", 4, *row) for row in rows], columns=["strategy", "k", "language", "seed", "gold", "prediction"]
    )
    frame["prediction_batch"] = frame["gold"]
    table = summary(frame, ["a", "b"]).set_index("language")
    # Macro-F1 of English seed 0: a 2/3, b 0, mean 1/3; seed 1: 1. Of French seed 0: a 0, b 0; seed 1: a 1, b left out.
    assert table["accuracy"].to_dict() == pytest.approx({"eng_Latn": 0.75, "fra_Latn": 0.5, "mean": 0.625})
    assert table["macro_f1"].to_dict() == pytest.approx({"eng_Latn": 2 / 3, "fra_Latn": 0.5, "mean": 7 / 12})
    assert set(table["accuracy_batch"]) == {1.0}
    assert table["items"].to_dict() == {"eng_Latn": 2, "fra_Latn": 1, "mean": 1.5}


def test_saved_items_and_record_read_back(items: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    table = summary(items, predictor.task.labels)
    save(tmp_path / "run", items, record(predictor, CONFIG, table, 1.25))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "run" / "items.parquet"), items)
    entry = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
    assert entry["config"] == {
        "strategies": ["zero-shot", "random", "agl"],
        "k": [2],
        "seeds": [0, 5],
        "pool_languages": None,
        "shown_labels": "gold",
        "most": None,
        "answers": None,
    }
    assert entry["model"]["fingerprint"] == predictor.model.fingerprint
    assert entry["scoring"] == "packed"
    assert entry["pool"] == {"examples": 30, "languages": list(LANGUAGES)}
    assert entry["templates"]["swh_Latn"] == "1"
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    assert entry["commit"] == (head.stdout[:12] if head.returncode == 0 else "unknown")
    assert len(entry["results"]) == len(table)
    with pytest.raises(InvalidConfig, match=r"run already holds a record; name another --output"):
        save(tmp_path / "run", items, entry)


def test_a_record_holds_the_versions_of_framings_where_one_is_used_and_the_seconds_of_every_pass(
    predictor: Predictor, tmp_path: Path
) -> None:
    config = EvaluationConfig(("zero-shot", "xlt"), (1,), (0,), None)
    passes = Passes(tmp_path / "parts", identity(predictor, config, QUERIES))
    table = summary(evaluate(predictor, QUERIES, config, passes=passes), predictor.task.labels)
    entry = record(predictor, config, table, 1.0, passes.facts)
    assert entry["framings"] == framing_words().versions
    assert entry["framings"]["swh_Latn"] == "1"
    assert [row["pass"] for row in entry["passes"]] == ["zero-shot-k0-s0", "xlt-k1-s0"]
    assert {row["pass"]: row["seconds"] for row in entry["passes"]} == {
        name: round(seconds, 2) for name, seconds in passes.seconds.items()
    }
    assert all(seconds > 0 for seconds in passes.seconds.values())
    assert "framings" not in record(predictor, CONFIG, table, 1.0)


def test_evaluation_of_nothing_or_of_free_text_under_other_labels_is_refused(
    bench: Workbench, predictor: Predictor
) -> None:
    with pytest.raises(InvalidData, match=r"no query to evaluate; check --languages"):
        evaluate(predictor, [], CONFIG)
    with pytest.raises(InvalidConfig, match="free-text answers"):
        evaluate(bench.predictor("translation"), QUERIES, replace(CONFIG, shown_labels="random"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strategies": ("best",)}, r"no strategy 'best'; choose from agl"),
        ({"strategies": ()}, r"No strategy was named; choose from agl"),
        ({"k": (2, -1)}, r"--k is -1; it must be 0 or more"),
        ({"k": ()}, r"k is empty"),
        ({"seeds": ()}, r"seeds are \[\]"),
        ({"shown_labels": "wrong"}, r"labels shown are 'wrong'; choose one of gold, permuted, random, swapped"),
        ({"most": 0}, r"--most is 0; it must be 1 or more"),
    ],
)
def test_impossible_evaluations_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        replace(CONFIG, **change)


def test_progress_rises_to_one(predictor: Predictor) -> None:
    told: list[tuple[float, str]] = []
    config = EvaluationConfig(("random", "bm25"), (1,), (7, 8), None)
    evaluate(predictor, QUERIES[:1], config, lambda share, stage: told.append((share, stage)))
    shares = [share for share, stage in told if stage in ("random, k = 1", "bm25, k = 1")]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
