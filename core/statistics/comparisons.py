"""All pairs of systems of an evaluation: differences with intervals over items, sign-flip tests, Holm's correction; spread over seeds.

Scores are Series indexed by (language, item): a system's score of an item in a language, mean over its seeds, higher is better. A strategy
without chance runs under one seed, so pairs are made after that mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
import pandas as pd

from core.statistics.bootstrap import DRAWS, by_item, intervals
from core.statistics.paired import SIGNIFICANT, holm, sign_flip_test
from core.statistics.values import Interval

ENOUGH_SEEDS = 3
Scores = Mapping[str, "pd.Series[float]"]


@dataclass(frozen=True)
class Spread:
    """A measure over seeds."""

    mean: float
    deviation: float | None  # sample standard deviation (n - 1); None with a single seed
    seeds: int


def spread(values: Sequence[float]) -> Spread:
    """``values`` one a seed, at least one."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return Spread(mean, None, 1)
    return Spread(mean, sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)), len(values))


def too_few_seeds(seeds: Mapping[str, int]) -> dict[str, int]:
    """Of strategies with chance in them and their numbers of seeds, those with fewer than ``ENOUGH_SEEDS``."""
    return {name: number for name, number in seeds.items() if number < ENOUGH_SEEDS}


@dataclass(frozen=True)
class Comparison:
    """Two systems on the items that both answered."""

    first: str
    second: str
    difference: Interval  # first minus second, over all (language, item) that both have
    p: float  # sign flips by item, two-sided
    p_holm: float  # corrected over all pairs that were compared together
    items: int  # different items that both answered
    pairs: int  # (language, item) that both answered
    exact: bool  # p counts all assignments

    @property
    def significant(self) -> bool:
        """Whether Holm's p is at most .05."""
        return self.p_holm <= SIGNIFICANT


def scores_of(items: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Mean of ``column`` over seeds by (language, item); rows without a value are left out."""
    values = items.dropna(subset=[column]).assign(item=lambda table: table["item"].astype(str))
    return values.groupby(["language", "item"], sort=True)[column].mean().astype(float)


def mean_interval(scores: "pd.Series[float]", draws: int = DRAWS) -> Interval:
    """Mean over (language, item), with the bootstrap interval over items."""
    sums, counts = by_item(scores.to_numpy(), _item_of(scores))
    return intervals(sums[:, None], counts[:, None], draws)[0]


def compare_all(scores: Scores, pairs: Sequence[tuple[str, str]] | None = None, draws: int = DRAWS) -> list[Comparison]:
    """All pairs of systems, or those named, in their order. Pairs without a common item are left out: they were not compared.

    Pairs over the same items share the draws.
    """
    names, sums, counts, tests = [], [], [], []
    for first, second in combinations(scores, 2) if pairs is None else pairs:
        differences = (scores[first] - scores[second]).dropna()  # aligned by (language, item)
        if differences.empty:
            continue
        names.append((first, second))
        by_name = pd.DataFrame({"value": differences.to_numpy(), "item": _item_of(differences)}).groupby("item")[
            "value"
        ]
        sums.append(by_name.sum())
        counts.append(by_name.size())
        tests.append(sign_flip_test(sums[-1].to_numpy(), draws))
    if not names:
        return []
    differences_of = _intervals(sums, counts, draws)
    corrected = holm([test.p for test in tests])
    return [
        Comparison(*pair, interval, test.p, p_holm, len(count), int(count.sum()), test.exact)
        for pair, interval, test, p_holm, count in zip(names, differences_of, tests, corrected, counts, strict=True)
    ]


def _intervals(sums: Sequence["pd.Series[float]"], counts: Sequence["pd.Series[int]"], draws: int) -> list[Interval]:
    wide = pd.concat(list(sums), axis=1).fillna(0.0), pd.concat(list(counts), axis=1).fillna(0)
    return intervals(np.asarray(wide[0], dtype=float), np.asarray(wide[1], dtype=float), draws)


def not_worse_than_best(means: Mapping[str, float], compared: Sequence[Comparison]) -> tuple[str, tuple[str, ...]]:
    """The system with the highest mean, and the others whose difference from it is not significant. ``means`` has at least one."""
    best = max(means, key=lambda name: means[name])
    level_with_best = {
        entry.second if entry.first == best else entry.first
        for entry in compared
        if best in (entry.first, entry.second) and not entry.significant
    }
    return best, tuple(name for name in means if name in level_with_best)


def _item_of(scores: "pd.Series[float]") -> list[str]:
    return [str(item) for _, item in scores.index]
