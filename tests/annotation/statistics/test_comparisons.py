"""Paired comparisons against worked examples, scipy and statsmodels; p-values are uniform under the null."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from scipy import stats
from simulated_raters import People, rating
from statsmodels.stats.multitest import multipletests

from annotation.statistics.comparisons import (
    Comparison,
    cliffs_delta,
    compare,
    compare_all,
    difference_interval,
    item_means,
    paired,
)
from annotation.statistics.values import Interval, Undefined
from core.statistics.bootstrap import DRAWS
from core.statistics.paired import holm, sign_flip_test


def sign_flip(differences: Sequence[float], seed: int, draws: int = DRAWS) -> float:
    return sign_flip_test(np.asarray(differences, dtype=float), draws, seed).p


def only(found: Sequence[Comparison]) -> Comparison:
    (one,) = found
    return one


def test_ratings_are_averaged_over_raters_before_items_are_compared() -> None:
    rows = [
        rating("i1", "agl", "r1", 5), rating("i1", "agl", "r2", 4), rating("i1", "knn", "r1", 3),
        rating("i2", "agl", "r1", 2), rating("i2", "knn", "r1", 2), rating("i2", "knn", "r2", 3),
        rating("i3", "agl", "r1", 5),
    ]  # fmt: skip
    found = only(compare_all(rows, ["fluency"]))
    # i1: 4.5 - 3 = 1.5; i2: 2 - 2.5 = -0.5; i3 has no partner.
    assert (found.first, found.second, found.items) == ("agl", "knn", 2)
    assert found.difference == pytest.approx(0.5)
    assert found.spread == pytest.approx(np.sqrt(2))  # of 1.5 and -0.5
    assert (found.wins, found.ties, found.losses, found.win_rate) == (1, 0, 1, 0.5)
    # Of the signs of (1.5, -0.5), sums are 1, 2, -2, -1: all as far from 0 as the observed 1.
    assert found.p == found.p_holm == 1.0
    # 4.5 > 3, 4.5 > 2.5, 2 < 3, 2 < 2.5
    assert found.delta == 0.0


def test_the_exact_test_is_worked_out_by_hand() -> None:
    # Five items, all better by different amounts: only all-plus and all-minus reach the observed sum.
    assert sign_flip([1, 2, 0.5, 1, 3], seed=0) == 2 / 2**5
    # Items without a difference are the same under either sign.
    assert sign_flip([1, 2, 0.5, 1, 3, 0, 0], seed=0) == 2 / 2**5
    assert sign_flip([0, 0, 0], seed=0) == 1.0


def test_equal_sums_of_thirds_count_as_reached_whatever_the_rounding() -> None:
    """0.1 + 0.2 is not 0.3 in floating point: with (1/3, 2/3, -1, 1) the signs (+, +, -, +) and (-, -, +, +) tie."""
    differences = [1 / 3, 2 / 3, -1, 1]
    sums = [
        3 * abs(sum(s * d for s, d in zip(signs, (1, 2, -3, 3), strict=True))) / 3
        for signs in product((1, -1), repeat=4)
    ]
    exact = sum(value >= 3 for value in sums) / 16
    assert sign_flip(differences, seed=0) == exact


@pytest.mark.parametrize("items", [4, 9, 12])
def test_the_exact_p_is_that_of_scipy(items: int) -> None:
    rng = np.random.default_rng(items)
    first, second = rng.integers(1, 6, (2, items)).astype(float)
    theirs = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert sign_flip(list(first - second), seed=0) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_random_signs_come_close_to_all_of_them_and_never_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = list(np.random.default_rng(3).normal(0.25, 1, 14))
    exact = sign_flip(differences, seed=0)
    monkeypatch.setattr("core.statistics.paired.EXACT_ITEMS", 0)
    assert sign_flip(differences, seed=0) == pytest.approx(exact, abs=0.015)
    assert sign_flip([1.0] * 200, seed=0) == 1 / 10_001  # (1 + 0) / (1 + 10,000)
    assert sign_flip(differences, seed=4) == sign_flip(differences, seed=4)


def test_holm_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(2)
    for tests in (1, 2, 3, 5, 9, 40):
        p_values = np.round(rng.random(tests) ** 3, 2)  # small ones, with ties
        assert holm(list(p_values)) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)
    assert holm([]) == []


def test_holm_is_worked_out_by_hand() -> None:
    # Sorted .01 .02 .03 .04 by 4 3 2 1: .04 .06 .06 (not .06 < .06) and .06, since it may not fall to .04.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


def test_cliffs_delta_is_worked_out_by_hand_and_bounded() -> None:
    assert cliffs_delta([3, 4], [1, 2]) == 1.0
    # 1 against 1, 2: tie, loss; 3 against them: win, win. (2 - 1) / 4
    assert cliffs_delta([1, 3], [1, 2]) == 0.25
    u = stats.mannwhitneyu([1, 3, 5, 2], [2, 2, 4]).statistic
    assert cliffs_delta([1, 3, 5, 2], [2, 2, 4]) == pytest.approx(2 * u / 12 - 1)
    with pytest.raises(ValueError, match="both sides"):
        cliffs_delta([], [1])


def test_the_interval_of_a_difference_is_that_of_scipys_percentile_bootstrap() -> None:
    differences = np.random.default_rng(8).normal(0.3, 0.8, 40)
    found = difference_interval(list(differences), seed=0, resamples=50_000)
    theirs = stats.bootstrap(
        (differences,), np.mean, method="percentile", n_resamples=50_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert isinstance(found, Interval)
    assert [found.low, found.high] == pytest.approx([theirs.low, theirs.high], abs=0.01)


def test_comparisons_that_cannot_be_made_say_why_and_take_no_part_in_the_correction() -> None:
    rows = People({"agl": 0.8, "knn": 0.0}, seed=4).records(12, ["r1", "r2"])
    rows += [rating("i0", "zero-shot", "r1", 3)]
    found = {(one.first, one.second): one for one in compare_all(rows, ["fluency"])}
    lone = found["agl", "zero-shot"]
    assert isinstance(lone.p_holm, Undefined)
    assert lone.p_holm.reason == "needs at least 2 items rated for both systems, there are 1"
    assert all(isinstance(value, Undefined) for value in (lone.difference, lone.interval, lone.delta, lone.win_rate))
    assert found["agl", "knn"].p_holm == found["agl", "knn"].p  # a family of one


def test_items_that_all_differ_alike_have_a_difference_but_no_interval() -> None:
    found = compare({"i1": (4, 3), "i2": (3, 2), "i3": (5, 4)}, "fluency", "sw", "agl", "knn")
    assert found.difference == 1.0
    assert isinstance(found.interval, Undefined)
    assert found.interval.code == "same_differences"


def test_translations_of_an_item_are_one_observation_over_all_languages() -> None:
    rows = People({"agl": 0.5, "knn": 0.0}, seed=1).records(10, ["r1"], languages=("sw", "fr", "hi"))
    found = compare_all(rows, ["fluency"])
    assert [(one.language, one.items) for one in found] == [(None, 10), ("fr", 10), ("hi", 10), ("sw", 10)]
    by_language = [one.difference for one in found[1:]]
    assert found[0].difference == pytest.approx(np.mean(by_language), abs=1e-6)  # complete data: the mean of means


def test_an_item_counts_in_the_languages_where_both_systems_were_rated() -> None:
    rows = [
        rating("i1", "agl", "a", 5, language="sw"), rating("i1", "knn", "a", 3, language="sw"),
        rating("i1", "agl", "b", 1, language="fr"),
    ]  # fmt: skip
    assert paired(item_means(rows), "fluency", "agl", "knn", ["fr", "sw"]) == {"i1": (5.0, 3.0)}


@pytest.mark.parametrize(("items", "raters"), [(9, 2), (40, 3)])
def test_p_values_are_uniform_under_the_null(items: int, raters: int) -> None:
    """400 studies of two systems that do not differ; raters are lenient or strict, items easy or hard.

    Ratings are whole numbers, so p-values are discrete: what must hold is that p <= level happens in no more
    than its share, and, with enough items, in no less. Bounds are four standard errors of a share of 400.
    """
    p_values = []
    for seed in range(400):
        rng = np.random.default_rng([seed, items])
        level = 3.3 + 0.7 * rng.standard_normal((1, items, 1)) + 0.5 * rng.standard_normal((1, 1, raters))
        texts = level + 0.4 * rng.standard_normal((2, items, 1)) + 0.6 * rng.standard_normal((2, items, raters))
        means = np.clip(np.rint(texts), 1, 5).mean(2)
        p_values.append(sign_flip(list(np.round(means[0] - means[1], 9)), seed, draws=999))
    for level_of_test in (0.05, 0.1, 0.25, 0.5, 0.75):
        share, bound = (
            np.mean(np.array(p_values) <= level_of_test),
            4 * np.sqrt(level_of_test * (1 - level_of_test) / 400),
        )
        assert share <= level_of_test + bound
        if items > 20:
            assert share >= level_of_test - bound


def test_pooling_the_single_ratings_would_be_wrong() -> None:
    """Why items are averaged first: one item, many raters. Mann-Whitney finds what two texts cannot show."""
    rows = [
        rating(item, system, f"r{rater}", 4 if system == "agl" else 3)
        for item in ("i1", "i2")
        for system in ("agl", "knn")
        for rater in range(10)
    ]
    naive = stats.mannwhitneyu(
        [r.value for r in rows if r.system == "agl"], [r.value for r in rows if r.system == "knn"]
    )
    assert naive.pvalue < 0.001
    assert only(compare_all(rows, ["fluency"])).p == 0.5


def test_a_planted_difference_is_found_and_others_are_not_moved_by_a_third_system() -> None:
    people = People({"agl": 0.8, "knn": 0.0}, seed=7)
    two = only(compare_all(people.records(30, ["r1", "r2", "r3"]), ["fluency"]))
    three = People({"agl": 0.8, "knn": 0.0, "zero-shot": 0.0}, seed=7)
    found = {(c.first, c.second): c for c in compare_all(three.records(30, ["r1", "r2", "r3"]), ["fluency"])}
    assert isinstance(two.p, float)
    assert two.p < 0.001
    assert (found["agl", "knn"].interval, found["agl", "knn"].p) == (two.interval, two.p)
    assert found["knn", "zero-shot"].p_holm > 0.05
