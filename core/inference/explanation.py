"""Sensitivity of one answer to the order, the labels and the inputs of its demonstrations, and the make-up of its context.

All perturbed contexts of an answer are scored in one call of the shared scorer. No measure needs a gold answer. Free text is not
written anew for every context: its order sensitivity is the likelihood of the written text under each order, and it has no labels
to perturb. Shapes: K demonstrations, L labels.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.errors import InvalidConfig
from core.inference.explanation_records import (
    Change,
    How,
    LabelsAgainstInputs,
    MakeUp,
    Order,
    OrderSensitivity,
    Share,
    Unmeasured,
    Why,
)
from core.inference.perturbation import Context, orders, reinputs, relabelled
from core.inference.predictor import Predictor
from core.languages import group_of
from core.records import Answer, Distribution, Example, Prediction
from core.scoring.calibration import kl_divergence
from core.seeds import random_of
from core.training.rewards import diversity_reward


@dataclass(frozen=True)
class WhyConfig:
    """How much is measured."""

    orders: int = 24  # orders scored, the original among them; all orders of up to 4 demonstrations
    draws: int = 8  # contexts of each change of labels or inputs
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that measure nothing."""
        for name in ("orders", "draws"):
            if getattr(self, name) < 1:
                raise InvalidConfig(f"{name} is {getattr(self, name)}; it must be 1 or more.")


def explain(predictor: Predictor, prediction: Prediction, index: int = 0, config: WhyConfig | None = None) -> Why:
    """All measures of the answer at ``index``; ``predictor`` is the one that gave ``prediction``."""
    config = config or WhyConfig()
    plans = [_orders(predictor, prediction, index, config), _against(predictor, prediction, index, config)]
    order, against = _measured(predictor, prediction, index, plans)
    assert isinstance(order, OrderSensitivity | Unmeasured)
    assert isinstance(against, LabelsAgainstInputs | Unmeasured)
    return Why(order, against, make_up(predictor, prediction))


Measurement = OrderSensitivity | LabelsAgainstInputs | Unmeasured


@dataclass(frozen=True)
class _Plan:
    """Contexts to be scored, and what is made of their label distributions."""

    contexts: list[Context]
    read: Callable[[Sequence[Distribution]], Measurement]


def _measured(
    predictor: Predictor, prediction: Prediction, index: int, plans: Sequence[_Plan | Measurement]
) -> list[Measurement]:
    """The measurement of every plan, all their contexts scored together; one that needs no scores is passed on."""
    contexts = [context for plan in plans if isinstance(plan, _Plan) for context in plan.contexts]
    code, framing = prediction.answers[index].language, prediction.selection.framing
    distributions = predictor.answerer.distributions(prediction.query, contexts, code, framing) if contexts else []
    results: list[Measurement] = []
    for plan in plans:
        if isinstance(plan, _Plan):
            results.append(plan.read(distributions[: len(plan.contexts)]))
            distributions = distributions[len(plan.contexts) :]
        else:
            results.append(plan)
    return results


def _in_prompt(answer: Answer, prediction: Prediction) -> Context:
    """The demonstrations that are in the prompt, best first."""
    return tuple(entry for entry in prediction.selection.demonstrations if entry in answer.prompt.demonstrations)


def _orders(predictor: Predictor, prediction: Prediction, index: int, config: WhyConfig) -> _Plan | Measurement:
    answer = prediction.answers[index]
    demonstrations = _in_prompt(answer, prediction)
    if len(demonstrations) < 2:
        return Unmeasured("one_shown" if demonstrations else "none_shown")
    tried = orders(demonstrations, config.orders, random_of("orders", config.seed, prediction.query.text))
    every = len(tried) == math.factorial(len(demonstrations))
    if answer.label is None:
        return _likelihoods(predictor, prediction, answer, tried, every)
    label = answer.label

    def read(distributions: Sequence[Distribution]) -> OrderSensitivity:
        results = [
            Order(order, distribution.best, distribution.probabilities[label])
            for order, distribution in zip(tried, distributions, strict=True)
        ]
        return OrderSensitivity(label, tuple(results), every)

    return _Plan(tried, read)


def _likelihoods(
    predictor: Predictor, prediction: Prediction, answer: Answer, tried: Sequence[Context], every: bool
) -> OrderSensitivity | Unmeasured:
    """How likely the text that was written is under each order."""
    if not answer.text:
        return Unmeasured("nothing_written")
    writer, written = predictor.writer, predictor.writer.continuation(answer.language, answer.text)
    framing = prediction.selection.framing
    prompts = [writer.prompt(prediction.query, order, answer.language, framing).text for order in tried]
    scores = predictor.scorer.token_scores([(prompt, written) for prompt in prompts])
    results = [Order(order, None, float(np.exp(values.mean()))) for order, values in zip(tried, scores, strict=True)]
    return OrderSensitivity(answer.text, tuple(results), every)


