"""Tables and figures of the experiment with unseen tasks: what a strategy gains over the baselines of the same task."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.evaluation import BARE
from core.experiments.comparing import cell, comparison_rows, finding, mean_macro_f1, right
from core.experiments.result import POINTS, SHARE, P, Row
from core.statistics.comparisons import Comparison, compare_all, mean_interval

MAJORITY = "majority"
BASELINES = (MAJORITY, BARE, "random")
SEEN, UNSEEN = "seen", "unseen"


def shown(
    items: Mapping[str, pd.DataFrame], labels: Mapping[str, Sequence[str]], seen: Sequence[str]
) -> dict[str, Any]:
    """``items``: rows of ``evaluate`` by corpus, baselines included; ``labels`` by corpus; ``seen``: corpora whose task is known."""
    scores = {
        name: {str(strategy): right(part) for strategy, part in table.groupby("strategy", sort=False)}
        for name, table in items.items()
    }
    groups = {SEEN: [n for n in items if n in seen], UNSEEN: [n for n in items if n not in seen]}
    strategies = [s for s in dict.fromkeys(s for one in scores.values() for s in one) if s not in BASELINES]
    systems: dict[str, pd.Series[float]] = {}
    pairs: dict[tuple[str, str], tuple[str, str, str]] = {}  # names in tests -> place, strategy, baseline
    places = {name: [name] for name in items} | {f"{group} tasks": names for group, names in groups.items() if names}
    for place, names in places.items():
        for strategy in (*strategies, *BASELINES):
            systems[_name(strategy, place)] = pd.concat([_apart(scores[n][strategy], n) for n in names])
        pairs |= {(_name(s, place), _name(b, place)): (place, s, b) for s in strategies for b in BASELINES}
    tests = compare_all(systems, list(pairs))
    gains = [_gain(one, *pairs[one.first, one.second], groups) for one in tests]
    return {
        "findings": [finding(one) for one in tests] + _caution(groups),
        "tables": {
            "accuracy by task": _rows(items, scores, labels, groups),
            "gains over baselines": gains,
            "tests of the gains": comparison_rows(tests),
        },
        "units": {
            "accuracy": SHARE,
            "macro-F1": SHARE,
            "gain": POINTS,
            "first minus second": POINTS,
            "p": P,
            "p (Holm)": P,
        },
        "figures": {
            "accuracy by task": {
                "kind": "bar",
                "title": "Accuracy by task",
                "x": "corpus",
                "y": "accuracy",
                "series": "strategy",
                "table": "accuracy by task",
                "units": SHARE,
            },
            "gain in seen and unseen tasks": {
                "kind": "bar",
                "title": f"Gain of {strategies[0]} over each baseline",
                "x": "over",
                "y": "gain",
                "series": "where",
                "rows": [row for row in gains if row["strategy"] == strategies[0]],
                "units": POINTS,
            },
        },
    }


def _rows(
    items: Mapping[str, pd.DataFrame],
    scores: "Mapping[str, Mapping[str, pd.Series[float]]]",
    labels: Mapping[str, Sequence[str]],
    groups: Mapping[str, Sequence[str]],
) -> list[Row]:
    return [
        {
            "corpus": name,
            "task": SEEN if name in groups[SEEN] else UNSEEN,
            "labels": len(labels[name]),
            "languages": int(part["language"].nunique()),
            "strategy": str(strategy),
            "accuracy": cell(mean_interval(scores[name][str(strategy)])),
            "macro-F1": round(mean_macro_f1(part, labels[name]), 4),
            "queries": int(part["id"].nunique()),
            "seeds": int(part["seed"].nunique()),
        }
        for name, table in items.items()
        for strategy, part in table.groupby("strategy", sort=False)
    ]


def _gain(one: Comparison, place: str, strategy: str, baseline: str, groups: Mapping[str, Sequence[str]]) -> Row:
    known = place in groups[SEEN] or place == f"{SEEN} tasks"
    return {
        "where": place,
        "task": SEEN if known else UNSEEN,
        "strategy": strategy,
        "over": baseline,
        "gain": cell(one.difference),
        "p (Holm)": round(one.p_holm, 5),
        "items": one.items,
    }


def _caution(groups: Mapping[str, Sequence[str]]) -> list[str]:
    if not groups[SEEN]:
        return ["No seen task was asked, so there is nothing to set the unseen ones beside."]
    return [
        "Seen and unseen tasks share no items, so their gains stand side by side and are not tested against each other."
    ]


def _apart(scores: "pd.Series[float]", corpus: str) -> "pd.Series[float]":
    """Scores under names of items that no other corpus has."""
    renamed = [(code, f"{corpus}/{item}") for code, item in scores.index]
    return scores.set_axis(pd.MultiIndex.from_tuples(renamed, names=["language", "item"]))


def _name(strategy: str, place: str) -> str:
    return f"{strategy} in {place}"
