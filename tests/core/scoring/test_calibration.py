"""Calibration where answers are made: in the predictor and in an evaluation.

Tests of `core.scoring.labels`.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from core.errors import InvalidConfig, InvalidQuery
from core.evaluation import EvaluationConfig, evaluate
from core.inference.predictor import Predictor, Question, Settings
from core.records import Query
from core.scoring import Request, Scorer
from core.scoring.calibration import batch
from core.workbench import Workbench

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")


def test_contextual_calibration_divides_by_the_content_free_query(bench: Workbench) -> None:
    plain = bench.predictor("topic")
    calibrated = Predictor(plain.task, plain.index, plain.scorer, Settings(calibration="contextual"))
    question = Question(QUERY, k=2, answer_languages=("eng_Latn", "fra_Latn"))
    answer = calibrated.predict(question).answers[0]
    shown = plain.select(question).demonstrations
    words = tuple(plain.task.template("eng_Latn").answer(w) for w in plain.task.verbaliser("eng_Latn").words.values())
    scorer = Scorer(plain.model, method="padded")
    asked, empty = (
        scorer.score([Request(plain.writer.prompt(query, shown, "eng_Latn").text, words)])[0]
        for query in (QUERY, Query("N/A", "eng_Latn"))
    )
    expected = special.softmax(special.log_softmax(asked) - special.log_softmax(empty))
    assert answer.with_context is not None
    seen = [answer.with_context.probabilities[label] for label in plain.task.labels]
    np.testing.assert_allclose(seen, expected, atol=1e-4)
    assert answer.adherence == pytest.approx(plain.predict(question).answers[0].adherence, abs=1e-6)


def test_batch_calibration_of_an_evaluation_is_per_language(bench: Workbench) -> None:
    predictor = bench.predictor("topic")
    queries = [
        replace(e, id=f"q{e.id}", item=f"q{e.item}") for e in predictor.index.pool.examples if e.language != "zho_Hans"
    ][:8]
    config = EvaluationConfig(("zero-shot",), (0,), (0,), None)
    items = evaluate(predictor, queries, config)
    assert (items["prediction"] != items["prediction_batch"]).any()
    for _, rows in items.groupby("language"):
        expected = batch(np.array([json.loads(value) for value in rows["log_probs"]])).argmax(1)
        assert rows["prediction_batch"].tolist() == [predictor.task.labels[place] for place in expected]


def test_unknown_calibrations_and_negative_k_are_refused(bench: Workbench) -> None:
    with pytest.raises(InvalidConfig, match="allowed are none, contextual"):
        Settings(calibration="magic")
    with pytest.raises(InvalidQuery, match="0 or more"):
        bench.predictor("topic").select(Question(QUERY, k=-1))
