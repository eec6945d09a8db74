"""Tables and figures of the scaling experiment."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.evaluation import BARE
from core.experiments.comparing import cell, comparison_rows, finding, mean_macro_f1, right
from core.experiments.result import POINTS, SHARE, P, Row
from core.predictor import Predictor
from core.records import Demonstration, Example, Query
from core.statistics.comparisons import compare_all, mean_interval

Key = tuple[str, int, str, int]  # model, budget, strategy, K


def shown_counts(predictor: Predictor, asked: Sequence[Example], table: pd.DataFrame) -> dict[str, list[int]]:
    """Demonstrations and tokens of each prompt, in the order of ``table``, which has a row a query."""
    known = {example.id: example for example in predictor.index.pool.examples}
    counts: dict[str, list[int]] = {"shown": [], "tokens": []}
    for example, chosen in zip(asked, table["demonstrations"], strict=True):
        query = Query(example.text, example.language, example.item)
        entries = [Demonstration(known[name], None, None) for name in json.loads(chosen)]
        prompt = predictor.writer.prompt(query, entries, example.language)
        counts["shown"].append(len(prompt.shown))
        counts["tokens"].append(prompt.tokens)
    return counts


def shown(items: pd.DataFrame, labels: Sequence[str], contexts: Mapping[str, int]) -> dict[str, Any]:
    """Accuracy of every combination; tests against the smallest number of demonstrations, smallest budget, and first model."""
    parts: dict[Key, pd.DataFrame] = {
        (str(model), int(str(budget)), str(strategy), int(str(k))): part
        for (model, budget, strategy, k), part in items.groupby(["model", "budget", "strategy", "k"], sort=False)
    }
    scores = {_name(key): right(part) for key, part in parts.items()}
    rows: list[Row] = []
    for (model, budget, strategy, k), part in parts.items():
        rows.append(
            {
                "model": model,
                "parameters": int(part["parameters"].iloc[0]),
                "budget": budget or contexts[model],
                "strategy": strategy,
                "K": k,
                "accuracy": cell(mean_interval(scores[_name((model, budget, strategy, k))])),
                "macro-F1": round(mean_macro_f1(part, labels), 4),
                "seeds": int(part["seed"].nunique()),
                "shown": round(float(part["shown"].mean()), 2),
                "tokens": round(float(part["tokens"].mean()), 1),
            }
        )
    tests = compare_all(scores, _pairs(list(parts)))
    return {
        "findings": [finding(one) for one in tests],
        "tables": {"accuracy": rows, "steps compared": comparison_rows(tests)},
        "units": {"accuracy": SHARE, "macro-F1": SHARE, "first minus second": POINTS, "p": P, "p (Holm)": P},
        "figures": _figures(rows),
    }


def _pairs(keys: Sequence[Key]) -> list[tuple[str, str]]:
    """Each combination against the one with the fewest demonstrations, the smallest budget or the first model, all else equal.

    Zero-shot is the fewest of every strategy.
    """
    bare = {(model, budget): (model, budget, strategy, k) for model, budget, strategy, k in keys if strategy == BARE}
    found: list[tuple[Key, Key]] = []
    for key in keys:
        model, budget, strategy, k = key
        least = min(other for m, b, s, other in keys if (m, b, s) == (model, budget, strategy))
        fewest = bare.get((model, budget), (model, budget, strategy, least))
        tightest = min((b or 10**9 for m, b, s, other in keys if (m, s, other) == (model, strategy, k)))
        first = next(m for m, b, s, other in keys if (b, s, other) == (budget, strategy, k))
        others = (fewest, (model, 0 if tightest == 10**9 else tightest, strategy, k), (first, budget, strategy, k))
        found += [(key, other) for other in others if other != key]
    return [(_name(a), _name(b)) for a, b in dict.fromkeys(found)]


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    """A curve over whatever was varied."""
    line = {"kind": "line", "y": "accuracy", "series": "series", "units": SHARE}
    largest = {row["model"]: max(r["budget"] for r in rows if r["model"] == row["model"]) for row in rows}
    most = max(row["K"] for row in rows)
    found: dict[str, Any] = {}
    by_k = [
        {**row, "series": f"{row['strategy']}, {row['model']}"}
        for row in rows
        if row["budget"] == largest[row["model"]]
    ]
    if len({row["K"] for row in rows}) > 1:
        found["accuracy by K"] = line | {"title": "Accuracy by number of demonstrations", "x": "K", "rows": by_k}
    at_most_k = [{**row, "series": f"{row['strategy']}, K = {row['K']}"} for row in rows if row["K"] in (0, most)]
    if len({row["budget"] for row in rows}) > 1:
        found["accuracy by budget"] = line | {
            "title": "Accuracy by tokens of the prompt",
            "x": "budget",
            "rows": at_most_k,
        }
    if len({row["parameters"] for row in rows}) > 1:
        sized = sorted((r for r in at_most_k if r["budget"] == largest[r["model"]]), key=lambda r: r["parameters"])
        found["accuracy by parameters"] = line | {"title": "Accuracy by model size", "x": "parameters", "rows": sized}
    return found or {"accuracy": {"kind": "bar", "x": "strategy", "y": "accuracy", "table": "accuracy", "units": SHARE}}


def _name(key: Key) -> str:
    model, budget, strategy, k = key
    return f"{strategy}, K = {k}, {model}" + (f", {budget} tokens" if budget else "")
