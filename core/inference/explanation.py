"""Measures order, labels and inputs of one answer: every context of every question in one call of the shared scorer.

Left out: what depends on gold answers (nothing here knows any), and what would have free text written anew for every context.
For free text the order is judged by the likelihood of the text that was written; its labels cannot be shuffled, because it has none.
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

    orders: int = 24  # orders scored, the one shown among them; all orders of up to 4 demonstrations
    draws: int = 8  # contexts of each change of labels or inputs
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that measure nothing."""
        for name in ("orders", "draws"):
            if getattr(self, name) < 1:
                raise InvalidConfig(f"{name} is {getattr(self, name)}; it must be 1 or more.")


def explain(predictor: Predictor, prediction: Prediction, place: int = 0, config: WhyConfig | None = None) -> Why:
    """All measures of the answer at ``place``; ``predictor`` is the one that gave ``prediction``."""
    config = config or WhyConfig()
    plans = [_orders(predictor, prediction, place, config), _against(predictor, prediction, place, config)]
    order, against = _measured(predictor, prediction, place, plans)
    assert isinstance(order, OrderSensitivity | Unmeasured)
    assert isinstance(against, LabelsAgainstInputs | Unmeasured)
    return Why(order, against, make_up(predictor, prediction))


Found = OrderSensitivity | LabelsAgainstInputs | Unmeasured


@dataclass(frozen=True)
class _Plan:
    """Contexts to be scored, and what is made of their label distributions."""

    contexts: list[Context]
    read: Callable[[Sequence[Distribution]], Found]


def _measured(predictor: Predictor, prediction: Prediction, place: int, plans: Sequence[_Plan | Found]) -> list[Found]:
    """What the plans find, all their contexts scored together; a plan that is a finding already is passed on."""
    asked = [context for plan in plans if isinstance(plan, _Plan) for context in plan.contexts]
    code, framing = prediction.answers[place].language, prediction.selection.framing
    given = predictor.answerer.distributions(prediction.query, asked, code, framing) if asked else []
    found: list[Found] = []
    for plan in plans:
        if isinstance(plan, _Plan):
            found.append(plan.read(given[: len(plan.contexts)]))
            given = given[len(plan.contexts) :]
        else:
            found.append(plan)
    return found


def _shown(answer: Answer, prediction: Prediction) -> Context:
    """The demonstrations that the prompt had room for, best first."""
    return tuple(entry for entry in prediction.selection.demonstrations if entry in answer.prompt.demonstrations)


def _orders(predictor: Predictor, prediction: Prediction, place: int, config: WhyConfig) -> _Plan | Found:
    answer = prediction.answers[place]
    shown = _shown(answer, prediction)
    if len(shown) < 2:
        return Unmeasured("one_shown" if shown else "none_shown")
    tried = orders(shown, config.orders, random_of("orders", config.seed, prediction.query.text))
    every = len(tried) == math.factorial(len(shown))
    if answer.label is None:
        return _likelihoods(predictor, prediction, answer, tried, every)
    label = answer.label

    def read(given: Sequence[Distribution]) -> OrderSensitivity:
        found = [Order(order, seen.best, seen.probabilities[label]) for order, seen in zip(tried, given, strict=True)]
        return OrderSensitivity(label, tuple(found), every)

    return _Plan(tried, read)


def _likelihoods(
    predictor: Predictor, prediction: Prediction, answer: Answer, tried: Sequence[Context], every: bool
) -> OrderSensitivity | Unmeasured:
    """How likely the text that was written is under each order."""
    if not answer.text:
        return Unmeasured("nothing_written")
    writer, said = predictor.writer, predictor.task.template(answer.language).answer(answer.text)
    framing = prediction.selection.framing
    prompts = [writer.prompt(prediction.query, order, answer.language, framing).text for order in tried]
    scores = predictor.scorer.token_scores([(prompt, said) for prompt in prompts])
    found = [Order(order, None, float(np.exp(values.mean()))) for order, values in zip(tried, scores, strict=True)]
    return OrderSensitivity(answer.text, tuple(found), every)


def _against(predictor: Predictor, prediction: Prediction, place: int, config: WhyConfig) -> _Plan | Found:
    answer, query = prediction.answers[place], prediction.query
    if answer.label is None or answer.with_context is None:
        return Unmeasured("free_text")
    shown = _shown(answer, prediction)
    if not shown:
        return Unmeasured("none_shown")
    labels, pool = predictor.task.labels, predictor.index.pool
    usable = pool.usable(query, prediction.pool_languages)
    drawn: dict[How, list[Context]] = {}
    for how in ("permuted", "random", "swapped"):
        drawn[how] = relabelled(shown, how, labels, config.draws, config.seed, query.text)
    drawn["other_inputs"] = reinputs(shown, pool, usable, False, config.draws, config.seed, query.text)
    drawn["fitting_inputs"] = reinputs(shown, pool, usable, True, config.draws, config.seed, query.text)
    label, whole = answer.label, answer.with_context

    def read(given: Sequence[Distribution]) -> LabelsAgainstInputs:
        changes, left = [], list(given)
        for how, contexts in drawn.items():
            seen, left = left[: len(contexts)], left[len(contexts) :]
            followed = _followed(shown, contexts, seen, label) if how == "swapped" else None
            changes.append(_change(how, whole, seen, label, followed))
        return LabelsAgainstInputs(label, whole.probabilities[label], tuple(changes))

    return _Plan([context for contexts in drawn.values() for context in contexts], read)


def _change(how: How, whole: Distribution, seen: Sequence[Distribution], label: str, followed: float | None) -> Change:
    if not seen:
        return Change(how, 0, None, None, None)
    before = np.array(list(whole.log_probs.values()))
    shifts = [kl_divergence(before, np.array([other.log_probs[key] for key in whole.log_probs])) for other in seen]
    return Change(
        how,
        len(seen),
        float(np.mean([other.best == label for other in seen])),
        float(np.mean([other.probabilities[label] for other in seen])),
        float(np.mean(shifts)),
        followed,
    )


def _followed(shown: Context, contexts: Sequence[Context], seen: Sequence[Distribution], label: str) -> float | None:
    """Share of swapped contexts whose answer is what the swap made of ``label``; None where no demonstration shows ``label``."""
    places = [place for place, entry in enumerate(shown) if entry.example.label == label]
    if not places or not seen:
        return None
    instead = [context[places[0]].example.label for context in contexts]
    return float(np.mean([other.best == turned for other, turned in zip(seen, instead, strict=True)]))


def make_up(predictor: Predictor, prediction: Prediction) -> MakeUp | Unmeasured:
    """Languages, families, labels and origins of the chosen against all that could have been chosen for the query."""
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
