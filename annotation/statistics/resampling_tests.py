"""The paired test and its correction.

`sign_flip`: under the null hypothesis the two systems of an item could have changed places, so that the sign of
each item's difference is a coin. Exact over all signs for few items, else random signs with the observed ones
counted in (Phipson and Smyth 2010, so that p is never 0).
`holm`: Holm (1979), valid whatever the dependence between the tests.

Bootstrap over items: seeds, draws, percentile intervals (Efron and Tibshirani 1993, chapter 13).

Ratings of one item depend on each other, so items are what is drawn, with all that was rated of them. The
interval is the percentile interval everywhere; with fewer than about ten items it is too narrow.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.statistics.values import Interval

RESAMPLES = 2000
LEVEL = 0.95


def seed_of(seed: int, *key: str) -> int:
    """A seed of its own for each table cell, so that another system or language moves no other cell."""
    return int.from_bytes(hashlib.sha256("\x1f".join((str(seed), *key)).encode()).digest()[:8], "big")


def draws(items: int, seed: int, resamples: int = RESAMPLES) -> NDArray[np.int64]:
    """How often each item is drawn in each resample: (R, I), each row sums to I."""
    return np.random.default_rng(seed).multinomial(items, np.full(items, 1 / items), size=resamples)


def percentiles(values: NDArray[Any]) -> Interval:
    """The middle 95 % of the resampled values (R,)."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


EXACT = 14  # items that differ, up to which all 2^n signs are gone through
FLIPS = 9_999
_CHUNK = 1_000


def sign_flip(differences: Sequence[float], seed: int, *, exact: int = EXACT, flips: int = FLIPS) -> float:
    """Two-sided p of the mean of paired differences (I,); the statistic is its absolute value.

    Items without a difference are the same with either sign, so they are left out of the enumeration. All
    zero gives 1. Raises ValueError without any difference.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) == 0:
        raise ValueError("a paired test needs at least one difference")
    values = values[values != 0]
    if len(values) == 0:
        return 1.0
    # Means over raters are thirds and the like: equal sums must not differ by rounding.
    threshold = abs(values.sum()) - 1e-9 * np.abs(values).sum()
    if len(values) <= exact:
        return float((np.abs(all_signs(len(values)) @ values) >= threshold).mean())
    rng, reached = np.random.default_rng(seed), 0
    for start in range(0, flips, _CHUNK):
        signs = random_signs(min(_CHUNK, flips - start), len(values), rng)
        reached += int((np.abs(signs @ values) >= threshold).sum())
    return (1 + reached) / (1 + flips)


@lru_cache(maxsize=EXACT + 1)
def all_signs(items: int) -> NDArray[np.float64]:
    """Every choice of signs: (2^I, I) of -1 and 1."""
    bits = (np.arange(2**items)[:, None] >> np.arange(items)) & 1
    return np.where(bits == 1, -1.0, 1.0)


def random_signs(rows: int, items: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(rows, I) of -1 and 1, each with probability 1/2."""
    return np.where(rng.integers(0, 2, (rows, items), dtype=np.int8) == 1, -1.0, 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order: the k-th smallest of m times (m - k + 1), never falling, at most 1."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
