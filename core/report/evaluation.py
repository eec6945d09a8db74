"""The report of an evaluation: strategies with intervals, tests of all pairs, languages and what they have in common.

Everything is computed from the item-level predictions; a record without them is shown by its own summary.
"""

from collections.abc import Sequence
from typing import Any

from core.report import generic
from core.report.cells import POINTS, PROBABILITY, SHARE, written
from core.report.document import BEST, LEVEL, Document, Figure, Section, Table, table_of
from core.report.reading import Record
from core.report.systems import GROUPING, GROUPS, ZERO_SHOT, System, grouped, heat_map, languages, score_name, systems
from core.selection.strategies import STRATEGIES
from core.statistics.comparisons import ENOUGH_SEEDS, Comparison, compare_all, not_worse_than_best, too_few_seeds

SYSTEMS, PAIRS, BY_K = "strategies", "pairs of strategies", "by number of demonstrations"
FEW = 4  # strategies that are named one by one
MOST_PAIRS_NAMED = 6  # more of them are left to the table


def document(record: Record) -> Document:
    """Findings; strategies; pairs; groups of languages; languages; then what the record brings of its own."""
    if record.items is None or record.items.empty:
        note = Section.of(
            "Findings", ("This record has no items.parquet, so nothing can be tested; these are its means.",)
        )
        return Document(
            generic.title_of(record), generic.facts_of(record.entry), (note, *generic.own_sections(record.entry))
        )
    return Evaluated(record).document()


