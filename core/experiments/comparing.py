"""Comparisons paired by item: translations of an item, and the same item under other seeds, are drawn and exchanged together.

Answers of several seeds are averaged to one share of right answers per language and item, so that a strategy without chance in it and
one with three seeds are compared on the same footing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from core.experiments.intervals import Interval, paired_interval

DRAWS = 10_000
Cell = list[float]  # value, low, high


@dataclass(frozen=True)
class Comparison:
    """One system against another on the same items."""

    first: str
    second: str
    difference: Interval  # second minus first
    p: float  # two-sided, of the sign-flip permutation over items
    items: int


def right(items: pd.DataFrame) -> "pd.Series[float]":
    """Share of seeds under which each query was answered right, by language and item; from the table of ``evaluate``."""
    hits = (items["gold"] == items["prediction"]).astype(float)
    return hits.groupby([items["language"], items["item"]]).mean()


def interval(values: "pd.Series[float]") -> Interval:
    """The mean of values by language and item, with its interval over items."""
    return paired_interval(values.tolist(), [str(item) for item in values.index.get_level_values("item")], DRAWS)


def cell(found: Interval) -> Cell:
    """Value, low, high as a record holds them."""
    return [round(found.mean, 4), round(found.low, 4), round(found.high, 4)]


def compared(name_first: str, name_second: str, first: "pd.Series[float]", second: "pd.Series[float]") -> Comparison:
    """The paired difference over the observations that both have."""
    change = (second - first).dropna()
    items = [str(item) for item in change.index.get_level_values("item")]
    found = paired_interval(change.tolist(), items, DRAWS)
    return Comparison(name_first, name_second, found, flip_p(change.tolist(), items), len(set(items)))


def flip_p(differences: Sequence[float], items: Sequence[str], draws: int = DRAWS, seed: int = 0) -> float:
    """Two-sided p that paired differences are centred on 0: signs are flipped item by item (Fisher's randomisation test).

    Counts the observed arrangement among the drawn ones (Phipson and Smyth 2010), so it is never 0.
    """
    _, places = np.unique(np.asarray(items, dtype=str), return_inverse=True)
    sums = np.bincount(places, np.asarray(differences, dtype=float))
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, len(sums)))
    drawn, seen = np.abs(signs @ sums), abs(float(sums.sum()))
    return float((1 + (drawn >= seen - 1e-12).sum()) / (1 + draws))


def holm(values: Sequence[float]) -> list[float]:
    """Step-down adjusted p-values in the order given (Holm 1979)."""
    order = np.argsort(values)
    found, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        found[place] = highest
    return found


def all_pairs(systems: Mapping[str, "pd.Series[float]"]) -> list[Comparison]:
    """Every system against every later one."""
    return [compared(a, b, systems[a], systems[b]) for a, b in combinations(systems, 2)]


def comparison_rows(found: Sequence[Comparison]) -> list[dict[str, object]]:
    """Rows of a record's table, one family of tests, Holm-corrected together."""
    adjusted = holm([one.p for one in found])
    return [
        {
            "first": one.first,
            "second": one.second,
            "second minus first": cell(one.difference),
            "p": round(one.p, 5),
            "p (Holm)": round(p, 5),
            "items": one.items,
        }
        for one, p in zip(found, adjusted, strict=True)
    ]


def finding(one: Comparison, adjusted: float, measure: str = "accuracy") -> str:
    """A comparison as a sentence."""
    points, low, high = (100 * v for v in (one.difference.mean, one.difference.low, one.difference.high))
    said = "differ significantly" if adjusted < 0.05 else "do not differ significantly"
    return (
        f"{one.first} and {one.second} {said} in {measure}: {points:+.1f} points [{low:+.1f}, {high:+.1f}], "
        f"p = {adjusted:.4f} after Holm's correction, {one.items} items."
    )
