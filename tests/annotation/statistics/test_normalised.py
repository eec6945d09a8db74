"""Rater-normalised scores, the mixed model and the power of a plan.

Tests of `annotation.statistics.mixed`.
"""

import numpy as np
import pytest
from scipy import stats
from simulated_raters import People, rating

from annotation.statistics.mixed import LARGEST, MixedModel, mixed_model
from annotation.statistics.normalised import ranking, rankings, rater_z
from annotation.statistics.power import items_needed, power_of
from annotation.statistics.simulated import Plan
from annotation.statistics.values import Undefined


def test_z_is_worked_out_by_hand_and_raters_without_spread_are_named() -> None:
    rows = [
        rating("i1", "agl", "strict", 1), rating("i2", "agl", "strict", 2), rating("i3", "agl", "strict", 3),
        rating("i1", "agl", "flat", 4), rating("i2", "agl", "flat", 4),
        rating("i1", "agl", "once", 5),
    ]  # fmt: skip
    scores, left_out = rater_z(rows)
    assert scores == pytest.approx({0: -1.0, 1: 0.0, 2: 1.0})  # mean 2, standard deviation 1
    assert left_out["flat"].reason == "the rater gave the same value every time"
    assert left_out["once"].reason == "needs at least 2 ratings of the rater, there are 1"


def test_normalising_undoes_that_a_lenient_rater_saw_one_system_more_often() -> None:
    """The strict rater saw mostly agl, the lenient one mostly knn; each liked agl better."""
    rows = [rating(f"i{n}", "agl", "strict", 3) for n in range(6)] + [
        rating(f"i{n}", "knn", "strict", 1) for n in range(2)
    ]
    rows += [rating(f"i{n}", "knn", "lenient", 4) for n in range(2, 8)] + [
        rating(f"i{n}", "agl", "lenient", 5) for n in (6, 7)
    ]
    rows += [rating("i0", "knn", "lenient", 4), rating("i1", "knn", "lenient", 5)]
    found = ranking(rows)
    z = {rank.system: rank.z for rank in found.ranks}
    assert z["agl"] > z["knn"] + 1  # type: ignore[operator]
    assert abs(found.ranks[0].raw - found.ranks[1].raw) < 0.3


def test_rankings_say_how_stable_they_are() -> None:
    clear = rankings(People({"agl": 1.2, "knn": 0.0}, seed=1).records(30, ["r1", "r2"]), ["fluency"])[0]
    close = rankings(People({"agl": 0.0, "knn": 0.0}, seed=1).records(30, ["r1", "r2"]), ["fluency"])[0]
    assert [rank.system for rank in clear.ranks] == ["agl", "knn"]
    assert clear.same_order is True
    assert clear.stable_raw == clear.stable_z == 1.0
    assert isinstance(close.stable_raw, float)
    assert 0.3 < close.stable_raw < 0.999


def test_a_ranking_without_a_normalisable_rater_says_so() -> None:
    found = ranking([rating("i1", "agl", "r1", 3), rating("i1", "knn", "r2", 4)])
    assert [rank.raw_rank for rank in found.ranks] == [1, 2]
    assert all(isinstance(rank.z, Undefined) for rank in found.ranks)
    assert isinstance(found.same_order, Undefined)
    assert set(found.without_z) == {"r1", "r2"}


def test_a_balanced_mixed_model_has_the_effect_and_the_error_of_the_paired_t_test() -> None:
    """With everybody rating everything, REML's fixed effect is the mean paired difference, and its standard error
    that of the paired t-test on item means (balanced two-way layout).
    """
    rows = People({"agl": 0.5, "knn": 0.0}, seed=5).records(24, ["r1", "r2", "r3"])
    found = mixed_model(rows, "fluency", "sw", reference="knn")
    assert isinstance(found, MixedModel)
    values = np.array([row.value for row in rows], dtype=float).reshape(24, 2, 3).mean(2)  # (items, systems)
    differences = values[:, 0] - values[:, 1]
    (effect,) = found.effects
    assert effect.system == "agl"
    assert effect.estimate == pytest.approx(differences.mean(), abs=1e-6)
    error = (effect.interval.high - effect.interval.low) / 2 / 1.959964
    assert error == pytest.approx(stats.sem(differences), rel=0.02)
    assert effect.p == pytest.approx(2 * stats.norm.sf(effect.estimate / error), rel=1e-6)


