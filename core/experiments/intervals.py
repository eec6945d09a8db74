"""Intervals for paired comparisons of systems on the same items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean and where its bootstrap distribution lies."""

    mean: float
    low: float  # 2.5 % quantile
    high: float  # 97.5 % quantile


def paired_interval(differences: Sequence[float], items: Sequence[str], draws: int = 10_000, seed: int = 0) -> Interval:
    """Percentile bootstrap of a mean difference, over items (Efron and Tibshirani 1993, section 13.3).

    ``differences`` one per observation, ``items`` its item: translations of an item, and runs with other seeds, are drawn together, so that
    dependent observations do not count as independent ones. Every observation weighs the same.
    """
    names, places = np.unique(np.asarray(items, dtype=str), return_inverse=True)
    values = np.asarray(differences, dtype=float)
    sums, counts = np.bincount(places, values), np.bincount(places)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)  # (draws, items)
    means = (drawn @ sums) / (drawn @ counts)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))
