"""Whether two tables over pairs go together (Mantel 1967).

A table over pairs of languages holds no independent rows, as every language is in many; so languages are exchanged, not pairs.

Shapes: R rows of a symmetric table (languages), P pairs of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from core.statistics.bootstrap import DRAWS


@dataclass(frozen=True, slots=True)
class Correlation:
    """The outcome of a Mantel test."""

    spearman: float  # [-1, 1]
    p: float  # two-sided, in (0, 1]


def mantel(first: np.ndarray, second: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Correlation | None:
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
    own = _standard(rankdata(first[upper]))
    observed = float(own @ ranks[upper]) / len(own)
    rng = np.random.default_rng(seed)
    beyond = 0
    for _ in range(draws):
        order = rng.permutation(size)
        beyond += abs(float(own @ ranks[np.ix_(order, order)][upper]) / len(own)) >= abs(observed) - 1e-12
    return Correlation(observed, (1 + beyond) / (1 + draws))


def square(values: Sequence[float], pairs: Sequence[tuple[int, int]], size: int) -> np.ndarray:
    """Values of pairs as a symmetric table ``(R, R)``, zeros on the diagonal."""
    table = np.zeros((size, size))
    for value, (a, b) in zip(values, pairs, strict=True):
        table[a, b] = table[b, a] = value
    return table


def _standard(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / values.std())
