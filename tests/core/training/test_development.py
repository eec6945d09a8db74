"""Measuring changes nothing, and a fallback needs a paired test that says so."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.training.development import ENOUGH_ITEMS, Measured, fallback, gain, rivals
from core.training.run import verdict


def measured(agl: np.ndarray, knn: np.ndarray, zero: np.ndarray) -> Measured:
    """A measurement with one language and an item a query."""
    correct = {"agl": agl.tolist(), "knn": knn.tolist(), "zero-shot": zero.tolist()}
    systems = {name: float(np.mean(values)) for name, values in correct.items()}
    return Measured(systems, {"eng_Latn": systems["agl"]}, [], [f"item-{i}" for i in range(len(agl))], correct)


def answers(count: int, right: int) -> np.ndarray:
    return np.arange(count) < right


def test_a_rival_that_is_ahead_by_chance_alone_changes_nothing() -> None:
    """Two answers of 120 more: the point estimate that decided before fell back, the test does not."""
    zero = answers(120, 30)
    trained = measured(answers(120, 60), answers(120, 62), zero)
    untrained = measured(answers(120, 58), answers(120, 62), zero)
    assert trained.systems["knn"] > trained.systems["agl"]
    assert fallback(rivals(untrained, trained)) == ""


def test_a_rival_that_is_clearly_better_is_fallen_back_to_and_named_with_its_test() -> None:
    zero = answers(120, 30)
    trained, untrained = (measured(answers(120, right), answers(120, 90), zero) for right in (60, 58))
    tested = rivals(untrained, trained)
    assert fallback(tested) == "knn"
    entry = {rival.name: rival.entry() for rival in tested}["knn"]
    assert (entry["difference"], entry["items"]) == (0.25, 120)
    assert 0 < entry["low"] < 0.25 < entry["high"] and entry["p_holm"] < 0.001


def test_translations_of_an_item_count_once() -> None:
    """Forty observations of four items tell as little as four: no test is made."""
    one = measured(answers(40, 10), answers(40, 40), answers(40, 10))
    few = Measured(one.systems, one.by_language, [], [f"item-{i % 4}" for i in range(40)], one.correct)
    assert ENOUGH_ITEMS > 4
    assert rivals(few, few) == [] and fallback([]) == ""


def test_the_gain_is_over_the_choice_before_training_and_needs_enough_items() -> None:
    zero = answers(120, 30)
    untrained, trained = (measured(answers(120, right), answers(120, 62), zero) for right in (58, 64))
    learnt = gain(untrained, trained)
    assert learnt is not None
    assert learnt["value"] == 0.05 and learnt["items"] == 120  # 6 of 120
    assert learnt["low"] < 0.05 < learnt["high"] and 0 < learnt["p"] < 0.1
    nothing = gain(trained, trained)
    assert nothing is not None and nothing["value"] == 0.0 and nothing["p"] == 1.0
    few = Measured(trained.systems, trained.by_language, [], [f"item-{i % 4}" for i in range(120)], trained.correct)
    assert gain(few, few) is None


def test_the_verdict_says_why_it_fell_back_or_that_it_could_not_tell() -> None:
    entry: dict[str, Any] = {
        "before": {"agl": 0.4},
        "after": {"agl": 0.5, "zero-shot": 0.3, "knn": 0.6},
        "fallback": "knn",
        "fallback_tests": [
            {"rival": "knn", "difference": 0.1, "low": 0.02, "high": 0.2, "p_holm": 0.012, "items": 100}
        ],
    }
    assert "knn is better (+10.0%, p = 0.012 over 100 items), so inference falls back to knn." in verdict(entry)
    assert "Too few development items" in verdict(entry | {"fallback": "", "fallback_tests": []})
    assert "Nothing simpler is better" in verdict(entry | {"fallback": ""})
    assert "falls back to knn" in verdict({key: value for key, value in entry.items() if key != "fallback_tests"})


def test_measuring_does_not_recentre_the_learner(make_loop: Any, tmp_path: Path) -> None:
    """The means of a measurement are its own; the learner's stayed and later steps do not depend on how often one looks."""
    loop = make_loop(tmp_path)
    loop.development.measure(loop.pool.pool, untrained=True)
    with torch.no_grad():
        for parameter in loop.learner.network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.5)
    centre = loop.learner.centre
    means = {code: mean.copy() for code, mean in centre.means.items()}
    loop.development.measure(loop.pool.pool)
    assert loop.learner.centre is centre
    assert all(np.array_equal(centre.means[code], mean) for code, mean in means.items())
