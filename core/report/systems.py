"""Measures of the systems of an evaluation, out of its item-level predictions. A system is a strategy with a number of demonstrations.

Languages of an evaluation, one by one and by what they have in common: tables and a heat map, a column a system.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.languages import language, language_facts, means_by_group
from core.metrics import macro_f1
from core.report.document import BEST, Cell, Figure, Table, table_of
from core.scoring.calibration import log_softmax
from core.statistics.comparisons import Spread, mean_interval, scores_of, spread
from core.statistics.reliability import brier_score, calibration_error
from core.statistics.values import Interval

ZERO_SHOT = "zero-shot"  # the strategy without demonstrations; stands beside every k
FREE_TEXT = {"f1": "F1", "exact_match": "exact match", "chrf": "chrF"}  # column -> name, the first found is the score
SCORE = "score"


@dataclass(frozen=True)
class System:
    """One strategy with k demonstrations, measured."""

    strategy: str
    k: int
    name: str
    scores: "pd.Series[float]"  # by (language, item), mean over seeds
    interval: Interval  # of the score, over items
    seeds: Spread  # of the score
    macro_f1: float | None  # mean over languages and seeds
    batch: float | None  # accuracy of the batch-calibrated predictions
    calibration: float | None  # expected calibration error, ten bins of equal mass
    brier: float | None
    adherence: float | None  # mean over answers
    coherence: float | None  # mean over answers

    def by_language(self) -> dict[str, float]:
        """Mean score by language."""
        return {str(code): float(value) for code, value in self.scores.groupby(level="language").mean().items()}


def score_name(items: pd.DataFrame) -> str:
    """What an answer is scored by: accuracy for labels, F1, exact match or chrF for free text."""
    return next((name for column, name in FREE_TEXT.items() if column in items.columns), "accuracy")


def with_scores(items: pd.DataFrame) -> pd.DataFrame:
    """The same rows with the column ``score``."""
    column = next((column for column in FREE_TEXT if column in items.columns), None)
    values = (items["gold"] == items["prediction"]).astype(float) if column is None else items[column]
    return items.assign(**{SCORE: values})


@dataclass(frozen=True)
class Answered:
    """What one system answered, before it is measured."""

    strategy: str
    k: int
    name: str
    rows: pd.DataFrame  # with the column ``score``

    @cached_property
    def scores(self) -> "pd.Series[float]":
        """By (language, item), mean over seeds."""
        return scores_of(self.rows, SCORE)

    def measured(self, indexes: Mapping[str, int]) -> System:
        """With all measures; ``indexes``: see `label_indexes`, of all systems of the evaluation."""
        return _measured(self, indexes)


def systems(items: pd.DataFrame) -> list[System]:
    """All systems of ``items``, by k and then in the order of the rows, the one without demonstrations first."""
    indexes = label_indexes(items)
    return [one.measured(indexes) for one in answered(items)]


def answered(items: pd.DataFrame) -> list[Answered]:
    """The same, not measured yet, which takes ten times as long."""
    scored = with_scores(items)
    several = len(set(items["k"]) - {0}) > 1
    keys = list(dict.fromkeys(zip(items["k"].tolist(), items["strategy"].tolist(), strict=True)))
    return [
        Answered(
            strategy,
            int(k),
            f"{strategy}, K = {k}" if (several and k) or sum(other == strategy for _, other in keys) > 1 else strategy,
            scored[(scored["strategy"] == strategy) & (scored["k"] == k)],
        )
        for k, strategy in sorted(keys, key=lambda key: key[0])
    ]


def _measured(one: Answered, indexes: Mapping[str, int]) -> System:
    part, scores = one.rows, one.scores
    closed = score_name(part) == "accuracy"
    probabilities = _probabilities(part) if closed else None
    gold = [indexes.get(str(label)) for label in part["gold"]]
    return System(
        one.strategy,
        one.k,
        one.name,
        scores,
        mean_interval(scores),
        spread(part.groupby("seed")[SCORE].mean().tolist()),
        _macro_f1(part) if closed else None,
        float((part["gold"] == part["prediction_batch"]).mean()) if closed and "prediction_batch" in part else None,
        None if probabilities is None else calibration_error(probabilities.max(1), part[SCORE].to_numpy()),
        None if probabilities is None or None in gold else brier_score(probabilities, np.array(gold, dtype=int)),
        _mean(part, "adherence"),
        _mean(part, "coherence"),
    )


def _macro_f1(part: pd.DataFrame) -> float:
    labels = sorted({*part["gold"], *part["prediction"]})
    answers: dict[tuple[str, int], tuple[list[str], list[str]]] = {}
    columns = (part[name].tolist() for name in ("language", "seed", "gold", "prediction"))
    for code, seed, gold, predicted in zip(*columns, strict=True):
        both = answers.setdefault((code, seed), ([], []))
        both[0].append(gold)
        both[1].append(predicted)
    values = [macro_f1(*answers[key], labels) for key in sorted(answers)]
    return sum(values) / len(values)


def _probabilities(part: pd.DataFrame) -> np.ndarray | None:
    """Probabilities ``(B, L)`` over the labels; None where rows have none, or not equally many."""
    if "log_probs" not in part:
        return None
    rows = _numbers(part["log_probs"])
    if not rows[0] or len({len(row) for row in rows}) != 1:
        return None
    return np.asarray(np.exp(log_softmax(np.array(rows, dtype=float))))


def _numbers(texts: "pd.Series[str]") -> list[list[float]]:
    """Lists that were written as JSON, read in one go, which is several times faster."""
    rows: list[list[float]] = json.loads(f"[{','.join(texts)}]")
    return rows


def label_indexes(items: pd.DataFrame) -> dict[str, int]:
    """Where each label stands in ``log_probs``: a prediction is where its row is highest. Labels that nothing predicts are missing."""
    if "log_probs" not in items or score_name(items) != "accuracy":
        return {}
    highest = [int(np.argmax(row or [0])) for row in _numbers(items["log_probs"])]
    of_prediction = (
        pd.Series(highest).groupby(items["prediction"].astype(str).to_numpy()).agg(lambda indexes: indexes.mode()[0])
    )
    return {str(label): int(index) for label, index in of_prediction.items()}


def _mean(part: pd.DataFrame, column: str) -> float | None:
    if column not in part or part[column].isna().all():
        return None
    return float(part[column].astype(float).mean())


LANGUAGES = "by language"
GROUPS = {"family": "by family", "script": "by script", "resource": "by resource class", "macroarea": "by macro-area"}
MEAN = "mean"
GROUPING = (
    "Means over languages. Varieties of one language, as those of Arabic, weigh as one language.",
    "Family and macro-area after WALS and Grambank; resource class after Joshi et al. (2020): low 0 to 2, middle 3, high 4 and 5.",
)


def grouped(compared: Sequence[System], grouping: str, unit: str) -> Table:
    """Mean over the languages of each group, a column a system."""
    values = {one.name: means_by_group(one.by_language(), grouping) for one in compared}
    groups = dict.fromkeys(group for means in values.values() for group in means)
    rows: list[dict[str, Any]] = []
    for group in groups:
        codes = {code for means in values.values() if group in means for code in means[group][1]}
        kinds = len({language_facts(code).counts_as for code in codes})
        rows.append(
            {GROUPS[grouping].removeprefix("by "): group, "languages": kinds}
            | {name: means[group][0] if group in means else None for name, means in values.items()}
        )
    return _marked(table_of(GROUPS[grouping], rows, dict.fromkeys(values, unit)), compared)


def languages(compared: Sequence[System], unit: str) -> Table:
    """Score by language, a column a system, and the mean of all."""
    values = {one.name: one.by_language() for one in compared}
    codes = sorted({code for means in values.values() for code in means})
    rows: list[dict[str, Any]] = [
        {"language": code, "name": language_name(code), "family": language_facts(code).family}
        | {name: means.get(code) for name, means in values.items()}
        for code in codes
    ]
    rows.append(
        {"language": MEAN, "name": f"{len(codes)} languages", "family": ""}
        | {one.name: one.interval.value for one in compared}
    )
    return _marked(table_of(LANGUAGES, rows, dict.fromkeys(values, unit)), compared)


def heat_map(compared: Sequence[System], score: str, unit: str) -> Figure:
    """Languages down, systems across."""
    rows = [
        {"language": language_name(code), "system": one.name, score: value}
        for one in compared
        for code, value in sorted(one.by_language().items(), key=lambda entry: language_name(entry[0]))
    ]
    title = f"{score} by language and strategy"
    return Figure(title, "heatmap", "system", "language", rows, value=score, unit=unit)


def _marked(table: Table, compared: Sequence[System]) -> Table:
    """The highest number of each row in bold, where there are several systems; no test is made within a row."""
    names = [one.name for one in compared]
    if len(names) < 2:
        return table
    marks: dict[tuple[int, str], str] = {}
    for index, row in enumerate(table.rows):
        numbers = {name: row[table.columns.index(name)] for name in names}
        known: dict[str, Cell] = {name: value for name, value in numbers.items() if isinstance(value, float)}
        highest = max(known.values(), default=None)  # type: ignore[type-var]
        marks |= {(index, name): BEST for name, value in known.items() if value == highest}
    return replace(table, marks=marks, note="Bold: the highest of the row; rows are not tested.")


def language_name(code: str) -> str:
    """English name, and the code where nobody knows it."""
    try:
        return language(code).name
    except CoreError:
        return code
