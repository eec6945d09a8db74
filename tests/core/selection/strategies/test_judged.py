"""Strategies that consult the model: what they measure, recomputed by a scorer of its own, and what they then take.

Tests of `core.seeds`.
"""

import numpy as np
import pytest
import torch
from scipy import special, stats

from core.inference.predictor import Predictor, Question
from core.records import Demonstration, Example, Query
from core.scoring import Request, Scorer
from core.seeds import random_of
from core.selection.strategies import STRATEGIES
from core.selection.strategies.judged import MinimumDescriptionLength
from core.workbench import Workbench

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")


@pytest.fixture(scope="module")
def asked(bench: Workbench) -> Predictor:
    return bench.predictor("topic")


def entropy_of(asked: Predictor, context: list[Example]) -> float:
    shown = [Demonstration(example, None, None) for example in context]
    prompt = asked.writer.prompt(QUERY, shown, "eng_Latn").text
    (scores,) = Scorer(asked.model, method="padded").score([Request(prompt, asked.writer.words("eng_Latn"))])
    return float(stats.entropy(special.softmax(scores)))


def test_mdl_takes_the_context_with_the_smallest_entropy(asked: Predictor) -> None:
    """The candidate contexts are drawn again here as the docstring says: the nearest K, then samples of the nearest."""
    found = asked.select(Question(QUERY, "mdl", 3, seed=4)).demonstrations
    near = [entry.example for entry in asked.select(Question(QUERY, "knn", 10)).demonstrations]
    source = random_of("mdl", 4, QUERY.language, QUERY.text)
    contexts = [near[:3], *([near[i] for i in places] for places in (source.sample(range(10), 3) for _ in range(9)))]
    entropies = [entropy_of(asked, context) for context in contexts]
    best = int(np.argmin(entropies))
    assert [entry.example for entry in found] == contexts[best]
    assert [entry.score for entry in found] == pytest.approx([-entropies[best]] * 3, abs=1e-4)
    assert max(entropies) - min(entropies) > 1e-3  # the toy model is surer under some


def test_mdl_with_one_context_is_nearest_neighbours(asked: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MinimumDescriptionLength, "contexts", 1)
    found = asked.select(Question(QUERY, "mdl", 4)).demonstrations
    near = asked.select(Question(QUERY, "knn", 4)).demonstrations
    assert [entry.example for entry in found] == [entry.example for entry in near]


def test_likelihood_ranks_by_the_mean_log_probability_of_the_querys_tokens(asked: Predictor) -> None:
    """One pass of the bare network a demonstration: log-softmax, gathered over the bytes of " The nurse won ..."."""
    found = asked.select(Question(QUERY, "likelihood", 10)).demonstrations
    assert len(found) == 10
    scores = []
    for entry in found:
        word = asked.task.verbaliser("eng_Latn").words[entry.example.label]
        context = f"Name the topic of the last sentence.\n\nSentence: {entry.example.text}\nTopic: {word}\n\nSentence:"
        ids = [*asked.model.start, *asked.model.encode([context + " " + QUERY.text])[0]]
        first = len(asked.model.start) + len(context.encode())  # one token a byte
        with torch.inference_mode():
            logs = asked.model.network(torch.tensor([ids])).logits[0].log_softmax(-1)
        scores.append(float(np.mean([float(logs[place - 1, ids[place]]) for place in range(first, len(ids))])))
    assert [entry.score for entry in found] == pytest.approx(scores, abs=1e-4)
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 1e-3


def test_likelihood_weighs_the_nearest_alone(asked: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STRATEGIES["likelihood"], "nearest", 4, raising=True)
    found = {entry.example for entry in asked.select(Question(QUERY, "likelihood", 4)).demonstrations}
    assert found == {entry.example for entry in asked.select(Question(QUERY, "knn", 4)).demonstrations}


def test_likelihoods_of_many_queries_are_asked_at_once_and_are_those_of_one(
    asked: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ("The nurse won a race.", "The market opened late.", "A comet passed over the village.")
    questions = [Question(Query(text, "eng_Latn"), "likelihood", 3) for text in texts]
    asked.scorer.forget()
    lone = [[(e.example.id, e.score) for e in asked.select(question).demonstrations] for question in questions]
    asked.scorer.forget()
    asked.prepare(questions)
    monkeypatch.setattr(asked.scorer, "token_scores", lambda _: pytest.fail("the model is asked again"))
    for question, expected in zip(questions, lone, strict=True):
        found = asked.select(question).demonstrations
        assert [entry.example.id for entry in found] == [identity for identity, _ in expected]
        assert [entry.score for entry in found] == pytest.approx([score for _, score in expected], abs=1e-4)


def test_nothing_is_weighed_where_nothing_is_shown(asked: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation with K = 0 among its numbers asked the model for likelihoods that no choice then looked at."""
    monkeypatch.setattr(asked.scorer, "token_scores", lambda _: pytest.fail("the model is asked"))
    asked.scorer.forget()
    asked.prepare([Question(QUERY, "likelihood", 0)])
    assert asked.select(Question(QUERY, "likelihood", 0)).demonstrations == ()


def test_balanced_neighbours_are_the_nearest_of_each_label_in_turn(asked: Predictor) -> None:
    """All ten items by nearness, cut into queues of labels here by sorting on (round, place)."""
    near = [entry.example for entry in asked.select(Question(QUERY, "knn", 10)).demonstrations]
    first = {label: place for place, label in reversed(list(enumerate(e.label for e in near)))}
    turn = [sum(other.label == e.label for other in near[:place]) for place, e in enumerate(near)]
    order = sorted(range(10), key=lambda place: (turn[place], first[near[place].label]))
    for count in (2, 7, 10):
        found = [entry.example for entry in asked.select(Question(QUERY, "balanced-knn", count)).demonstrations]
        assert found == [near[place] for place in order[:count]]
    assert len({near[place].label for place in order[:7]}) == 7
