"""A leaderboard of evaluation records: strategies x models on one task, with significance groups, by family, script and resource class.

A board holds the systems that were asked the same (language, item), of one record or of several: only these can be ranked. Groups are made
as WMT makes its clusters: the best and all that it is not significantly better than are group 1, the best of the rest and all that it is
not better than are group 2, and so on. Each group's comparisons are with its best alone, sign flips by item, Holm over them: over all pairs
of thirty systems no p of 10,000 draws could be significant.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from core.languages import means_by_group
from core.models.catalogue import settled_name
from core.report.cells import SHARE, written
from core.report.document import BEST, LEVEL, Row, Table, table_of
from core.report.reading import Record
from core.report.systems import Answered, System, answered, label_indexes, score_name
from core.statistics.comparisons import compare_all, not_worse_than_best

if TYPE_CHECKING:
    import pandas as pd

MEASURE_COLUMNS = ("strategy", "K", "model", "prompt", "record", "group")
GROUPINGS = ("family", "script", "resource")


@dataclass(frozen=True)
class Entry:
    """One system of the board."""

    record: str  # name of its folder
    model: str
    prompt: str  # variant and calibration, "" in records that do not say
    system: System
    group: int  # of significance, 1 is the best

    @property
    def name(self) -> str:
        """Strategy, K and model."""
        k = f", K = {self.system.k}" if self.system.k else ""
        return f"{self.system.strategy}{k} ({', '.join(part for part in (self.model, self.prompt) if part)})"

    def means(self, grouping: str) -> dict[str, float]:
        """Mean score by group of languages: family, script, resource or macroarea."""
        return {group: mean for group, (mean, _) in means_by_group(self.system.by_language(), grouping).items()}


@dataclass(frozen=True)
class Leaderboard:
    """All systems of one task, best first."""

    task: str
    score: str  # what an answer is scored by
    entries: tuple[Entry, ...]
    compared: int  # pairs that were tested
    commits: tuple[str, ...]
    languages: int
    queries: int  # (language, item), the same of every system

    @property
    def unit(self) -> str:
        """Of the score."""
        return "" if self.score == "chrF" else SHARE

    @property
    def headline(self) -> str:
        """The best system, and those that do not differ significantly from it."""
        first, *others = self.entries
        interval = first.system.interval
        amount = written((interval.value, interval.low, interval.high), self.unit) + (" %" if self.unit else "")
        line = f"Best of {len(self.entries)} systems on {self.task}: {first.name}, {self.score} {amount}"
        level = [entry.name for entry in others if entry.group == 1]
        if not others:
            return f"One system on {self.task}, so there is nothing to compare: {first.name}, {self.score} {amount}."
        return line + (
            f"; not told apart from it: {'; '.join(level)}." if level else "; significantly above all others."
        )

    def rows(self, grouping: str = "") -> list[Row]:
        """One row a system; with ``grouping`` (family, script, resource, macroarea) a column for each group of languages."""
        groups = dict.fromkeys(group for entry in self.entries for group in entry.means(grouping)) if grouping else {}
        return [self._row(entry) | self._grouped(entry, grouping, list(groups)) for entry in self.entries]

    def table(self, grouping: str = "") -> Table:
        """The board as a table; the best in bold, with a dagger those that do not differ significantly from it."""
        rows = self.rows(grouping)
        shares = [column for column in rows[0] if column not in (*MEASURE_COLUMNS, "languages", "items", "seeds")]
        marks = {
            (index, self.score): BEST if index == 0 else LEVEL
            for index, entry in enumerate(self.entries)
            if entry.group == 1
        }
        name = f"leaderboard of {self.task}" + (f" by {grouping}" if grouping else "")
        note = "Group: systems of one group are not told apart from the best of it (Holm over its comparisons, .05)."
        return table_of(name, rows, dict.fromkeys(shares, self.unit), note, marks)

    def csv(self, grouping: str = "") -> str:
        """The board for spreadsheets: numbers as they are, an interval in three columns."""
        lines = [_flat(row) for row in self.rows(grouping)]
        columns = list(dict.fromkeys(column for line in lines for column in line))
        file = io.StringIO()
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(lines)
        return file.getvalue()

    def citation(self) -> str:
        """BibTeX for the numbers: the records they come from and the commits that made them."""
        records = ", ".join(dict.fromkeys(entry.record for entry in self.entries))
        commits = ", ".join(self.commits) or "unknown"
        return (
            f"@misc{{agl_leaderboard_{self.task.replace('-', '_')},\n"
            f"  title = {{AGL: {self.score} of {len(self.entries)} systems on {self.task}}},\n"
            f"  note = {{Records {records}; commits {commits}}},\n"
            "  howpublished = {Evaluation records of AGL, after arXiv 2412.08955}\n}\n"
        )

    def _row(self, entry: Entry) -> dict[str, Any]:
        one = entry.system
        return {
            "strategy": one.strategy,
            "K": one.k,
            "model": entry.model,
            "prompt": entry.prompt,
            self.score: [one.interval.value, one.interval.low, one.interval.high],
            "group": entry.group,
            **({"macro-F1": one.macro_f1} if one.macro_f1 is not None else {}),
            "languages": len(one.by_language()),
            "items": one.scores.index.get_level_values("item").nunique(),
            "seeds": one.seeds.seeds,
            "record": entry.record,
        }

    @staticmethod
    def _grouped(entry: Entry, grouping: str, groups: Sequence[str]) -> dict[str, Any]:
        means = entry.means(grouping) if grouping else {}
        return {group: means.get(group) for group in groups}


@dataclass(frozen=True)
class Comparable:
    """The systems that were asked the same, which a board can rank."""

    task: str
    score: str
    entrants: tuple[tuple[Record, Answered], ...]

    @property
    def languages(self) -> int:
        """How many they were asked in."""
        return int(self.entrants[0][1].scores.index.get_level_values("language").nunique())

    @property
    def queries(self) -> int:
        """Pairs of (language, item)."""
        return len(self.entrants[0][1].scores)

    @cached_property
    def board(self) -> Leaderboard:
        """The board, measured and compared when it is first asked for: a second or so for thirty systems."""
        records = {id(record): record for record, _ in self.entrants}
        of_record = {key: label_indexes(one.items) for key, one in records.items() if one.items is not None}
        measured = [(record, one.measured(of_record[id(record)])) for record, one in self.entrants]
        return _board(self, measured)


def leaderboards(records: Sequence[Record]) -> dict[str, Leaderboard]:
    """A board for every task and set of queries, see `comparable`."""
    return {name: one.board for name, one in comparable(records).items()}


def comparable(records: Sequence[Record]) -> dict[str, Comparable]:
    """What can be ranked; the most systems of a task have its name, the next most "task 2" and so on.

    Passed over: records without items, and those whose demonstrations show other labels than their own, which test a model and no system.
    """
    entrants: dict[tuple[str, str, frozenset[object]], list[tuple[Record, Answered]]] = {}
    for record in records:
        if record.items is not None and not record.items.empty and record.kind == "evaluation" and _shows_gold(record):
            task, score = f"{record.entry.get('task') or 'unknown'}", score_name(record.items)
            for one in answered(record.items):
                entrants.setdefault((task, score, frozenset(one.scores.index)), []).append((record, one))
    ranked: dict[str, Comparable] = {}
    for (task, score, _), several in sorted(entrants.items(), key=lambda entry: (entry[0][0], -len(entry[1]))):
        number = 1 + sum(one.task == task for one in ranked.values())
        ranked[task if number == 1 else f"{task} {number}"] = Comparable(task, score, tuple(several))
    return ranked


def _shows_gold(record: Record) -> bool:
    config = record.entry.get("config")
    return not isinstance(config, Mapping) or config.get("shown_labels", "gold") == "gold"


def _board(one: Comparable, measured: Sequence[tuple[Record, System]]) -> Leaderboard:
    groups, compared = significance_groups([system.scores for _, system in measured])
    entries = [
        Entry(record.name, _model(record.entry), _prompt(record.entry), system, group)
        for (record, system), group in zip(measured, groups, strict=True)
    ]
    entries.sort(key=lambda entry: (entry.group, -entry.system.interval.value))
    commits = dict.fromkeys(str(r.entry["commit"]) for r, _ in measured if r.entry.get("commit"))
    return Leaderboard(one.task, one.score, tuple(entries), compared, tuple(commits), one.languages, one.queries)


def significance_groups(scores: Sequence["pd.Series[float]"]) -> tuple[list[int], int]:
    """The group of each system, from 1, and how many pairs were tested; ``scores`` by the same (language, item) each."""
    names = {str(number): values for number, values in enumerate(scores)}
    means = {name: float(values.mean()) for name, values in names.items()}
    groups: dict[str, int] = {}
    tested = 0
    while means:
        best = max(means, key=lambda name: means[name])
        comparisons = compare_all(names, [(best, other) for other in means if other != best])
        tested += len(comparisons)
        _, level = not_worse_than_best(means, comparisons)
        number = max(groups.values(), default=0) + 1
        for name in (best, *level):
            groups[name] = number
            del means[name]
    return [groups[name] for name in names], tested


def _model(entry: Mapping[str, Any]) -> str:
    model = entry.get("model")
    if not isinstance(model, Mapping):
        return str(model or "unknown")
    parts = [settled_name(str(model.get("name", "unknown"))).rstrip("/").split("/")[-1]]
    parts += [str(model["precision"])] if model.get("precision") not in (None, "fp32") else []
    return " ".join([*parts, *([f"run {model['run']}"] if model.get("run") else [])])


def _prompt(entry: Mapping[str, Any]) -> str:
    parts = [str(entry[name]) for name in ("prompt", "calibration") if entry.get(name) not in (None, "", "none")]
    return ", ".join(parts)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for column, cell in row.items():
        if isinstance(cell, list):
            line |= dict(zip((column, f"{column}, low", f"{column}, high"), cell, strict=True))
        else:
            line[column] = "" if cell is None else cell
    return line
