"""The items of an evaluation as rows, without gradio: what was asked, and what every system answers.

A system is a strategy with a number of demonstrations, a seed and what was done to their labels; rows keep the order of the record.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from app.strategies import strategy_title
from app.texts import Texts
from core.records import Example
from core.report.systems import SCORE, score_name, with_scores

PLAIN_LABELS = "gold"  # demonstrations with the labels they have
PAGE = 25  # rows


@dataclass(frozen=True)
class ItemSystem:
    """One run through the queries."""

    strategy: str
    k: int = 0
    seed: int = 0
    labels: str = PLAIN_LABELS  # of the demonstrations: gold, permuted, random or swapped


@dataclass(frozen=True)
class Answered:
    """What a system answers to one query."""

    label: str  # as in the record: a label, or the text of a free answer
    text: str  # the word or text itself
    score: float  # in [0, 1] for labels, F1 and exact match; chrF in [0, 100]


@dataclass(frozen=True)
class Row:
    """One query and its answers."""

    query: Example  # ``text`` is "" where nobody knows it, ``label`` is "" without gold
    answers: Mapping[ItemSystem, Answered]
    written_in: str  # language of the answers

    def right(self, system: ItemSystem) -> bool:
        """Whether a system gives the gold label."""
        return bool(self.query.label) and system in self.answers and self.answers[system].label == self.query.label

    def wrong(self, system: ItemSystem) -> bool:
        """Whether a system gives another label than the gold one."""
        return bool(self.query.label) and system in self.answers and not self.right(system)


@dataclass(frozen=True)
class ItemTable:
    """All rows of an evaluation."""

    rows: tuple[Row, ...]
    systems: tuple[ItemSystem, ...]
    task: str
    closed: bool  # labels, and not free text
    labelled: bool
    unit: str = ""  # what a free answer's score is called

    @property
    def languages(self) -> dict[str, int]:
        """Rows of each language of a query."""
        counts: dict[str, int] = {}
        for row in self.rows:
            counts[row.query.language] = counts.get(row.query.language, 0) + 1
        return counts

    def share(self, system: ItemSystem) -> float:
        """Mean score of a system, over the rows that it answers."""
        scores = [row.answers[system].score for row in self.rows if system in row.answers]
        return sum(scores) / len(scores) if scores else 0.0

    def pair(self) -> tuple[ItemSystem, ItemSystem]:
        """What is compared before anybody chooses: the best system and the best of another strategy; without gold the first ones."""
        ranked = sorted(self.systems, key=lambda system: -self.share(system)) if self.labelled else list(self.systems)
        others = [system for system in ranked[1:] if system.strategy != ranked[0].strategy] or ranked[1:] or ranked
        return ranked[0], others[0]

    def title(self, system: ItemSystem, texts: Texts) -> str:
        """What people read of a system; K, seed and labels where they tell systems of a strategy apart."""
        same = [other for other in self.systems if other.strategy == system.strategy]
        parts = [strategy_title(texts, system.strategy)]
        parts += [f"K {system.k}"] if len({other.k for other in same}) > 1 else []
        parts += [f"{texts('explore.seed')} {system.seed}"] if len({other.seed for other in same}) > 1 else []
        parts += [system.labels] if system.labels != PLAIN_LABELS else []
        return ", ".join(parts)


def item_table(items: pd.DataFrame, task: str, queries: Mapping[str, Example], labelled: bool = True) -> ItemTable:
    """The table of an evaluation's rows. ``queries``: texts by id, as far as they are known."""
    scored = with_scores(items)
    known: dict[str, Example] = {}
    answers: dict[str, dict[ItemSystem, Answered]] = {}
    languages: dict[str, str] = {}
    for entry in _entries(scored):
        identity = entry["id"]
        if identity not in known:
            listed = queries.get(identity)
            text, gold = (listed.text, listed.label) if listed else ("", entry["gold"])
            label = (gold or entry["gold"]) if labelled else ""
            known[identity] = Example(identity, entry["item"], entry["language"], text, label)
            languages[identity] = entry["answer_language"] or entry["language"]
        system = ItemSystem(entry["strategy"], int(entry["k"]), int(entry["seed"]), entry["shown_labels"])
        text = entry["answer"] or entry["prediction"]
        answers.setdefault(identity, {})[system] = Answered(entry["prediction"], text, float(entry[SCORE]))
    rows = tuple(Row(query, answers[identity], languages[identity]) for identity, query in known.items())
    systems = tuple(dict.fromkeys(system for row in rows for system in row.answers))
    unit = score_name(items)
    return ItemTable(rows, systems, task, unit == "accuracy", labelled and any(row.query.label for row in rows), unit)


