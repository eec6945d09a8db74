"""Typological distance of languages: the great circle between where they are spoken, and whether they share a family.

A table over pairs of languages holds no independent rows, as every language is in many; so what goes along with distance is tested by
exchanging languages (Mantel 1967), not pairs.
"""

from collections.abc import Sequence
from math import asin, cos, radians, sin, sqrt

import numpy as np
from scipy.stats import rankdata

from core.statistics.groups import UNKNOWN, facts

RADIUS = 6371.0  # of the earth, km
DRAWS = 5000


def kilometres(first: str, second: str) -> float | None:
    """Great-circle distance of two languages by code (haversine); None where a place is not known."""
    a, b = facts(first), facts(second)
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    up, over = radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)
    half = sin(up / 2) ** 2 + cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(over / 2) ** 2
    return 2 * RADIUS * asin(sqrt(min(1.0, half)))


def same_family(first: str, second: str) -> bool | None:
    """Whether two languages are of one family; None where one is not known."""
    a, b = facts(first).family, facts(second).family
    return None if UNKNOWN in (a, b) else a == b


def mantel(first: np.ndarray, second: np.ndarray, draws: int = DRAWS, seed: int = 0) -> tuple[float, float] | None:
    """Spearman correlation of two symmetric tables ``(R, R)`` over pairs of languages, and its two-sided p by exchanging languages.

    p counts the observed arrangement, so it is never 0. None with fewer than four languages or where a table does not vary.
    """
    size = len(first)
    upper = np.triu_indices(size, 1)
    if size < 4 or np.ptp(first[upper]) == 0 or np.ptp(second[upper]) == 0:
        return None
    ranks = np.zeros_like(second, dtype=float)
    ranks[upper] = _standard(rankdata(second[upper]))
    ranks += ranks.T
    given = _standard(rankdata(first[upper]))
    seen = float(given @ ranks[upper]) / len(given)
    rng = np.random.default_rng(seed)
    beyond = 0
    for _ in range(draws):
        order = rng.permutation(size)
        beyond += abs(float(given @ ranks[np.ix_(order, order)][upper]) / len(given)) >= abs(seen) - 1e-12
    return seen, (1 + beyond) / (1 + draws)


def square(values: Sequence[float], pairs: Sequence[tuple[int, int]], size: int) -> np.ndarray:
    """Values of pairs as a symmetric table ``(R, R)``, zeros on the diagonal."""
    table = np.zeros((size, size))
    for value, (a, b) in zip(values, pairs, strict=True):
        table[a, b] = table[b, a] = value
    return table


def _standard(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / values.std())
