"""The paired bootstrap and the sign-flip test against scipy's, and what they do with items that come in several languages."""

import numpy as np
import pytest
from scipy import stats

from core.statistics.paired import intervals, paired_interval, sign_flip_test

DIFFERENCES = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], size=120, p=[0.2, 0.4, 0.4])


def test_independent_items_give_the_percentile_interval_of_scipy() -> None:
    """Both draw at random: quantiles of 10,000 means of 120 values with deviation 0.07 agree to about 0.01."""
    found = paired_interval(DIFFERENCES.tolist(), [f"{i}" for i in range(120)])
    expected = stats.bootstrap(
        (DIFFERENCES,), np.mean, n_resamples=10_000, method="percentile", random_state=np.random.default_rng(0)
    )
    assert found.mean == pytest.approx(DIFFERENCES.mean())
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
    assert (found.mean, found.low, found.high) == (0.75, 0.0, 1.0)


def test_columns_under_common_draws_have_the_intervals_they_have_alone() -> None:
    rng = np.random.default_rng(1)
    sums, counts = rng.normal(size=(40, 3)), rng.integers(1, 4, size=(40, 3))
    together = intervals(sums, counts, draws=1_500)
    for column, found in enumerate(together):
        alone = intervals(sums[:, [column]], counts[:, [column]], draws=1_500)[0]
        assert (found.mean, found.low, found.high) == pytest.approx((alone.mean, alone.low, alone.high))


@pytest.mark.parametrize("size", [4, 11])
def test_the_exact_sign_flip_is_that_of_scipy(size: int) -> None:
    """scipy counts the 2^n assignments of a one-sample test of symmetry, two-sided as twice the smaller tail: equal by symmetry."""
    values = np.random.default_rng(size).normal(0.4, 1, size)
    found = sign_flip_test(values)
    expected = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert found.exact
    assert found.p == pytest.approx(expected.pvalue)


def test_three_items_that_agree_give_two_of_eight_assignments() -> None:
    """All signs equal: the sum is as far out only under +++ and ---. Items without a difference tell nothing."""
    found = sign_flip_test(np.array([1.0, 1.0, 2.0, 0.0, 0.0]))
    assert (found.p, found.items, found.exact) == (0.25, 3, True)
    assert sign_flip_test(np.zeros(5)).p == 1.0


def test_drawn_assignments_come_close_to_scipys_and_are_never_zero() -> None:
    """Both draw 10,000: the deviation of a share near 0.05 is 0.002 each."""
    values = np.random.default_rng(7).normal(0.35, 1, 30)
    found = sign_flip_test(values)
    expected = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=9_999, rng=np.random.default_rng(0)
    )
    assert not found.exact
    assert found.p == pytest.approx(expected.pvalue, abs=0.012)
    assert sign_flip_test(np.ones(100), draws=999).p == 0.001


def test_p_values_are_uniform_where_there_is_no_difference() -> None:
    """300 experiments of 25 items, each in 1 to 4 languages with answers that depend on the item: p must be flat.

    Kolmogorov's distance of 300 uniform values is over 0.094 once in a hundred; taking translations for independent items, the test would
    call 5 % for far more than 5 %.
    """
    rng = np.random.default_rng(11)
    found = []
    for _ in range(300):
        sums = np.array([rng.integers(1, 5) * rng.normal() for _ in range(25)])
        found.append(sign_flip_test(sums, draws=399, seed=int(rng.integers(1 << 30))).p)
    assert stats.kstest(found, "uniform").statistic < 0.094
    assert np.mean(np.array(found) <= 0.05) < 0.09
