"""Bootstrap over items: seeds, draws, percentile intervals (Efron and Tibshirani 1993, chapter 13).

Ratings of one item depend on each other, so items are what is drawn, with all that was rated of them. The
interval is the percentile interval everywhere; with fewer than about ten items it is too narrow.
"""

import hashlib
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
