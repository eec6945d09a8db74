"""Systems of several evaluation records against each other: trained runs of several seeds, and what they are compared with.

A system is what a strategy answered in one record, or in several that differ in the training seed alone. A hypothesis compares one system
with others by item; its interval is over items and, where a system was trained more than once, over training seeds too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import InvalidConfig, InvalidData
from core.experiments.runner import COMPARED, Results, Row, cell, comparison_rows, findings, right_answers
from core.languages import language
from core.report.cells import POINTS, SHARE
from core.report.document import Figure
from core.report.reading import Record, read_record
from core.run_record import command, commit
from core.statistics.bootstrap import over_items_and_seeds
from core.statistics.comparisons import Comparison, compare_all, mean_interval
from core.statistics.values import Undefined

KIND = "comparison"
Z_80 = 2.8016  # 1.9600 + 0.8416: two-sided level .05, seen in 80 of 100 such runs


@dataclass(frozen=True)
class Source:
    """What one strategy answered in one record; ``k`` None: the record's only number of demonstrations."""

    folder: Path
    strategy: str
    k: int | None = None


@dataclass(frozen=True)
class _System:
    """Right answers (0 or 1, mean over sampling seeds) of a system, one Series by (language, item) for each training seed."""

    runs: tuple["pd.Series[float]", ...]

    @property
    def mean(self) -> "pd.Series[float]":
        return _mean(self.runs)


def compare(systems: Mapping[str, Sequence[Source]], first: str, shared: bool = False) -> Row:
    """The record of ``first`` against every other system. All must have answered the same queries; ``shared``: those that all answered.

    p: sign flips by item on means over training seeds, Holm over the pairs. ``detectable``: the least difference that such a
    comparison sees in 80 of 100 runs at level .05, from the width of its interval. Raises ``InvalidConfig`` and ``InvalidData``.
    """
    if first not in systems or len(systems) < 2:
        raise InvalidConfig(
            f"Nothing stands against {first!r}: name it and at least one more system; there are {', '.join(systems) or 'none'}."
        )
    records = {one.folder: read_record(one.folder) for sources in systems.values() for one in sources}
    made = {
        name: _System(tuple(_answers(records[one.folder], one) for one in sources)) for name, sources in systems.items()
    }
    if shared:
        made = _on_shared_queries(made)
    else:
        _check_same_queries(made)
    compared = compare_all(
        {name: one.mean for name, one in made.items()}, [(first, name) for name in made if name != first]
    )
    results = _results(made, compared)
    lead = records[systems[first][0].folder].entry
    return {
        "kind": KIND,
        "title": f"{first} against {', '.join(name for name in made if name != first)}",
        "command": command(),
        "commit": commit(),
        **{field: lead[field] for field in ("model", "task", "data") if field in lead},
        "config": {name: [_written(one) for one in sources] for name, sources in systems.items()},
        "items": len(made[first].mean.index.unique("item")),
        **results.entry,
    }


def _written(source: Source) -> str:
    return f"{source.folder}:{source.strategy}" + (f":{source.k}" if source.k is not None else "")


def _answers(record: Record, source: Source) -> "pd.Series[float]":
    items = record.items
    if items is None or "prediction" not in items.columns or "gold" not in items.columns:
        raise InvalidData(
            f"{source.folder} has no answers with gold labels (items.parquet); an evaluation of a labelled task has."
        )
    rows = items[items["strategy"] == source.strategy]
    there = sorted(rows["k"].unique())
    k = source.k if source.k is not None else there[0] if len(there) == 1 else None
    if k is None or k not in there:
        names, sizes = (", ".join(map(str, sorted(items[column].unique()))) for column in ("strategy", "k"))
        raise InvalidData(
            f"{source.folder} holds {names}, K = {sizes}; {_written(source)} is not one of them. Write FOLDER:STRATEGY "
            "or FOLDER:STRATEGY:K."
        )
    return right_answers(rows[rows["k"] == k])