def _entries(items: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """The columns that a row needs, one dict a line; what an older record lacks is empty."""
    plain = {
        "id": "item",
        "shown_labels": PLAIN_LABELS,
        "gold": "",
        "answer": "",
        "answer_language": "",
        "prediction": "",
    }
    columns: dict[str, list[Any]] = {
        name: items[name].tolist() for name in ("item", "language", "strategy", "k", "seed", SCORE)
    }
    for name, default in plain.items():
        if name in items:
            columns[name] = [value if isinstance(value, str) else "" for value in items[name]]
        else:
            columns[name] = columns[default] if default in columns else [default] * len(items)
    columns["item"] = [str(value) for value in columns["item"]]
    columns["id"] = [str(value) for value in columns["id"]]
    return (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


@dataclass(frozen=True)
class Choice:
    """Which rows are on show. ``first`` and ``second`` are positions in ``ItemTable.systems``; "" leaves the pair to the table."""

    filter: str = "all"
    first: str = ""
    second: str = ""
    language: str = ""  # code; "": all
    page: int = 0

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Choice":
        """Out of what the browser sent; anything that is no choice is the first one."""
        texts = {field.name: str(data.get(field.name) or "")[:40] for field in fields(cls)}
        page = int(texts["page"]) if texts["page"].isdecimal() else 0
        return cls(texts["filter"] or "all", texts["first"], texts["second"], texts["language"], page)

    def pair(self, table: ItemTable) -> tuple[ItemSystem, ItemSystem]:
        """The two systems that are compared."""
        usual = table.pair()
        chosen = [
            table.systems[int(text)] if text.isdecimal() and int(text) < len(table.systems) else default
            for text, default in zip((self.first, self.second), usual, strict=True)
        ]
        return chosen[0], chosen[1]


def filters(table: ItemTable, first: ItemSystem, second: ItemSystem) -> dict[str, Callable[[Row], bool]]:
    """Filters by name, as far as the table has what they ask for; the pair's flips go both ways."""
    tests: dict[str, Callable[[Row], bool]] = {"all": bool}
    if table.labelled and table.closed:
        tests["wrong_first"] = lambda row: row.wrong(first)
    if first != second:
        tests["differ"] = lambda row: (
            first in row.answers and second in row.answers and row.answers[first].label != row.answers[second].label
        )
        if table.labelled and table.closed:
            tests["won"] = lambda row: row.right(first) and row.wrong(second)
            tests["lost"] = lambda row: row.wrong(first) and row.right(second)
    if len(table.systems) > 2:
        tests["disagree"] = lambda row: len({answer.label for answer in row.answers.values()}) > 1
    if table.labelled and table.closed and len(table.systems) > 1:
        tests["wrong"] = lambda row: all(row.wrong(system) for system in row.answers)
    return tests


@dataclass(frozen=True)
class PageOfRows:
    """The rows that a choice leaves, and those of its page."""

    counts: Mapping[str, int]  # rows that each filter leaves, in the language that is chosen
    rows: tuple[Row, ...]  # of the page
    first: int  # position of the first of them
    total: int  # rows that the filter leaves
    page: int
    pages: int


def page_of(table: ItemTable, choice: Choice, size: int = PAGE) -> PageOfRows:
    """One page of the rows that ``choice`` leaves; a page beyond the last is the last."""
    tests = filters(table, *choice.pair(table))
    inside = [row for row in table.rows if choice.language in ("", row.query.language)]
    counts = {name: sum(map(test, inside)) for name, test in tests.items()}
    left = [row for row in inside if tests.get(choice.filter, tests["all"])(row)]
    pages = max(1, -(-len(left) // size))
    page = min(choice.page, pages - 1)
    return PageOfRows(counts, tuple(left[page * size : (page + 1) * size]), page * size, len(left), page, pages)
