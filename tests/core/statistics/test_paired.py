"""Sign flips and Holm's correction against scipy, statsmodels and counting by hand."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from core.statistics.paired import holm, paired_test, sign_flip_test
from core.statistics.values import Undefined


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


@pytest.mark.parametrize("size", [1, 2, 9, 40])
def test_holm_is_that_of_statsmodels(size: int) -> None:
    p_values = np.random.default_rng(size).beta(0.4, 2, size)
    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_by_hand() -> None:
    """0.01 * 3, 0.02 * 2, 0.04 * 1 but not under the one before it; in the order given."""
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([]) == []


def test_a_paired_test_says_which_way_and_flips_the_translations_of_an_item_together() -> None:
    """Twelve items, 1 in both languages against 0: all signs equal, p = 2 / 2^12; counted as 24 items it would be 2 / 2^24."""
    items = [f"{i}" for i in range(12)] * 2
    found = paired_test([1.0] * 24, [0.0] * 24, items)
    assert not isinstance(found, Undefined)
    assert (found.p, found.items, found.exact) == (2 / 2**12, 12, True)
    assert found.better and not found.worse
    assert paired_test([0.0] * 24, [1.0] * 24, items).worse  # type: ignore[union-attr]


def test_three_points_on_too_few_items_are_no_verdict() -> None:
    """A policy 3 points better by luck of the draw is neither better nor worse: a point estimate would have decided."""
    rng = np.random.default_rng(0)
    first, second = (rng.random(100) < 0.6), (rng.random(100) < 0.6)
    found = paired_test(first.astype(float), second.astype(float), [f"{i}" for i in range(100)])
    assert not isinstance(found, Undefined)
    assert found.difference.value != 0 and not found.better and not found.worse


def test_one_item_is_not_computable_and_says_why() -> None:
    found = paired_test([1.0, 1.0], [0.0, 0.0], ["a", "a"])
    assert isinstance(found, Undefined)
    assert (found.code, str(found)) == ("few_items", "not computable: needs at least 2 items, there are 1")