def _check_same_queries(systems: Mapping[str, _System]) -> None:
    runs = [(name, run) for name, one in systems.items() for run in one.runs]
    for name, run in runs[1:]:
        apart = runs[0][1].index.symmetric_difference(run.index)
        if len(apart):
            raise InvalidData(
                f"{runs[0][0]} and {name} did not answer the same queries: {len(apart)} were answered by one of them alone, for example "
                f"{apart[0]}; evaluate both with the same --queries, --languages and --most, or compare by --shared what all "
                "answered."
            )


def _on_shared_queries(systems: Mapping[str, _System]) -> dict[str, _System]:
    """Every run on the queries that all of them answered. Raises ``InvalidData`` where there is none."""
    runs = [run for one in systems.values() for run in one.runs]
    there = reduce(lambda kept, run: kept.intersection(run.index), runs[1:], runs[0].index)
    if not len(there):
        raise InvalidData(
            "No query was answered by all systems; evaluate them with the same --queries and --languages."
        )
    return {name: _System(tuple(run.loc[there] for run in one.runs)) for name, one in systems.items()}


def _results(systems: Mapping[str, _System], compared: Sequence[Comparison]) -> Results:
    rows = [_row(name, one) for name, one in systems.items()]
    pairs = comparison_rows(compared)
    for row, one in zip(pairs, compared, strict=True):
        both = over_both(systems[one.first].runs, systems[one.second].runs)
        row["over items and seeds"] = both
        low, high = (both or row["first minus second"])[1:]
        row["detectable"] = round(Z_80 * (high - low) / 3.92, 4)
    languages = _by_language({name: one.mean for name, one in systems.items()})
    shares = ("accuracy", "lowest seed", "highest seed", *systems)
    return Results(
        findings(compared),
        {"systems": rows, "pairs": pairs, "by language": languages},
        COMPARED | dict.fromkeys(shares, SHARE) | dict.fromkeys(("over items and seeds", "detectable"), POINTS),
        {"accuracy": Figure("Accuracy by system", "bar", "system", "accuracy", rows, unit=SHARE)},
    )


def _by_language(means: Mapping[str, "pd.Series[float]"]) -> list[Row]:
    table = pd.DataFrame({name: mean.groupby(level="language").mean() for name, mean in means.items()})
    rows = [{"language": str(code), "name": language(str(code)).name} for code in table.index]
    rows.append({"language": "mean", "name": f"{len(rows)} languages"})
    shares = [*table.to_numpy().round(4).tolist(), table.mean().round(4).tolist()]
    return [row | dict(zip(means, values, strict=True)) for row, values in zip(rows, shares, strict=True)]


def _row(name: str, system: _System) -> Row:
    by_run = [float(run.mean()) for run in system.runs]
    row: dict[str, Any] = {"system": name, "accuracy": cell(mean_interval(system.mean)), "training seeds": len(by_run)}
    return row | {"lowest seed": round(min(by_run), 4), "highest seed": round(max(by_run), 4)}


def over_both(first: Sequence["pd.Series[float]"], second: Sequence["pd.Series[float]"]) -> list[float] | None:
    """``first`` minus ``second`` with its interval over items and training seeds, [value, low, high]; None where neither was trained twice.

    Runs of equal number are paired in their order; otherwise each of the longer list stands against the mean of the other.
    """
    if max(len(first), len(second)) < 2:
        return None
    if len(first) == len(second):
        changes = [a - b for a, b in zip(first, second, strict=True)]
    elif len(first) > len(second):
        changes = [run - _mean(second) for run in first]
    else:
        changes = [_mean(first) - run for run in second]
    return changes_over_seeds(changes)


def _mean(runs: Sequence["pd.Series[float]"]) -> "pd.Series[float]":
    return pd.concat(list(runs)).groupby(level=["language", "item"]).mean()


def changes_over_seeds(changes: Sequence["pd.Series[float]"]) -> list[float] | None:
    """A change by (language, item) under each training seed, as [mean, low, high] over items and seeds; None with one seed."""
    by_item = pd.concat([change.groupby(level="item").agg(["sum", "size"]) for change in changes], axis=1).fillna(0.0)
    table = by_item.to_numpy(dtype=float)  # (I, 2 S), sum and count of each seed
    interval = over_items_and_seeds(np.ascontiguousarray(table[:, ::2].T), np.ascontiguousarray(table[:, 1::2].T))
    return None if isinstance(interval, Undefined) else cell(interval)