def test_a_mixed_model_finds_the_planted_spreads() -> None:
    people = People({"agl": 0.4, "knn": 0.0}, seed=3, text_sd=0.0)
    rows = [
        r for r in people.records(40, [f"r{n}" for n in range(8)]) if (int(r.item_key[1:]) + int(r.rater[1:])) % 3 == 0
    ]
    found = mixed_model(rows, "fluency", "sw")
    assert isinstance(found, MixedModel)
    assert found.rater_sd == pytest.approx(0.5, abs=0.3)
    assert found.item_sd == pytest.approx(0.7, abs=0.25)
    assert found.residual_sd == pytest.approx(np.hypot(0.6, np.sqrt(1 / 12)), abs=0.1)  # noise and rounding


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "no_ratings"),
        ([rating("i1", "agl", "r1", 3)], "few_systems"),
        ([rating("i1", "agl", "r1", 3), rating("i1", "knn", "r1", 4)], "few_raters"),
        ([rating("i1", "agl", "r1", 3), rating("i1", "knn", "r2", 4)], "few_items"),
        ([rating(f"i{n}", s, f"r{n}", 3) for n in range(3) for s in ("agl", "knn")], "same_means"),
        ([rating(f"i{n}", s, f"r{n % 2}", 1 + n % 5) for n in range(LARGEST) for s in ("agl", "knn")], "too_large"),
    ],
)
def test_a_mixed_model_that_cannot_be_fitted_says_why(rows: list, code: str) -> None:
    found = mixed_model(rows, "fluency", "sw")
    assert isinstance(found, Undefined)
    assert found.code == code
    assert found.reason


def test_power_is_the_level_without_a_difference_and_grows_with_items_and_difference() -> None:
    none = power_of(Plan(30, 2, difference=0.0), studies=1000)
    assert 0.02 < none.power < 0.06  # equal sums of whole ratings make the test keep a little below its level
    assert none.interval.low < none.power < none.interval.high
    assert isinstance(none.items_needed, Undefined)
    small, large = power_of(Plan(30, 2)), power_of(Plan(90, 2))
    wide = power_of(Plan(30, 2, difference=0.6))
    assert small.power + 0.2 < large.power
    assert small.power + 0.2 < wide.power
    assert isinstance(small.detectable, float)
    assert isinstance(large.detectable, float)
    assert large.detectable < small.detectable


def test_the_detectable_difference_is_found_with_the_power_asked_for() -> None:
    found = power_of(Plan(40, 3, tests=9), studies=800, seed=1)
    assert isinstance(found.detectable, float)
    again = power_of(Plan(40, 3, tests=9, difference=found.detectable), studies=800, seed=2)
    assert again.power == pytest.approx(0.8, abs=0.05)


def test_the_items_said_to_be_needed_give_the_power_asked_for() -> None:
    asked = power_of(Plan(20, 3, tests=6), studies=800)
    assert isinstance(asked.items_needed, int)
    assert power_of(Plan(asked.items_needed, 3, tests=6), studies=800).power == pytest.approx(0.8, abs=0.07)


def test_items_needed_is_worked_out_by_hand_and_respects_the_exact_test() -> None:
    # (1.95996 + 0.84162)^2 x (1 / 0.5)^2 = 7.8489 x 4 = 31.4
    assert items_needed(1.0, 0.5) == 34
    # So large a difference needs 0.08 items by the formula, but five flips give p = 2 / 32 at best, six 1 / 32.
    assert items_needed(0.1, 1.0) == 6


def test_too_few_items_for_the_correction_detect_nothing() -> None:
    found = power_of(Plan(5, 3, tests=1), studies=100)
    assert found.power == 0
    assert isinstance(found.detectable, Undefined)


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 items"):
        Plan(1, 3)
    with pytest.raises(ValueError, match="0 or more"):
        Plan(10, 3, noise_sd=-1)
