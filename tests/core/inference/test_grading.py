"""Grades by a model: the prompt as written, every point scored exactly, long texts left out and counted."""

import numpy as np
import pytest
import torch
from toys import byte_tokenizer, tiny_model

from core.errors import InvalidConfig
from core.inference.grading import GradedText, GradingScale, grade, grading_prompt
from core.models.loading import LanguageModel
from core.scoring import Scorer

TEXT = GradedText("Name the topic.", "Bunge lilipiga kura.", "Swahili", "siasa", "Swahili", reference="politics")
SCALE = GradingScale("Fluency", "How well is it written?", 1, 5, ((1, "not readable"), (5, "like a native writer")))


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return tiny_model(byte_tokenizer(), seed=5)


def test_the_prompt_ends_with_the_criterion_and_its_words() -> None:
    assert grading_prompt(TEXT, SCALE) == (
        "You grade a text on one criterion.\n\nTask: Name the topic.\n\nInput (Swahili): Bunge lilipiga kura.\n\n"
        "Reference: politics\n\nText to grade (Swahili): siasa\n\nCriterion: Fluency. How well is it written?\n"
        "1 = not readable\n5 = like a native writer\n\nAnswer with a number from 1 to 5 alone."
    )
    empty = grading_prompt(GradedText("T", "s", "English", "", "English", context="c"), SCALE)
    assert "Context: c" in empty and "(empty)" in empty and "Reference" not in empty


def test_a_number_that_begins_another_is_closed_by_a_line_end() -> None:
    assert SCALE.labels == (" 1", " 2", " 3", " 4", " 5")
    ten = GradingScale("F", "?", 0, 10, ((0, "a"), (10, "b")))
    assert ten.labels[1] == " 1\n" and ten.labels[10] == " 10\n" and len(ten.labels) == 11
    assert len(GradingScale("F", "?", 0, 100, ((0, "a"), (100, "b"))).labels) == 101
    with pytest.raises(InvalidConfig):
        GradingScale("F", "?", 3, 3, ())


def test_a_grade_is_the_expected_point_under_the_network_s_own_probabilities(model: LanguageModel) -> None:
    """Each label's log-probability is computed here by one plain forward pass of its own."""
    (made,) = grade(Scorer(model), [(TEXT, SCALE)])
    assert made is not None
    prompt = grading_prompt(TEXT, SCALE) + "\n\nGrade:"
    logs = []
    for label in SCALE.labels:
        context, whole = model.encode([prompt])[0], model.encode([prompt + label])[0]
        ids = torch.tensor([[*model.start, *whole]])
        with torch.inference_mode():
            rows = model.network(input_ids=ids).logits[0].log_softmax(-1)
        first = len(model.start) + len(context)
        logs.append(sum(float(rows[at - 1, ids[0, at]]) for at in range(first, ids.shape[1])))
    probabilities = np.exp(logs) / np.exp(logs).sum()
    assert made.probabilities == pytest.approx(probabilities, abs=1e-5)
    assert made.expected == pytest.approx(float(probabilities @ np.arange(1, 6)), abs=1e-4)
    assert made.value == 1 + int(probabilities.argmax()) and len(made.prompt_sha256) == 64


def test_a_text_that_does_not_fit_has_no_grade_and_the_others_have_theirs(model: LanguageModel) -> None:
    long = GradedText("T", "s", "English", "word " * 400, "English")
    alone = grade(Scorer(model), [(TEXT, SCALE)])[0]
    both = grade(Scorer(model), [(long, SCALE), (TEXT, SCALE)])
    assert both[0] is None and both[1] is not None and alone is not None
    assert both[1].probabilities == pytest.approx(alone.probabilities, abs=1e-5)
    assert both[1].prompt_sha256 == alone.prompt_sha256
