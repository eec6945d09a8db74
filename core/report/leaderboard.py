"""A leaderboard of evaluation records: strategies x models on one task, with significance groups, by family, script and resource class.

Systems of different records are compared on the (language, item) that both answered: one bootstrap, sign flips by item, Holm over all
pairs. Groups are made as WMT makes its clusters: the best and all that it is not significantly better than are group 1, the best of the
rest and all that it is not better than are group 2, and so on. Two systems without a common item are never significantly different.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.languages import means_by_group
from core.report.cells import SHARE, written
from core.report.document import BEST, LEVEL, Row, Table, table_of
from core.report.reading import Record
from core.report.systems import System, score_name, systems
from core.statistics.comparisons import Comparison, compare_all, not_worse_than_best

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
    compared: int  # pairs that share items
    commits: tuple[str, ...]

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
        note = "Group: systems of one group are not told apart from the best of it (Holm over all pairs, .05)."
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


def leaderboards(records: Sequence[Record]) -> dict[str, Leaderboard]:
    """A board for every task that has evaluated systems, by task; records without items are passed over."""
    by_task: dict[str, list[Record]] = {}
    for record in records:
        if record.items is not None and not record.items.empty and record.kind == "evaluation":
            by_task.setdefault(f"{record.entry.get('task') or 'unknown'}", []).append(record)
    return {task: _board(task, several) for task, several in by_task.items()}


def _board(task: str, records: Sequence[Record]) -> Leaderboard:
    entrants: list[tuple[Record, System]] = []
    scores = {score_name(record.items) for record in records if record.items is not None}
    score = sorted(scores)[0]
    for record in records:
        assert record.items is not None
        if score_name(record.items) == score:
            entrants += [(record, system) for system in systems(record.items)]
    entrants.sort(key=lambda pair: -pair[1].interval.value)
    keys = [str(index) for index in range(len(entrants))]
    comparisons = compare_all(dict(zip(keys, (system.scores for _, system in entrants), strict=True)))
    groups = significance_groups({key: entrants[int(key)][1].interval.value for key in keys}, comparisons)
    entries = [
        Entry(record.name, _model(record.entry), _prompt(record.entry), system, groups[key])
        for key, (record, system) in zip(keys, entrants, strict=True)
    ]
    entries.sort(key=lambda entry: (entry.group, -entry.system.interval.value))
    commits = dict.fromkeys(str(record.entry["commit"]) for record in records if record.entry.get("commit"))
    return Leaderboard(task, score, tuple(entries), len(comparisons), tuple(commits))


def significance_groups(means: Mapping[str, float], comparisons: Sequence[Comparison]) -> dict[str, int]:
    """The group of each system, from 1: those that the best of the systems left is not significantly better than."""
    groups: dict[str, int] = {}
    remaining = dict(means)
    pairs = {frozenset((one.first, one.second)) for one in comparisons}
    while remaining:
        best, level = not_worse_than_best(remaining, comparisons)
        apart = [name for name in remaining if name != best and frozenset((best, name)) not in pairs]
        number = max(groups.values(), default=0) + 1
        for name in (best, *level, *apart):
            groups[name] = number
            del remaining[name]
    return groups


def _model(entry: Mapping[str, Any]) -> str:
    model = entry.get("model")
    if not isinstance(model, Mapping):
        return str(model or "unknown")
    parts = [str(model.get("name", "unknown")).rstrip("/").split("/")[-1]]
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