def _against(predictor: Predictor, prediction: Prediction, index: int, config: WhyConfig) -> _Plan | Measurement:
    answer, query = prediction.answers[index], prediction.query
    if answer.label is None or answer.with_context is None:
        return Unmeasured("free_text")
    demonstrations = _in_prompt(answer, prediction)
    if not demonstrations:
        return Unmeasured("none_shown")
    labels, pool = predictor.task.labels, predictor.index.pool
    usable = pool.usable(query, prediction.pool_languages)
    drawn: dict[How, list[Context]] = {}
    for how in ("permuted", "random", "swapped"):
        drawn[how] = relabelled(demonstrations, how, labels, config.draws, config.seed, query.text)
    drawn["other_inputs"] = reinputs(demonstrations, pool, usable, False, config.draws, config.seed, query.text)
    drawn["fitting_inputs"] = reinputs(demonstrations, pool, usable, True, config.draws, config.seed, query.text)
    label, whole = answer.label, answer.with_context

    def read(distributions: Sequence[Distribution]) -> LabelsAgainstInputs:
        changes, remaining = [], list(distributions)
        for how, contexts in drawn.items():
            perturbed, remaining = remaining[: len(contexts)], remaining[len(contexts) :]
            followed = _followed(demonstrations, contexts, perturbed, label) if how == "swapped" else None
            changes.append(_change(how, whole, perturbed, label, followed))
        return LabelsAgainstInputs(label, whole.probabilities[label], tuple(changes))

    return _Plan([context for contexts in drawn.values() for context in contexts], read)


def _change(
    how: How, whole: Distribution, perturbed: Sequence[Distribution], label: str, followed: float | None
) -> Change:
    if not perturbed:
        return Change(how, 0, None, None, None)
    original = np.array(list(whole.log_probs.values()))
    shifts = [
        kl_divergence(original, np.array([other.log_probs[key] for key in whole.log_probs])) for other in perturbed
    ]
    return Change(
        how,
        len(perturbed),
        float(np.mean([other.best == label for other in perturbed])),
        float(np.mean([other.probabilities[label] for other in perturbed])),
        float(np.mean(shifts)),
        followed,
    )


def _followed(
    demonstrations: Context, contexts: Sequence[Context], perturbed: Sequence[Distribution], label: str
) -> float | None:
    """Share of swapped contexts whose answer is what the swap made of ``label``; None where no demonstration has ``label``."""
    indices = [index for index, entry in enumerate(demonstrations) if entry.example.label == label]
    if not indices or not perturbed:
        return None
    instead = [context[indices[0]].example.label for context in contexts]
    return float(np.mean([other.best == turned for other, turned in zip(perturbed, instead, strict=True)]))


def make_up(predictor: Predictor, prediction: Prediction) -> MakeUp | Unmeasured:
    """Counts of languages, families, labels and origins among the chosen demonstrations and among all usable candidates."""
    chosen = [entry.example for entry in prediction.selection.demonstrations]
    if not chosen:
        return Unmeasured("none_shown")
    pool = predictor.index.pool
    usable = pool.usable(prediction.query, prediction.pool_languages)
    others = [example for example, may in zip(pool.examples, usable, strict=True) if may]
    closed = predictor.task.is_closed
    diversity = None
    if predictor.index.sees:
        vectors = predictor.index.own([one.text for one in chosen], [one.language for one in chosen])
        diversity = float(diversity_reward(torch.from_numpy(vectors)))
    return MakeUp(
        len(chosen),
        len(others),
        _shares(chosen, others, lambda one: one.language),
        _shares(chosen, others, lambda one: group_of(one.language, "family")),
        _shares(chosen, others, lambda one: one.label) if closed else (),
        _shares(chosen, others, lambda one: one.origin),
        _entropy([one.label for one in chosen]) if closed else None,
        _entropy([one.label for one in others]) if closed else None,
        diversity,
    )


def _shares(chosen: Sequence[Example], pool: Sequence[Example], name: Callable[[Example], str]) -> tuple[Share, ...]:
    here, there = Counter(map(name, chosen)), Counter(map(name, pool))
    shares = [Share(key, here[key], there[key]) for key in here | there]
    return tuple(sorted(shares, key=lambda share: (-share.chosen, -share.pool, share.name)))


def _entropy(labels: Sequence[str]) -> float | None:
    """Of the shares of the labels, nats; None without any."""
    if not labels:
        return None
    shares = np.array(list(Counter(labels).values())) / len(labels)
    return float(-(shares * np.log(shares)).sum()) + 0.0
