"""Tables and figures of the experiments with unseen languages.

Groups of languages are compared by their mean over languages of an item, item by item, which needs the same items in both.
"""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from core.experiments.runner import (
    COMPARED,
    Results,
    Row,
    cell,
    comparison_rows,
    findings,
    mean_macro_f1,
    right_answers,
)
from core.languages import UNKNOWN, language_facts
from core.report.cells import POINTS, SHARE
from core.report.document import Figure
from core.statistics.comparisons import compare_all, mean_interval

SEEN, UNSEEN = "seen", "unseen"
UNITS = dict.fromkeys(("accuracy", "macro-F1", "before", "after", "lowest seed", "highest seed"), SHARE)
UNITS |= {"change": POINTS} | COMPARED


def compare_unseen(items: pd.DataFrame, seen: Sequence[str], unseen: Sequence[str], labels: Sequence[str]) -> Results:
    """Accuracy by group of languages and strategy, per language, and tests between groups and between strategies."""
    families = {language_facts(code).family for code in seen} - {UNKNOWN}
    scripts = {language_facts(code).script for code in seen}
    groups = {SEEN: list(seen), UNSEEN: list(unseen)}
    groups["unseen, family seen"] = [code for code in unseen if language_facts(code).family in families]
    groups["unseen, family new"] = [code for code in unseen if language_facts(code).family not in {*families, UNKNOWN}]
    groups["unseen, script seen"] = [code for code in unseen if language_facts(code).script in scripts]
    groups["unseen, script new"] = [code for code in unseen if language_facts(code).script not in scripts]
    strategies = list(dict.fromkeys(items["strategy"]))
    by_strategy = {name: items[items["strategy"] == name] for name in strategies}
    rows: list[Row] = []
    means: dict[str, pd.Series[float]] = {}
    for group, codes in groups.items():
        for name, table in by_strategy.items():
            part = table[table["language"].isin(codes)]
            if part.empty:
                continue
            values = right_answers(part)
            means[_name(name, group)] = _by_item(values)
            rows.append(
                {
                    "languages": group,
                    "count": int(part["language"].nunique()),
                    "strategy": name,
                    "accuracy": cell(mean_interval(values)),
                    "macro-F1": round(mean_macro_f1(part, labels), 4),
                }
            )
    pairs = [(_name(name, SEEN), _name(name, UNSEEN)) for name in strategies]
    pairs += [(_name(a, group), _name(b, group)) for group in (SEEN, UNSEEN) for a, b in combinations(strategies, 2)]
    tests = compare_all(means, pairs)
    sentences = findings(tests)
    if len(tests) < len(pairs):
        sentences.append("Seen and unseen languages share no items, so they stand side by side untested.")
    title = "Accuracy in seen and unseen languages"
    return Results(
        sentences,
        {
            "accuracy by group of languages": rows,
            "groups and strategies compared": comparison_rows(tests),
            "by language": _language_rows(by_strategy, groups),
        },
        UNITS | {f"{name}: accuracy": SHARE for name in strategies},
        {
            "accuracy by group of languages": Figure(
                title, "bar", "languages", "accuracy", rows, series="strategy", unit=SHARE
            )
        },
    )


def before_and_after(
    untrained: pd.DataFrame, trained: Sequence[pd.DataFrame], learnt: Sequence[str], held_out: Sequence[str]
) -> Results:
    """What a closed loop changed in languages that it learnt from and in languages held out."""
    rows: list[Row] = []
    means: dict[str, pd.Series[float]] = {}
    pairs = []
    groups = {"learnt from": learnt, "held out": held_out}
    for strategy in ("agl", "zero-shot"):
        first, last = _of(strategy, untrained), [_of(strategy, table) for table in trained]
        for group, codes in groups.items():
            old, new = right_answers(_in(first, codes)), right_answers(_in(pd.concat(last), codes))
            by_seed = [round(float(right_answers(_in(table, codes)).mean()), 4) for table in last]
            names = f"{strategy} before, {group}", f"{strategy} after, {group}"
            means |= {names[0]: old, names[1]: new}
            pairs.append((names[1], names[0]))
            rows.append(
                {
                    "languages": group,
                    "count": len(codes),
                    "strategy": strategy,
                    "before": cell(mean_interval(old)),
                    "after": cell(mean_interval(new)),
                    "change": cell(mean_interval(new - old)),
                    "lowest seed": min(by_seed),
                    "highest seed": max(by_seed),
                }
            )
    tests = compare_all(means, pairs)
    title = "Change of accuracy by a closed loop that did not learn from some languages"
    return Results(
        findings(tests),
        {"before and after": rows, "tests of the change": comparison_rows(tests)},
        UNITS,
        {"change by group": Figure(title, "bar", "languages", "change", rows, series="strategy", unit=POINTS)},
    )


def _language_rows(by_strategy: dict[str, pd.DataFrame], groups: dict[str, list[str]]) -> list[Row]:
    rows = []
    for code in (*groups[SEEN], *groups[UNSEEN]):
        row: Row = {"language": code, "languages": SEEN if code in groups[SEEN] else UNSEEN}
        row |= {"family": language_facts(code).family, "resources": language_facts(code).resource}
        for name, table in by_strategy.items():
            row[f"{name}: accuracy"] = cell(mean_interval(right_answers(_in(table, [code]))))
        rows.append(row)
    return rows


def _by_item(values: "pd.Series[float]") -> "pd.Series[float]":
    """Mean over languages of each item, under one name instead of the language."""
    means = values.groupby(level="item").mean()
    return means.set_axis(pd.MultiIndex.from_product([["all"], means.index], names=["language", "item"]))


def _of(strategy: str, items: pd.DataFrame) -> pd.DataFrame:
    return items[items["strategy"] == strategy]


def _in(items: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    return items[items["language"].isin(list(codes))]


def _name(strategy: str, group: str) -> str:
    return f"{strategy} in {group} languages"
