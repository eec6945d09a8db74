"""Intervals and tests for systems measured on the same items.

Shapes: I items, P columns (a system or a pair of systems each). The item is the unit that is drawn and flipped: its translations, and runs
with other seeds, stay together, so dependent observations never count as independent ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 10_000
EXACT_ITEMS = 14  # up to here all 2^I assignments of signs are counted, 16,384 at most
_AT_ONCE = 1_000  # draws held in memory together


@dataclass(frozen=True)
class Interval:
    """A mean and where its bootstrap distribution lies."""

    mean: float
    low: float  # 2.5 % quantile
    high: float  # 97.5 % quantile


@dataclass(frozen=True)
class PermutationTest:
    """The outcome of a sign-flip test."""

    p: float  # two-sided, in (0, 1]
    items: int  # items with a difference other than 0; only they can tell anything
    exact: bool  # all assignments were counted


def by_item(values: Sequence[float] | np.ndarray, items: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Sums ``(I,)`` and counts ``(I,)`` of ``values`` by item, items in the order of their names."""
    names, places = np.unique(np.asarray(items, dtype=str), return_inverse=True)
    return np.bincount(places, np.asarray(values, dtype=float), len(names)), np.bincount(places, minlength=len(names))


def paired_interval(differences: Sequence[float], items: Sequence[str], draws: int = DRAWS, seed: int = 0) -> Interval:
    """Percentile bootstrap of a mean difference, over items (Efron and Tibshirani 1993, section 13.3).

    ``differences`` one per observation, ``items`` its item. Every observation weighs the same.
    """
    sums, counts = by_item(differences, items)
    return intervals(sums[:, None], counts[:, None], draws, seed)[0]


def intervals(sums: np.ndarray, counts: np.ndarray, draws: int = DRAWS, seed: int = 0) -> list[Interval]:
    """Percentile bootstrap of P means under the same draws of items.

    ``sums`` and ``counts`` ``(I, P)``: sum and number of a column's observations of an item. A draw in which a column has no observation
    is left out for that column.
    """
    rng = np.random.default_rng(seed)
    size = len(sums)
    parts = []
    for start in range(0, draws, _AT_ONCE):
        drawn = rng.multinomial(size, np.full(size, 1 / size), size=min(_AT_ONCE, draws - start)).astype(
            float
        )  # (draws, I)
        seen = drawn @ counts
        parts.append(np.divide(drawn @ sums, seen, out=np.full(seen.shape, np.nan), where=seen > 0))
    low, high = np.nanquantile(np.concatenate(parts), [0.025, 0.975], axis=0)
    means = sums.sum(0) / counts.sum(0)
    return [Interval(float(m), float(a), float(b)) for m, a, b in zip(means, low, high, strict=True)]


def sign_flip_test(sums: np.ndarray, draws: int = DRAWS, seed: int = 0) -> PermutationTest:
    """Two-sided permutation test of "no difference", by item (Good 2005, section 3.2; Noreen 1989).

    ``sums`` ``(I,)``: an item's differences, first minus second, summed over its languages and seeds. Under the hypothesis the names of the
    two systems may be exchanged within an item, which flips its sign. p = share of assignments with a sum at least as far from 0 as the one
    seen: counted over all of them up to ``EXACT_ITEMS`` items, else over ``draws`` random ones as (b + 1) / (draws + 1), which is never
    0 and keeps the level (Phipson and Smyth 2010, arXiv 1603.05766).
    """
    told = sums[sums != 0]
    if not len(told):
        return PermutationTest(1.0, 0, True)
    limit = abs(told.sum()) - 1e-9 * np.abs(told).sum()  # equal sums in another order of addition are equal
    if len(told) <= EXACT_ITEMS:
        codes = np.arange(2 ** len(told))[:, None] >> np.arange(len(told)) & 1
        return PermutationTest(float(np.mean(np.abs((2 * codes - 1) @ told) >= limit)), len(told), True)
    rng = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, draws, _AT_ONCE):
        signs = 2 * rng.integers(0, 2, size=(min(_AT_ONCE, draws - start), len(told)), dtype=np.int8) - 1
        beyond += int(np.sum(np.abs(signs @ told) >= limit))
    return PermutationTest((beyond + 1) / (draws + 1), len(told), False)
