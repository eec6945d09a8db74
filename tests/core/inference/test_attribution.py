"""Contrastive attribution: occlusion by hand, completeness and agreement where the contrast is linear, gradients by finite differences."""

import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.inference.attribution import Attribution, attribute, gradient_times_input
from core.inference.explanation_records import Unmeasured
from core.inference.predictor import Predictor, Question
from core.models.loading import LanguageModel
from core.records import Demonstration, Prediction, Query
from core.scoring import Request, Scorer
from core.scoring.trie import Target

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")


@pytest.fixture(scope="module")
def prediction(predictor: Predictor) -> Prediction:
    by_id = {example.id: example for example in predictor.index.pool.examples}
    chosen = tuple(Demonstration(by_id[name], None, None) for name in ("fra_Latn/3", "swh_Latn/1", "fra_Latn/4"))
    return predictor.predict(Question(QUERY, k=3, answer_languages=("eng_Latn", "fra_Latn"), fixed=chosen))


def attributed(predictor: Predictor, prediction: Prediction, index: int = 0) -> Attribution:
    result = attribute(predictor, prediction, index)
    assert isinstance(result, Attribution)
    return result


class Bag(torch.nn.Module):
    """Adds up the embeddings of all tokens and multiplies by the head: a contrast of one-token answers is linear in the embeddings."""

    device = torch.device("cpu")

    def __init__(self, words: int = 40) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embedding = torch.nn.Embedding(words, 8)
        self.head = torch.nn.Linear(8, words, bias=False)

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.embedding

    def forward(self, inputs_embeds: torch.Tensor, attention_mask: torch.Tensor, use_cache: bool) -> Any:
        return SimpleNamespace(logits=self.head(inputs_embeds.cumsum(1)))


def contrast(network: Bag, tokens: tuple[int, ...], answer: int, rival: int) -> float:
    """By hand."""
    with torch.no_grad():
        logs = network.head(network.embedding(torch.tensor(tokens)).sum(0)).log_softmax(-1)
    return float(logs[answer] - logs[rival])


def test_where_the_contrast_is_linear_the_tokens_add_up_to_it_and_both_measures_are_one() -> None:
    network = Bag()
    parts = [(1, 2, 3), (4, 5), (6, 7, 8, 9), (10, 11)]  # instruction, two demonstrations, query
    prompt = tuple(token for part in parts for token in part)
    answer, rival = 20, 21
    targets = [Target((*prompt, word), len(prompt)) for word in (answer, rival)]
    values, whole = gradient_times_input(network, targets)
    assert whole == pytest.approx(contrast(network, prompt, answer, rival), abs=1e-5)
    assert sum(values) == pytest.approx(whole, abs=1e-5)  # an empty prompt has no contrast here
    position = 0
    for number, part in enumerate(parts):
        rest = tuple(token for other, tokens in enumerate(parts) if other != number for token in tokens)
        occlusion = whole - contrast(network, rest, answer, rival)
        assert sum(values[position : position + len(part)]) == pytest.approx(occlusion, abs=1e-5)
        position += len(part)


def test_exchanging_answer_and_runner_up_turns_every_sign() -> None:
    network, prompt = Bag(), (3, 1, 4, 1, 5)
    one, other = (Target((*prompt, word), len(prompt)) for word in (20, 21))
    forward, backward = gradient_times_input(network, [one, other]), gradient_times_input(network, [other, one])
    assert np.allclose(forward[0], -np.array(backward[0]), atol=1e-6) and forward[1] == pytest.approx(-backward[1])


@pytest.mark.parametrize("index", [0, 1])
def test_occlusion_is_the_contrast_scored_by_hand_without_each_demonstration(
    predictor: Predictor, prediction: Prediction, index: int
) -> None:
    result, answer = attributed(predictor, prediction, index), prediction.answers[index]
    labels, chosen = predictor.task.labels, prediction.selection.demonstrations
    shares = answer.with_context.log_probs
    assert result.answer == answer.label
    assert result.runner_up == sorted(labels, key=lambda label: -shares[label])[1]
    words = predictor.writer.words(answer.language)
    pair = tuple(words[labels.index(label)] for label in (result.answer, result.runner_up))

    def by_hand(demonstrations: tuple[Demonstration, ...]) -> float:
        prompt = predictor.writer.prompt(QUERY, demonstrations, answer.language)
        own, other = Scorer(predictor.model, method="padded").score([Request(prompt.text, pair)])[0]
        return float(own - other)

    whole = by_hand(chosen)
    assert result.contrast == pytest.approx(whole, abs=1e-3)  # forward from embeddings, not from the scorer
    for left_out, effect in enumerate(result.effects):
        assert effect.demonstration == chosen[left_out]
        rest = chosen[:left_out] + chosen[left_out + 1 :]
        assert effect.occlusion == pytest.approx(whole - by_hand(rest), abs=1e-3)


def test_the_pieces_are_the_prompt_and_each_demonstration_has_its_own(
    predictor: Predictor, prediction: Prediction
) -> None:
    result, answer = attributed(predictor, prediction), prediction.answers[0]
    assert "".join(piece.text for piece in result.pieces) == answer.prompt.text
    for index, effect in enumerate(result.effects):
        own = "".join(piece.text for piece in result.pieces if piece.demonstration == index)
        assert effect.demonstration.example.text in own
        assert QUERY.text not in own
        assert effect.gradient == pytest.approx(
            sum(piece.value for piece in result.pieces if piece.demonstration == index), abs=1e-6
        )


def test_gradient_agrees_with_finite_differences(predictor: Predictor, prediction: Prediction) -> None:
    """Each token's value is the change of the contrast as its embedding grows by a thousandth of itself."""
    model = predictor.model
    assert isinstance(model, LanguageModel)
    answer = prediction.answers[0]
    words = predictor.writer.words("eng_Latn")[:2]
    targets = predictor.scorer.targets([(answer.prompt.text, word) for word in words])
    values, _ = gradient_times_input(model.network, targets)
    network = copy.deepcopy(model.network).double()
    for position in (3, len(values) // 2, len(values) - 2):
        moved = [_contrast_at(network, targets, position, scale) for scale in (1.001, 0.999)]
        assert values[position] == pytest.approx((moved[0] - moved[1]) / 0.002, rel=0.02, abs=1e-3)


def _contrast_at(network: Any, targets: list[Target], position: int, scale: float) -> float:
    total = 0.0
    for sign, target in zip((1, -1), targets, strict=True):
        with torch.no_grad():
            embedded = network.get_input_embeddings()(torch.tensor([target.inputs])).clone()
            embedded[0, position] *= scale
            logs = network(inputs_embeds=embedded).logits[0].log_softmax(-1)
        answer = target.tokens[target.first :]
        total += sign * float(sum(logs[target.first - 1 + i, token] for i, token in enumerate(answer)))
    return total


def test_no_gradient_is_left_on_the_weights(predictor: Predictor, prediction: Prediction) -> None:
    attributed(predictor, prediction)
    assert all(weight.grad is None for weight in predictor.model.network.parameters())


def test_a_model_elsewhere_and_several_prompts_are_not_measured(predictor: Predictor, prediction: Prediction) -> None:
    answer = prediction.answers[0]
    several = replace(prediction, answers=(replace(answer, further=(answer.prompt,)),))
    assert attribute(predictor, several) == Unmeasured("several_prompts")
    empty = replace(prediction, answers=(replace(answer, text="", label=None),))
    assert attribute(predictor, empty) == Unmeasured("nothing_written")
