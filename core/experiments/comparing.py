"""Comparisons of an experiment's systems, paired by item, as rows and sentences of its record."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from core.metrics import macro_f1
from core.statistics.comparisons import Comparison, Scores, compare_all
from core.statistics.paired import Interval


def right(items: pd.DataFrame) -> "pd.Series[float]":
    """Share of seeds under which each query was answered right, by language and item; from the table of ``evaluate``.

    So a strategy without chance in it and one with three seeds are compared on the same footing.
    """
    hits = (items["gold"] == items["prediction"]).astype(float)
    return hits.groupby([items["language"], items["item"].astype(str)]).mean()


def mean_macro_f1(items: pd.DataFrame, labels: Sequence[str]) -> float:
    """Macro-F1, mean over languages; the answers of all seeds count as answers of one system."""
    parts = items.groupby("language")
    return sum(macro_f1(rows["gold"].tolist(), rows["prediction"].tolist(), labels) for _, rows in parts) / len(parts)


def cell(found: Interval) -> list[float]:
    """Value, low, high as a record holds them."""
    return [round(found.mean, 4), round(found.low, 4), round(found.high, 4)]


def all_pairs(systems: Scores) -> list[Comparison]:
    """Every system minus every earlier one, corrected together."""
    return compare_all(systems, [(later, earlier) for earlier, later in combinations(systems, 2)])


def comparison_rows(found: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Rows of a record's table."""
    return [
        {
            "first": one.first,
            "second": one.second,
            "first minus second": cell(one.difference),
            "p": round(one.p, 5),
            "p (Holm)": round(one.p_holm, 5),
            "items": one.items,
        }
        for one in found
    ]


def finding(one: Comparison, measure: str = "accuracy") -> str:
    """A comparison as a sentence."""
    points, low, high = (100 * value for value in (one.difference.mean, one.difference.low, one.difference.high))
    said = "differ significantly" if one.significant else "do not differ significantly"
    return (
        f"{one.first} and {one.second} {said} in {measure}: {points:+.1f} points [{low:+.1f}, {high:+.1f}], "
        f"p = {one.p_holm:.4f} after Holm's correction, {one.items} items."
    )
