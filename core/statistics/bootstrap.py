"""Percentile bootstrap (Efron and Tibshirani 1993, section 13.3): items are drawn, with all that was observed of them.

The item is the unit: its translations, its raters and runs with other seeds stay together, so dependent observations never count as
independent ones. All draws are seeded. With fewer than about ten items percentile intervals are too narrow.

Shapes: I items, P columns (a system, a pair of systems or a term of a statistic each), S seeds, D draws.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.statistics.values import Interval, Undefined, few_items, few_seeds, same_values

DRAWS = 10_000  # of every bootstrap and of every sign-flip test that is too large to be exact
QUANTILES = (0.025, 0.975)
_AT_ONCE = 1_000  # draws held in memory together
_MOST_REMEMBERED = 8_000_000  # counts of two bytes
Floats = NDArray[np.float64]


def seed_of(seed: int, *key: str) -> int:
    """A seed of its own for each cell of a table, so that another system or language moves no other cell."""
    return int.from_bytes(hashlib.sha256("\x1f".join((str(seed), *key)).encode()).digest()[:8], "big")


def by_item(values: Sequence[float] | NDArray[np.floating], items: Sequence[str]) -> tuple[Floats, NDArray[np.intp]]:
    """Sums ``(I,)`` and counts ``(I,)`` of ``values`` by item, items in the order of their names."""
    names, indexes = np.unique(np.asarray(items, dtype=str), return_inverse=True)
    sums: Floats = np.bincount(indexes, np.asarray(values, dtype=float), len(names)).astype(float)
    return sums, np.bincount(indexes, minlength=len(names))


def resampled(totals: NDArray[np.floating], draws: int = DRAWS, seed: int = 0) -> Floats:
    """Totals over I items drawn with replacement: ``(D, P)`` from ``totals`` ``(I, P)``, one row an item.

    For any statistic that is a function of sums over items: a mean (sum and count), kappa or alpha (coincidences), ranks of means.
    """
    return np.concatenate([weights @ totals for weights in _weights(len(totals), draws, seed)])


def _weights(items: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each item is drawn, ``(at most _AT_ONCE, I)`` at a time; rows sum to I."""
    drawn = _remembered(items, draws, seed) if items * draws <= _MOST_REMEMBERED else _drawn(items, draws, seed)
    for part in drawn:
        yield part.astype(float)


def _drawn(items: int, draws: int, seed: int) -> Iterator[NDArray[np.uint16]]:
    rng = np.random.default_rng(seed)
    for start in range(0, draws, _AT_ONCE):
        size = min(_AT_ONCE, draws - start)
        counts = rng.multinomial(items, np.full(items, 1 / items), size=size)
        yield counts.astype(np.uint16)  # an item is drawn 65,535 times in no sample that fits in memory


@lru_cache(maxsize=6)
def _remembered(items: int, draws: int, seed: int) -> tuple[NDArray[np.uint16], ...]:
    """The same draws, kept: systems of one evaluation share their items, and drawing costs more than all sums."""
    return tuple(_drawn(items, draws, seed))


def percentiles(value: float, drawn: NDArray[np.floating]) -> Interval:
    """``value`` with the middle 95 % of its resamples ``(D,)``; resamples that are NaN (undefined) are left out."""
    low, high = np.nanquantile(drawn, QUANTILES)
    return Interval(float(value), float(low), float(high))


def intervals(
    sums: NDArray[np.floating], counts: NDArray[np.number], draws: int = DRAWS, seed: int = 0
) -> list[Interval]:
    """Intervals of P means under the same draws of items.

    ``sums`` and ``counts`` ``(I, P)``: sum and number of a column's observations of an item. A draw in which a column has no observation
    is left out for that column.
    """
    columns = sums.shape[1]
    totals = resampled(np.hstack([sums, counts]), draws, seed)
    means = _ratio(totals[:, :columns], totals[:, columns:])
    whole = sums.sum(0) / counts.sum(0)
    return [percentiles(value, drawn) for value, drawn in zip(whole, means.T, strict=True)]


def paired_interval(values: Sequence[float], items: Sequence[str], draws: int = DRAWS, seed: int = 0) -> Interval:
    """Mean of ``values``, one an observation, over the items they belong to. Every observation weighs the same."""
    sums, counts = by_item(values, items)
    return intervals(sums[:, None], counts[:, None], draws, seed)[0]


def mean_over_items(
    values: Sequence[float], items: Sequence[str], draws: int = DRAWS, seed: int = 0
) -> Interval | Undefined:
    """As ``paired_interval``, but not computable below two items, or where all items have the same mean."""
    sums, counts = by_item(values, items)
    if len(sums) < 2:
        return few_items(2, len(sums))
    if np.ptp(np.round(sums / counts, 9)) == 0:  # thirds and the like differ in the last bit
        return same_values()
    return intervals(sums[:, None], counts[:, None], draws, seed)[0]


def over_items_and_seeds(
    sums: NDArray[np.floating], counts: NDArray[np.number], draws: int = DRAWS, seed: int = 0
) -> Interval | Undefined:
    """Interval of a mean over items AND training seeds, which are drawn independently of each other (Owen 2007, arXiv 0711.1612).

    ``sums`` and ``counts`` ``(S, I)``: an item's observations under a seed, summed over its languages; 0 and 0 where there is none. In a
    draw a cell weighs (times its seed was drawn) x (times its item was drawn). An interval over items alone holds the trained models fixed
    and says nothing about training again. Three seeds are few: their spread is itself known badly. Not computable with fewer than two
    seeds or two items.
    """
    seeds, items = sums.shape
    if seeds < 2:
        return few_seeds(2, seeds)
    if items < 2:
        return few_items(2, items)
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, draws, _AT_ONCE):
        size = min(_AT_ONCE, draws - start)
        of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=size).astype(float)  # (D, S)
        of_items = rng.multinomial(items, np.full(items, 1 / items), size=size).astype(float)  # (D, I)
        total = ((of_items @ sums.T) * of_seeds).sum(1)
        number = ((of_items @ counts.T) * of_seeds).sum(1)
        parts.append(_ratio(total, number))
    return percentiles(float(sums.sum() / counts.sum()), np.concatenate(parts))


def _ratio(sums: NDArray[np.floating], counts: NDArray[np.floating]) -> Floats:
    """``sums / counts``, NaN where there is nothing to divide by."""
    quotient: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return quotient
