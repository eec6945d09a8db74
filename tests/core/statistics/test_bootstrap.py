"""Intervals over items against scipy's, what they do with items in several languages, and intervals over items and seeds.

Tests of `core.statistics.values`.
"""

import numpy as np
import pytest
from scipy import stats

from core.statistics.bootstrap import (
    by_item,
    intervals,
    mean_over_items,
    over_items_and_seeds,
    paired_interval,
    percentiles,
    resampled,
    seed_of,
)
from core.statistics.values import Interval, Undefined

DIFFERENCES = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], size=120, p=[0.2, 0.4, 0.4])


def test_independent_items_give_the_percentile_interval_of_scipy() -> None:
    """Both draw at random: quantiles of 10,000 means of 120 values with deviation 0.07 agree to about 0.01."""
    found = paired_interval(DIFFERENCES.tolist(), [f"{i}" for i in range(120)])
    expected = stats.bootstrap(
        (DIFFERENCES,), np.mean, n_resamples=10_000, method="percentile", random_state=np.random.default_rng(0)
    )
    assert found.value == pytest.approx(DIFFERENCES.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval), abs=0.012)


def test_an_item_seen_ten_times_is_no_more_sure_than_seen_once() -> None:
    """Ten equal copies of every item carry nothing new; taken for independent they would narrow the interval by sqrt(10)."""
    items = [f"{i}" for i in range(120)]
    once = paired_interval(DIFFERENCES.tolist(), items)
    copies = paired_interval(np.tile(DIFFERENCES, 10).tolist(), items * 10)
    apart = paired_interval(np.tile(DIFFERENCES, 10).tolist(), [f"{i}" for i in range(1200)])
    assert (copies.low, copies.high) == pytest.approx((once.low, once.high))
    assert (apart.high - apart.low) == pytest.approx((once.high - once.low) / 10**0.5, rel=0.1)


def test_every_observation_weighs_the_same() -> None:
    """One item seen three times with 1, one seen once with 0: the mean is 3/4, and draws give 0, 3/4 or 1."""
    found = paired_interval([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"])
    assert (found.value, found.low, found.high) == (0.75, 0.0, 1.0)


def test_columns_under_common_draws_have_the_intervals_they_have_alone() -> None:
    rng = np.random.default_rng(1)
    sums, counts = rng.normal(size=(40, 3)), rng.integers(1, 4, size=(40, 3))
    together = intervals(sums, counts, draws=1_500)
    for column, found in enumerate(together):
        alone = intervals(sums[:, [column]], counts[:, [column]], draws=1_500)[0]
        assert (found.value, found.low, found.high) == pytest.approx((alone.value, alone.low, alone.high))


def test_any_statistic_of_sums_can_be_resampled_and_draws_do_not_depend_on_how_many_are_held_at_once() -> None:
    totals = np.random.default_rng(4).normal(size=(30, 2))
    drawn = resampled(totals, draws=2_500, seed=3)
    assert drawn.shape == (2_500, 2)
    assert drawn.mean(0) == pytest.approx(totals.sum(0), abs=0.5)  # a sum over 30 drawn items has deviation of about 5
    assert np.array_equal(drawn, resampled(totals, draws=2_500, seed=3))


def test_undefined_resamples_are_left_out_of_an_interval() -> None:
    found = percentiles(0.5, np.array([np.nan, 0.0, 1.0, np.nan]))
    assert (found.value, found.low, found.high) == (0.5, 0.025, 0.975)


def test_a_mean_of_one_item_or_without_spread_is_not_computable_and_says_why() -> None:
    """An interval of width 0 would claim a certainty that nobody has; thirds that differ in the last bit are equal."""
    alone = mean_over_items([3.0, 4.0], ["a", "a"])
    assert isinstance(alone, Undefined) and alone.code == "few_items" and alone.facts == {"needed": 2, "seen": 1}
    equal = mean_over_items([1 / 3 + 1 / 3 + 1 / 3, 1.0], ["a", "b"])
    assert isinstance(equal, Undefined) and equal.code == "same_means"
    assert isinstance(mean_over_items([1.0, 2.0], ["a", "b"]), Interval)


def test_each_cell_of_a_table_has_its_own_seed() -> None:
    assert seed_of(0, "fluency", "swh_Latn") != seed_of(0, "fluency", "hin_Deva")
    assert seed_of(0, "ab", "c") != seed_of(0, "a", "bc")


def run_of(seeds: int, items: int, seed_sd: float, rng: np.random.Generator) -> np.ndarray:
    """Differences ``(S, I)``: an effect of the seed, one of the item, and the rest; their mean is 0."""
    return (
        seed_sd * rng.normal(size=(seeds, 1))
        + 0.3 * rng.normal(size=(1, items))
        + 0.3 * rng.normal(size=(seeds, items))
    )


def test_over_items_and_seeds_an_interval_covers_what_training_again_would_give() -> None:
    """200 experiments of 6 seeds and 40 items whose truth is 0: the interval over items alone misses far more than 5 %.

    With 6 seeds the bootstrap's own spread of seeds is short by a factor (S - 1) / S, so coverage lies somewhat below 95 %.
    """
    rng, both, alone = np.random.default_rng(0), 0, 0
    for _ in range(200):
        values = run_of(6, 40, 0.15, rng)
        found = over_items_and_seeds(values, np.ones_like(values), draws=400)
        assert isinstance(found, Interval)
        both += found.low <= 0 <= found.high
        fixed = intervals(values.mean(0)[:, None], np.ones((40, 1)), draws=400)[0]
        alone += fixed.low <= 0 <= fixed.high
    assert both >= 176  # 88 %
    assert alone <= 170  # 85 %


def test_equal_seeds_add_little_and_missing_cells_weigh_nothing() -> None:
    """Seeds that agree leave the spread of items; a seed without an item changes neither mean nor items."""
    values = np.tile(np.random.default_rng(1).normal(size=50), (4, 1))
    both = over_items_and_seeds(values, np.ones_like(values))
    alone = intervals(values[0][:, None], np.ones((50, 1)))[0]
    assert isinstance(both, Interval)
    assert (both.low, both.high) == pytest.approx((alone.low, alone.high), abs=0.02)
    counts = np.ones_like(values)
    values[3, :10], counts[3, :10] = 0.0, 0.0
    holed = over_items_and_seeds(values, counts)
    assert isinstance(holed, Interval) and holed.value == pytest.approx(values.sum() / counts.sum())


def test_one_seed_says_nothing_about_seeds() -> None:
    found = over_items_and_seeds(np.ones((1, 5)), np.ones((1, 5)))
    assert isinstance(found, Undefined) and found.code == "few_seeds"
    few = over_items_and_seeds(np.ones((3, 1)), np.ones((3, 1)))
    assert isinstance(few, Undefined) and few.code == "few_items"


def test_sums_and_counts_go_by_item_in_the_order_of_names() -> None:
    sums, counts = by_item([1.0, 2.0, 4.0], ["b", "a", "b"])
    assert (sums.tolist(), counts.tolist()) == ([2.0, 5.0], [1, 2])
