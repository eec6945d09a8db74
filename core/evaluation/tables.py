"""Tables out of item-level predictions: by strategy, k and language, and one a k to print."""

from collections.abc import Sequence

import pandas as pd

from core.evaluation.config import ZERO_SHOT
from core.metrics import accuracy, chrf, macro_f1

CLOSED = ("accuracy", "macro_f1", "accuracy_batch", "macro_f1_batch")
OPEN = ("exact_match", "f1", "chrf")


def measures_of(table: pd.DataFrame) -> list[str]:
    """The measures of a summary or of item-level predictions of free text, in the order they are printed."""
    return [name for name in (*CLOSED, *OPEN) if name in table.columns]


def summary(items: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Measures by strategy, k and language, means over seeds; the row "mean" averages over languages.

    With ``labels``: accuracy and macro-F1, and as ``accuracy_batch`` and ``macro_f1_batch`` those of the batch-calibrated
    predictions. Without: the means of the measures of free text that the rows have; chrF is the corpus score.
    """
    rows = []
    measures = list(CLOSED) if labels else measures_of(items)
    for (strategy, k, code, _), part in items.groupby(["strategy", "k", "language", "seed"], sort=False):
        figures = _closed(part, labels) if labels else [_open(part, name) for name in measures]
        rows.append((strategy, k, code, *figures, len(part)))
    measures.append("items")
    table = pd.DataFrame(rows, columns=["strategy", "k", "language", *measures])
    per_language = table.groupby(["strategy", "k", "language"], sort=False).mean().reset_index()
    overall = per_language.groupby(["strategy", "k"], sort=False)[measures].mean().reset_index()
    overall.insert(2, "language", "mean")
    return pd.concat([per_language, overall], ignore_index=True)


def _closed(part: pd.DataFrame, labels: Sequence[str]) -> list[float]:
    gold = part["gold"].tolist()
    figures: list[float] = []
    for column in ("prediction", "prediction_batch"):
        predicted = part[column].tolist()
        figures += [accuracy(gold, predicted), macro_f1(gold, predicted, labels)]
    return figures


def _open(part: pd.DataFrame, name: str) -> float:
    if name == "chrf":
        return chrf(part["answer"].tolist(), part["gold"].tolist())
    return float(part[name].mean())


def tables_by_k(table: pd.DataFrame, measure: str) -> dict[int, pd.DataFrame]:
    """A column of the summary as one table a k: languages down, strategies across, zero-shot beside every k."""
    zero_shot = table["k"] == 0
    tables = {}
    for k in sorted(set(table["k"]) - {0}) or [0]:
        part = table[zero_shot | (table["k"] == k)]
        strategies, languages = (list(dict.fromkeys(part[column])) for column in ("strategy", "language"))
        ordered = sorted(strategies, key=lambda name: name != ZERO_SHOT)
        tables[int(k)] = part.pivot(index="language", columns="strategy", values=measure).loc[languages, ordered]
    return tables
