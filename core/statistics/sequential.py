"""Boundaries of a test that is looked at several times: alpha spending by Lan and DeMets (1983), two-sided.

The level is spent over the looks by the O'Brien-Fleming-type function of Lan and DeMets (Biometrika 70:659-663), half of it on each side.
The boundary of every look follows from the joint normal distribution of the statistics, with correlation sqrt(t_j / t_l) between looks
at fractions t_j < t_l of the information, by recursive numerical integration (Armitage, McPherson and Rowe 1969; Jennison and Turnbull
2000, chapter 19). Looks need neither be equally spaced nor all planned beforehand.

Where a study ends before all of its information is there (under-running), its last look spends all that is left of the level, with the
correlations of the information that there is (Jennison and Turnbull 2000, chapter 7; as rpact does, getObservedInformationRates,
https://vignettes.rpact.org/html/rpact_boundary_update_example.html). That it ended early must not depend on what was found.

What it rests on: statistics that are normal, at least at the boundary, and increments of information that are independent. Where the
statistics are correlated more closely than by sqrt(t_j / t_l), the boundary errs to the safe side.

`reached` and `inflation` are what a plan needs: the power against a drift, and how much more information looks cost.

Shapes: N nodes of the integration.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

NODES = 256  # of Gauss and Legendre over one look's region of continuation; boundaries then keep 6 decimals
NEAR = 0.005  # share of the information; a last look that follows by less takes the place of the one before
FAR = 12.0  # standard deviations beyond which nothing is left to spend


def spent(alpha: float, fraction: float) -> float:
    """The two-sided level that may be spent up to a fraction of the information, in (0, 1]: 2 (2 - 2 Phi(z(alpha / 4) / sqrt(t))).

    At 1 it is alpha. Each side is the one-sided function of Lan and DeMets at alpha / 2.
    """
    if not (0 < alpha < 1 and 0 < fraction <= 1):
        raise ValueError(f"a level and a fraction lie between 0 and 1; seen {alpha} and {fraction}")
    from scipy.special import ndtr, ndtri  # in functions, because a start of the app waits for what is imported here

    return float(4 * ndtr(ndtri(alpha / 4) / math.sqrt(fraction)))


@lru_cache(maxsize=512)
def boundaries(alpha: float, fractions: tuple[float, ...], ended: bool = False) -> tuple[float, ...]:
    """The absolute value that a standard normal statistic has to reach at each look, for looks at increasing fractions.

    `ended`: no look follows, so that the last one spends all of `alpha` wherever it stands.
    """
    if not fractions or list(fractions) != sorted(set(fractions)):
        raise ValueError(f"looks need increasing fractions; seen {fractions}")
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    bounds: list[float] = []
    points, mass = np.zeros(1), np.ones(1)  # of the sum before the first look
    before, used = 0.0, 0.0
    for fraction in fractions:
        step, spread, level = math.sqrt(fraction - before), math.sqrt(fraction), spent(alpha, fraction)
        level = alpha if ended and fraction == fractions[-1] else level
        edge = _edge(points, mass, step, level - used, spread)
        grid = edge * nodes  # (N,)
        density = _normal((grid[:, None] - points[None, :]) / step) @ mass / step  # (N,)
        points, mass = grid, density * edge * weights
        before, used = fraction, level
        bounds.append(edge / spread)
    return tuple(bounds)


def levels(alpha: float, fractions: Sequence[float]) -> tuple[float, ...]:
    """The two-sided p-value that has to be reached at each look."""
    from scipy.special import ndtr

    return tuple(float(2 * ndtr(-one)) for one in boundaries(alpha, tuple(fractions)))


def last_level(alpha: float, fractions: Sequence[float], now: float) -> float:
    """The two-sided p-value to be reached at a last look, taken because the study ends `now`, after looks at `fractions`.

    `now` is a fraction of the planned information. Where next to nothing came since the look before, both are one look: a second
    one of the same data spends what the first one did not.
    """
    from scipy.special import ndtr

    end = min(1.0, max(now, *fractions, NEAR))
    before = tuple(one for one in fractions if end - one >= NEAR)
    return float(2 * ndtr(-boundaries(alpha, (*before, end), ended=True)[-1]))


def reached(alpha: float, fractions: Sequence[float], drift: float) -> float:
    """The probability that the statistic reaches its boundary at one of the looks, on either side.

    `drift` is its mean at all of the information, so that at a fraction t its mean is drift x sqrt(t); 0 gives what was spent.
    """
    from scipy.special import ndtr

    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    points, mass = np.zeros(1), np.ones(1)
    before, crossed = 0.0, 0.0
    for fraction, bound in zip(fractions, boundaries(alpha, tuple(fractions)), strict=True):
        step, edge = math.sqrt(fraction - before), bound * math.sqrt(fraction)
        moved = points + drift * (
            fraction - before
        )  # the mean of the sum at this look, from each point of the last one
        crossed += float(np.sum(mass * (ndtr((moved - edge) / step) + ndtr((-edge - moved) / step))))
        grid = edge * nodes  # (N,)
        density = _normal((grid[:, None] - moved[None, :]) / step) @ mass / step  # (N,)
        points, mass, before = grid, density * edge * weights, fraction
    return crossed


@lru_cache(maxsize=64)
def inflation(alpha: float, fractions: tuple[float, ...], power: float) -> float:
    """How much more information, at most, looks ask for than one test at the end does for the same power: the ratio, at least 1.

    The square of the ratio of the two drifts (Jennison and Turnbull 2000, section 2.2, the ratio R).
    """
    with_looks, alone = (_drift(alpha, one, power) for one in (fractions, (1.0,)))
    return (with_looks / alone) ** 2


def _drift(alpha: float, fractions: tuple[float, ...], power: float) -> float:
    """The drift that is found with this power, to 1e-5."""
    from scipy.optimize import brentq

    return float(brentq(lambda drift: reached(alpha, fractions, drift) - power, 0.0, FAR, xtol=1e-5))


def _edge(points: NDArray[np.float64], mass: NDArray[np.float64], step: float, level: float, spread: float) -> float:
    """The sum beyond which `level` is left, by bisection to 1e-9."""
    low, high = 0.0, FAR * spread
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _beyond(middle, points, mass, step) > level else (low, middle)
    return (low + high) / 2


def _beyond(edge: float, points: NDArray[np.float64], mass: NDArray[np.float64], step: float) -> float:
    """P(|sum| >= edge) at this look for those who went on from `points` with `mass`, both (N,)."""
    from scipy.special import ndtr

    return float(np.sum(mass * (ndtr((points - edge) / step) + ndtr((-edge - points) / step))))


def _normal(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(-z * z / 2) / math.sqrt(2 * math.pi))
