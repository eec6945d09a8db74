"""Boundaries against published ones and against integrals of the multivariate normal distribution by scipy."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from core.statistics.sequential import NEAR, boundaries, inflation, last_level, levels, reached, spent

# Lan-DeMets boundaries of O'Brien-Fleming type, two-sided .05, equally spaced looks, as printed by the program of Reboussin, DeMets,
# Kim and Lan (2000, Controlled Clinical Trials 21:190-207).
PUBLISHED = {
    2: (2.9626, 1.9686),
    3: (3.7103, 2.5114, 1.9930),
    4: (4.3326, 2.9631, 2.3590, 2.0141),
    5: (4.8769, 3.3569, 2.6803, 2.2898, 2.0310),
}


def equal(looks: int) -> tuple[float, ...]:
    return tuple(number / looks for number in range(1, looks + 1))


@pytest.mark.parametrize("looks", PUBLISHED)
def test_boundaries_are_the_published_ones(looks: int) -> None:
    assert boundaries(0.05, equal(looks)) == pytest.approx(PUBLISHED[looks], abs=1.5e-4)


@pytest.mark.parametrize(
    ("alpha", "fractions"), [(0.05, (0.25, 0.5, 0.75, 1.0)), (0.0167, (0.1, 0.35, 1.0)), (0.2, (0.5, 0.9))]
)
def test_what_is_spent_is_the_probability_to_cross_by_then(alpha: float, fractions: tuple[float, ...]) -> None:
    bounds = np.asarray(boundaries(alpha, fractions))
    covariance = np.sqrt(np.minimum.outer(fractions, fractions) / np.maximum.outer(fractions, fractions))
    assert 2 * norm.sf(bounds[0]) == pytest.approx(spent(alpha, fractions[0]), rel=1e-4)
    for number in range(2, len(fractions) + 1):
        inside = multivariate_normal(np.zeros(number), covariance[:number, :number]).cdf(
            bounds[:number], lower_limit=-bounds[:number]
        )
        assert 1 - inside == pytest.approx(spent(alpha, fractions[number - 1]), abs=2e-5)


@pytest.mark.parametrize("drift", [0.0, 1.0, 2.8, 4.0])
def test_the_power_against_a_drift_is_the_integral_of_the_multivariate_normal(drift: float) -> None:
    fractions = (0.25, 0.5, 0.75, 1.0)
    bounds, roots = np.asarray(boundaries(0.05, fractions)), np.sqrt(fractions)
    covariance = np.minimum.outer(roots, roots) / np.maximum.outer(roots, roots)
    inside = multivariate_normal(drift * roots, covariance).cdf(bounds, lower_limit=-bounds)
    assert reached(0.05, fractions, drift) == pytest.approx(1 - inside, abs=3e-5)


def test_looks_ask_for_a_few_per_cent_more_information() -> None:
    """By the integral alone: at the drift of the inflated information the power is .8, as it is at 2.8016 without looks."""
    fractions = (0.25, 0.5, 0.75, 1.0)
    ratio = inflation(0.05, fractions, 0.8)
    drift = float(norm.ppf(0.975) + norm.ppf(0.8)) * math.sqrt(ratio)
    bounds, roots = np.asarray(boundaries(0.05, fractions)), np.sqrt(fractions)
    covariance = np.minimum.outer(roots, roots) / np.maximum.outer(roots, roots)
    assert 1 - multivariate_normal(drift * roots, covariance).cdf(bounds, lower_limit=-bounds) == pytest.approx(
        0.8, abs=1e-4
    )
    assert 1.01 < ratio < 1.03 and inflation(0.05, (1.0,), 0.8) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("fractions", "end"), [((0.25, 0.5), 0.62), ((0.5,), 0.95), ((0.2, 0.4, 0.6), 0.61), ((0.25, 0.5, 0.75), 1.0)]
)
def test_a_last_look_of_a_study_that_ends_early_spends_what_is_left(fractions: tuple[float, ...], end: float) -> None:
    """By scipy's integral of the multivariate normal: earlier looks at their own boundaries, all of the level by the end."""
    last = float(norm.isf(last_level(0.05, fractions, end) / 2))
    bounds, times = np.asarray([*boundaries(0.05, fractions), last]), np.asarray([*fractions, end])
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    inside = multivariate_normal(np.zeros(len(times)), correlation).cdf(bounds, lower_limit=-bounds)
    assert 1 - inside == pytest.approx(0.05, abs=3e-5)
    assert last < bounds[-2]


def test_a_last_look_without_new_ratings_is_one_with_the_look_before() -> None:
    """Looks at .25 and .5 and the end at .5 are looks at .25 and, with all of the level, at .5; without any look it is z = 1.96."""
    together = last_level(0.05, (0.25, 0.5), 0.5)
    assert together == last_level(0.05, (0.25,), 0.5) > levels(0.05, (0.25, 0.5))[1]
    assert last_level(0.05, (0.25, 0.5), 0.5 + NEAR / 2) == pytest.approx(together, rel=1e-3)
    assert last_level(0.05, (0.25, 0.5), 0.3) == together  # a rater was removed since
    assert last_level(0.05, (), 0.3) == pytest.approx(0.05)
    assert last_level(0.05, (0.25, 0.5, 0.75), 1.0) == pytest.approx(levels(0.05, equal(4))[-1])


def test_one_look_at_the_end_is_the_ordinary_test() -> None:
    assert levels(0.05, [1.0]) == pytest.approx([0.05], abs=1e-8)
    assert spent(0.05, 1.0) == pytest.approx(0.05)


def test_a_higher_level_is_more_lenient_at_every_look() -> None:
    """Holm's steps over looks need that: what is decided at one level is decided at any higher one."""
    for fractions in (equal(4), (0.25, 0.75, 1.0), (0.5, 1.0)):
        tables = [levels(0.05 / tests, fractions) for tests in (1, 2, 3, 6, 10, 28)]
        for lenient, strict in pairwise(tables):
            assert all(one > other for one, other in zip(lenient, strict, strict=True))
        ends = [last_level(0.05 / tests, fractions, 0.9) for tests in (1, 2, 3, 6, 10, 28)]
        assert ends == sorted(ends, reverse=True)


def test_early_looks_ask_for_more_and_all_together_for_little_more_at_the_end() -> None:
    four = levels(0.05, equal(4))
    assert list(four) == sorted(four) and four[-1] == pytest.approx(0.044, abs=5e-4)
    assert math.isclose(four[0], spent(0.05, 0.25), rel_tol=1e-4)


@pytest.mark.parametrize("fractions", [(), (0.5, 0.5), (0.9, 0.4)])
def test_looks_that_do_not_go_forward_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="increasing fractions"):
        boundaries(0.05, fractions)
    with pytest.raises(ValueError, match="between 0 and 1"):
        spent(0.05, 1.1)
