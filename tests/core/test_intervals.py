"""The paired bootstrap against scipy's, and what it does with items that come in several languages."""

import numpy as np
import pytest
from scipy import stats

from core.experiments.intervals import paired_interval

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
