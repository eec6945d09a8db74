"""Demonstrations' part in an answer: PVI and KL by hand, copies by label and by words."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.inference.context_use import ContextUse, context_use, longest_shared, token_measures
from core.inference.explanation_records import Unmeasured
from core.inference.predictor import Predictor, Question
from core.records import Demonstration, Prediction, Query
from core.scoring import Request

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")


@pytest.fixture(scope="module")
def prediction(predictor: Predictor) -> Prediction:
    by_id = {example.id: example for example in predictor.index.pool.examples}
    chosen = tuple(Demonstration(by_id[name], None, None) for name in ("fra_Latn/3", "swh_Latn/1", "fra_Latn/4"))
    return predictor.predict(Question(QUERY, k=3, answer_languages=("eng_Latn", "fra_Latn"), fixed=chosen))


@pytest.mark.parametrize("index", [0, 1])
def test_pvi_is_the_difference_of_two_scores_over_the_labels(
    predictor: Predictor, prediction: Prediction, index: int
) -> None:
    result, answer = context_use(predictor, prediction, index), prediction.answers[index]
    assert isinstance(result, ContextUse) and answer.label is not None
    labels, code = predictor.task.labels, answer.language
    words = tuple(predictor.writer.words(code, ()))

    def log_p(demonstrations: list[Demonstration]) -> float:
        context = predictor.writer.prompt(QUERY, demonstrations, code).text
        (row,) = predictor.scorer.score([Request(context, words)])
        return float(row[labels.index(answer.label or "")] - np.logaddexp.reduce(row))

    chosen = list(prediction.selection.demonstrations)
    assert result.pvi == pytest.approx(log_p(chosen) - log_p([]), abs=1e-4)
    for source, entry in zip(result.sources, chosen, strict=True):
        assert source.demonstration == entry
        assert source.pvi == pytest.approx(log_p([entry]) - log_p([]), abs=1e-4)
        assert source.same_label == (entry.example.label == answer.label) and source.span == ""


def test_changes_by_token_add_up_to_the_difference_of_the_whole_answer(
    predictor: Predictor, prediction: Prediction
) -> None:
    result, answer = context_use(predictor, prediction, 0), prediction.answers[0]
    assert isinstance(result, ContextUse) and result.tokens
    text = predictor.writer.continuation("eng_Latn", answer.text)
    contexts = [answer.prompt.text, predictor.writer.prompt(QUERY, [], "eng_Latn").text]
    scores = [float(row[0]) for row in predictor.scorer.score([Request(context, (text,)) for context in contexts])]
    assert sum(token.change for token in result.tokens) == pytest.approx(scores[0] - scores[1], abs=1e-3)
    assert all(token.kl >= 0 for token in result.tokens)
    assert "".join(token.text for token in result.tokens).strip() == answer.text


def test_kl_by_hand() -> None:
    one, other = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log(), torch.tensor([[0.25, 0.75], [0.9, 0.1]]).log()
    kl, change = token_measures(one, other, [0, 1])
    # 0.5 ln(0.5 / 0.25) + 0.5 ln(0.5 / 0.75); equal rows: 0.
    assert kl == pytest.approx([0.5 * math.log(2) + 0.5 * math.log(2 / 3), 0.0], abs=1e-6)
    assert change == pytest.approx([math.log(2), 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("text", "others", "span"),
    [
        (
            "Parliament voted to raise the sugar tax.",
            ["The council voted to raise the water tax."],
            "voted to raise the",
        ),
        ("The committee met.", ["A commission met."], ""),  # "commi" is cut in both
        ("议会通过了新的糖税法案。", ["昨天议会通过了新的糖税。"], "议会通过了新的糖税"),
        ("She won.", ["He lost."], ""),
    ],
)
def test_what_two_texts_share_goes_from_word_to_word(text: str, others: list[str], span: str) -> None:
    assert longest_shared(text, others) == span


def test_what_cannot_be_measured_says_why(predictor: Predictor, prediction: Prediction) -> None:
    answer = prediction.answers[0]
    silent = replace(prediction, answers=(replace(answer, text=""),))
    assert context_use(predictor, silent) == Unmeasured("nothing_written")
    alone = predictor.predict(Question(QUERY, "zero-shot", 0, ("eng_Latn",)))
    assert context_use(predictor, alone) == Unmeasured("none_shown")
    several = replace(prediction, answers=(replace(answer, further=(answer.prompt,)),))
    assert context_use(predictor, several) == Unmeasured("several_prompts")
