"""Tests of a difference between two systems on the same items, and Holm's correction of several of them.

Under "no difference" the names of the two systems may be exchanged within an item, which flips the sign of the item's difference. Testing
single observations as if they were independent (Mann-Whitney on pooled ratings, McNemar over translations) is wrong and not done.

Shapes: I items, D draws.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.statistics.bootstrap import DRAWS, by_item, intervals
from core.statistics.values import Interval, Undefined, few_items

EXACT_ITEMS = 14  # up to here all 2^I assignments of signs are counted, 16,384 at most
SIGNIFICANT = 0.05
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class SignFlipTest:
    """The outcome of a sign-flip test."""

    p: float  # two-sided, in (0, 1]
    items: int  # items with a difference other than 0; only they are informative
    exact: bool  # all assignments were counted


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two systems on the same items."""

    difference: Interval  # first minus second, mean over observations, interval over items
    p: float  # sign flips by item, two-sided, uncorrected
    items: int  # that both answered
    exact: bool  # p counts all assignments

    @property
    def better(self) -> bool:
        """Whether the first is better and the test says so at .05."""
        return self.p <= SIGNIFICANT and self.difference.value > 0

    @property
    def worse(self) -> bool:
        """Whether the first is worse and the test says so at .05."""
        return self.p <= SIGNIFICANT and self.difference.value < 0


def sign_flip_test(sums: NDArray[np.floating], draws: int = DRAWS, seed: int = 0) -> SignFlipTest:
    """Two-sided permutation test of "no difference", by item (Good 2005, section 3.2; Noreen 1989).

    ``sums`` ``(I,)``: an item's differences, first minus second, summed (or averaged) over its observations. p = share of assignments of
    signs with a sum at least as far from 0 as the observed one: counted over all of them up to ``EXACT_ITEMS`` items that differ, else over
    ``draws`` random ones as (b + 1) / (draws + 1), which is never 0 and keeps the level (Phipson and Smyth 2010, arXiv 1603.05766).
    """
    differing = np.asarray(sums, dtype=float)
    differing = differing[differing != 0]
    size = len(differing)
    if not size:
        return SignFlipTest(1.0, 0, True)
    limit = abs(differing.sum()) - 1e-9 * np.abs(differing).sum()  # equal sums in another order of addition are equal
    if size <= EXACT_ITEMS:
        return SignFlipTest(float(np.mean(np.abs(all_signs(size) @ differing) >= limit)), size, True)
    beyond = sum(int(np.sum(np.abs(signs @ differing) >= limit)) for signs in _random_signs(draws, size, seed))
    return SignFlipTest((beyond + 1) / (draws + 1), size, False)


def paired_test(
    first: Sequence[float], second: Sequence[float], items: Sequence[str], draws: int = DRAWS, seed: int = 0
) -> PairedTest | Undefined:
    """Whether two systems differ: ``first`` and ``second`` their scores of the same observations, ``items`` what each belongs to.

    An item's observations (translations, seeds) are flipped and drawn together. Not computable below two items.
    """
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    sums, counts = by_item(differences, items)
    if len(sums) < 2:
        return few_items(2, len(sums))
    test = sign_flip_test(sums, draws, seed)
    return PairedTest(intervals(sums[:, None], counts[:, None], draws, seed)[0], test.p, len(sums), test.exact)


@lru_cache(maxsize=EXACT_ITEMS + 1)
def all_signs(items: int) -> NDArray[np.float64]:
    """Every assignment of signs: ``(2^I, I)`` of -1 and 1."""
    return np.where((np.arange(2**items)[:, None] >> np.arange(items)) & 1 == 1, 1.0, -1.0)


def random_signs(rows: int, items: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """``(rows, I)`` of -1 and 1, each with probability 1/2."""
    return 2 * rng.integers(0, 2, size=(rows, items), dtype=np.int8) - 1


def _random_signs(draws: int, items: int, seed: int) -> Iterator[NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    for start in range(0, draws, _AT_ONCE):
        yield random_signs(min(_AT_ONCE, draws - start), items, rng)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjustment, in the order of ``p_values``: at most ``level`` of all true hypotheses together are rejected by
    ``p <= level``, whatever the dependence between the tests.

    The i-th smallest of m values (from 0) is multiplied by m - i, never made smaller than the one before it, and cut at 1.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