class Evaluated:
    """The systems of a record and all their comparisons, computed once."""

    def __init__(self, record: Record) -> None:
        assert record.items is not None
        self.record, self.items = record, record.items
        self.score = score_name(self.items)
        self.unit = "" if self.score == "chrF" else SHARE
        self.systems = systems(self.items)
        self.groups = _side_by_side(self.systems)
        pairs = dict.fromkeys(
            (a.name, b.name) for group in self.groups for index, a in enumerate(group) for b in group[index + 1 :]
        )
        self.compared = compare_all({one.name: one.scores for one in self.systems}, list(pairs))

    def document(self) -> Document:
        """The whole report."""
        own = {key: value for key, value in self.record.entry.items() if key not in ("results", "rows")}
        return Document(
            generic.title_of(self.record),
            generic.facts_of(self.record.entry),
            (
                Section.of("Findings", (*self.findings(), *self.warnings(), *self.extent())),
                Section.of(
                    "Strategies", self.method(), (self.strategies(), *self.by_k(), self.pairs()), self.figures()
                ),
                Section.of(
                    "Groups of languages", GROUPING, tuple(grouped(self.systems, name, self.unit) for name in GROUPS)
                ),
                Section.of(
                    "Languages",
                    (),
                    (languages(self.systems, self.unit),),
                    (heat_map(self.systems, self.score, self.unit),),
                ),
                *generic.own_sections(own),
            ),
        )

    def extent(self) -> list[str]:
        """How much was asked."""
        items, codes = set(self.items["item"]), set(self.items["language"])
        queries = self.items.drop_duplicates(["language", "item"]).groupby("language").size()
        each = f"{queries.min()}" if queries.min() == queries.max() else f"{queries.min()} to {queries.max()}"
        seeds = sorted({int(seed) for seed in self.items["seed"]})
        return [
            f"{len(codes)} languages, {each} queries in each, {len(items)} different items; seeds {', '.join(map(str, seeds))}."
        ]

    def findings(self) -> list[str]:
        """The best system, those it differs from significantly, and how many pairs differ."""
        sentences = [self._best(group) for group in self.groups if len(group) > 1]
        sure = [entry for entry in self.compared if entry.significant]
        unsure = [f"{entry.first} and {entry.second}" for entry in self.compared if not entry.significant]
        if self.compared:
            rest = (
                f"; not told apart: {'; '.join(unsure)}."
                if 0 < len(unsure) <= MOST_PAIRS_NAMED
                else ", see the table of pairs."
            )
            sentences.append(
                f"{len(sure)} of {len(self.compared)} pairs differ significantly (p of Holm at most 0.05)"
                + (rest if unsure else ".")
            )
        return sentences

    def _best(self, group: Sequence[System]) -> str:
        means = {one.name: one.interval.value for one in group}
        best, level = not_worse_than_best(means, self.compared)
        worse = [name for name in means if name not in (best, *level) and self._pair(best, name)]
        of = next(one for one in group if one.name == best)
        amount = written((of.interval.value, of.interval.low, of.interval.high), self.unit)
        names = {one.name: one.strategy for one in group}
        where = f" at K = {max(one.k for one in group)}" if len(self.groups) > 1 else ""
        # Best of what: a record of two baselines says little about a strategy.
        compared = ", ".join(names.values()) if len(names) <= FEW else f"{len(names)} strategies"
        parts = [f"Best of {compared}{where}: {names[best]}, {self.score} {amount}{' %' if self.unit else ''}"]
        parts += [f"significantly better than {', '.join(names[name] for name in worse)}"] if worse else []
        parts += [f"not significantly better than {', '.join(names[name] for name in level)}"] if level else []
        return "; ".join(parts) + "."

    def warnings(self) -> list[str]:
        """What a reader must know before she quotes a number."""
        mixed = (self.record.entry.get("config") or {}).get("shown_labels", "gold") != "gold"  # other labels are drawn
        seeds = {
            one.strategy: one.seeds.seeds for one in self.systems if one.k and (mixed or _has_chance(one.strategy))
        }
        names = {one.strategy for one in self.systems}
        weak = {ZERO_SHOT, "random", "balanced"}
        alone = [
            f"Only {' and '.join(sorted(names & weak))} stood beside it: no choice by likeness (bm25, knn) was compared."
        ]
        return (alone if len(names - weak) == 1 and names & weak else []) + [
            f"{name} has chance in it and was run under {number} seed{'s' if number > 1 else ''}; {ENOUGH_SEEDS} are the least that show "
            "how much it depends on the draw."
            for name, number in too_few_seeds(seeds).items()
        ]

    def method(self) -> tuple[str, ...]:
        """How the numbers are made, in words."""
        return (
            f"Means over all queries; intervals are 95 %, percentile bootstrap over items: translations of an item, and seeds, are drawn "
            f"together. p: two-sided sign-flip permutation test by item; p (Holm): corrected over the {len(self.compared)} pairs compared.",
            "ECE: expected calibration error of the highest label probability, ten bins of equal mass.",
        )

    def strategies(self) -> Table:
        """One row a system; the best of each k marked."""
        rows = [self._row(one) for one in self.systems]
        filled = {column for row in rows for column, value in row.items() if value is not None}
        marks: dict[tuple[int, str], str] = {}
        for index, one in enumerate(self.systems):
            if mark := self._mark(one):
                marks[index, self.score] = mark
        units = dict.fromkeys((self.score, "macro-F1", "batch-calibrated", "SD over seeds", "ECE", "adherence"), SHARE)
        return table_of(
            SYSTEMS,
            [{column: value for column, value in row.items() if column in filled} for row in rows],
            units | {self.score: self.unit, "wall time": "s"},
            marks=marks,
        )

    def by_k(self) -> list[Table]:
        """K down, strategies across, where there are several k; the best of each row marked."""
        if len(self.groups) < 2:
            return []
        rows, marks = [], {}
        for index, group in enumerate(self.groups):
            means = {one.name: one.interval.value for one in group}
            best, level = not_worse_than_best(means, self.compared)
            strategies = {one.name: one.strategy for one in group}
            marks[index, strategies[best]] = BEST
            marks |= {(index, strategies[name]): LEVEL for name in level}
            rows.append({"K": max(one.k for one in group)} | {one.strategy: one.interval.value for one in group})
        return [table_of(BY_K, rows, {one.strategy: self.unit for one in self.systems}, marks=marks)]

    def _row(self, one: System) -> dict[str, Any]:
        passes = [
            entry["seconds"]
            for entry in self.record.entry.get("passes") or ()
            if str(entry["pass"]).startswith(f"{one.strategy}-k{one.k}-s")
        ]
        return {
            "strategy": one.strategy,
            "K": one.k,
            self.score: (one.interval.value, one.interval.low, one.interval.high),
            "macro-F1": one.macro_f1,
            "batch-calibrated": one.batch,
            "ECE": one.calibration,
            "Brier": one.brier,
            "adherence": one.adherence,
            "coherence": one.coherence,
            "seeds": one.seeds.seeds,
            "SD over seeds": one.seeds.deviation,
            "wall time": round(sum(passes), 1) if passes else None,
        }

    def _mark(self, one: System) -> str:
        """BEST where it is the best beside which it stands (zero-shot: beside every k), LEVEL where not significantly different."""
        marks = []
        for group in self.groups:
            if one.name in [other.name for other in group]:
                best, level = not_worse_than_best({o.name: o.interval.value for o in group}, self.compared)
                marks.append(BEST if best == one.name else LEVEL if one.name in level else "")
        return marks[0] if len(set(marks)) == 1 else ""

    def pairs(self) -> Table:
        """One row a pair, with difference, interval and both p."""
        rows = [
            {
                "first": entry.first,
                "second": entry.second,
                "difference": (entry.difference.value, entry.difference.low, entry.difference.high),
                "p": entry.p,
                "p (Holm)": entry.p_holm,
                "items": entry.items,
                "significant": entry.significant,
            }
            for entry in self.compared
        ]
        units = {"difference": POINTS if self.unit else "", "p": PROBABILITY, "p (Holm)": PROBABILITY}
        return table_of(PAIRS, rows, units, "Difference: first minus second, on what both answered." if rows else "")

    def figures(self) -> tuple[Figure, ...]:
        """Systems with their intervals; against K where there are several."""
        several = len(self.groups) > 1
        rows = [
            {
                "K": one.k,
                "strategy": one.strategy,
                self.score: [one.interval.value, one.interval.low, one.interval.high],
            }
            for one in self.systems
        ]
        if several:
            title = f"{self.score} by number of demonstrations"
            return (Figure(title, "line", "K", self.score, rows, series="strategy", unit=self.unit),)
        return (Figure(f"{self.score} by strategy", "bar", "strategy", self.score, rows, unit=self.unit),)

    def _pair(self, first: str, second: str) -> Comparison | None:
        return next((entry for entry in self.compared if {entry.first, entry.second} == {first, second}), None)


def _has_chance(strategy: str) -> bool:
    return strategy in STRATEGIES and STRATEGIES[strategy].seeded


def _side_by_side(measured: Sequence[System]) -> list[list[System]]:
    """Systems that are compared with each other: those with the same k, and zero-shot beside each of them."""
    zero_shot = [one for one in measured if one.k == 0]
    several = sorted({one.k for one in measured if one.k})
    return [[*zero_shot, *(one for one in measured if one.k == k)] for k in several] or [zero_shot]
