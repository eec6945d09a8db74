"""Where the outputs of a study come from: Explore's collection, a table, or an evaluation of ``train.py evaluate``."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotation.errors import InvalidRecord, InvalidTable
from annotation.import_outputs import open_parquet, outputs_of_rows, refuse_large, unknown_columns
from annotation.orders import ranked
from annotation.records import NewOutput, OutputRecord
from app.study.archives import from_archive
from app.study.board import ARCHIVE, EVALUATION, Source
from core.data.examples import read_examples
from core.data.row_reader import read_file
from core.errors import CoreError
from core.languages import language

MOST_ROWS = 1_000_000  # rows of an evaluation: every language, strategy and seed has its own


@dataclass(frozen=True)
class Taken:
    """Outputs for a study, and how many items of the source were left out and why."""

    outputs: tuple[NewOutput, ...]
    uneven: int = 0  # items that lack a system the others have
    over: int = 0  # items beyond the number requested for a language


@dataclass(frozen=True)
class TableFacts:
    """What somebody should know of a table before a study is made of it."""

    counts: Mapping[tuple[str, str], int]  # outputs by (system, language)
    uneven: int  # items of a language that lack a system
    empty: int  # outputs without a text
    unknown: tuple[str, ...]  # columns that mean nothing here

    @property
    def plain(self) -> bool:
        """Whether there is nothing to ask about."""
        return not (self.uneven or self.empty or self.unknown)


class NotPlain(InvalidTable):
    """A table that can be taken after a look at `facts`; nothing of it was stored."""

    def __init__(self, called: str, facts: TableFacts) -> None:
        super().__init__(
            f"'{called}' is uneven, has empty outputs or columns that are not known; nothing was taken yet."
        )
        self.facts = facts


def from_collection(records: Sequence[OutputRecord], most: int | None, seed: int) -> Taken:
    """What was sent from Explore. Items differ in their systems there; those that share one set are taken."""
    outputs = [
        NewOutput(
            one.item_key,
            one.item_language,
            one.source_text,
            one.task,
            one.system,
            one.language,
            one.text,
            one.provenance,
            one.reference,
            one.context,
            one.group,
        )
        for one in records
    ]
    if not outputs:
        raise InvalidTable(
            "nothing was sent from Explore yet; ask something there and send its outputs.", "nothing_sent"
        )
    return _even(outputs, most, seed)


def file_of(source: Source) -> Path:
    """The file of a source. Raises InvalidRecord where none was given."""
    if source.file is None:
        raise InvalidRecord("No file was given; choose one with a row for each output.", "no_file")
    return source.file


def from_file(source: Source, task: str, seed: int) -> Taken:
    """The outputs of a table, an evaluation or an archive. Raises InvalidRecord, InvalidTable, NotPlain."""
    file = file_of(source)
    if source.kind == ARCHIVE:
        return Taken(from_archive(file)[1])
    if source.kind == EVALUATION:
        return from_evaluation(file, source.queries, task, source.most, seed)
    return from_table(file, task, source.most, seed, accept=source.accept)


def from_table(path: Path, task: str, most: int | None, seed: int, *, accept: bool = False) -> Taken:
    """A CSV, TSV, JSONL or Parquet file with a row for each output, read as pools are.

    Systems that are not there for every item, empty outputs and unknown columns are taken with ``accept`` alone: then items
    that lack a system are left out, empty outputs stay (a system that says nothing is rated too), and unknown columns go into
    provenance. Raises InvalidTable, NotPlain.
    """
    refuse_large(path, path.name)
    if path.suffix.lower() == ".parquet":
        open_parquet(path, path.name)  # refuses what unpacks to too much
    try:
        rows = list(read_file(path, f"'{path.name}'"))
    except CoreError as error:
        raise InvalidTable(f"{error} Nothing was taken.", "file_unreadable", reason=str(error)) from None
    unknown = tuple(dict.fromkeys(name for _, row in rows for name in unknown_columns(row)))
    outputs = outputs_of_rows(rows, task, path.name, unknown)
    facts = _facts(outputs, unknown)
    if not accept and not facts.plain:
        raise NotPlain(path.name, facts)
    return _even(outputs, most, seed) if facts.uneven else _at_most(outputs, most, seed, 0)


def _facts(outputs: Sequence[NewOutput], unknown: tuple[str, ...]) -> TableFacts:
    counts = Counter((one.system, one.language) for one in outputs)
    systems = {system for system, _ in counts}
    there: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in outputs:
        there[one.item_key, one.language].add(one.system)
    uneven = sum(group != systems for group in there.values())
    return TableFacts(dict(sorted(counts.items())), uneven, sum(not one.text.strip() for one in outputs), unknown)


def from_evaluation(items: Path, queries: Path | None, task: str, most: int | None, seed: int) -> Taken:
    """``items.parquet`` of an evaluation. ``queries``: the data file it was run on, which holds the texts.

    A system is a strategy with its number of demonstrations; of several seeds the first is taken. Raises InvalidTable.
    """
    table = open_parquet(items, items.name, MOST_ROWS).read().to_pandas()
    needed = ["item", "id", "language", "strategy", "seed", "k", "prediction", "demonstrations"]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InvalidTable(
            f"'{items.name}' lacks the column {missing[0]!r}; give items.parquet as train.py evaluate wrote it.",
            "no_column",
            file=items.name,
            column=missing[0],
            needed=needed,
        )
    texts = _texts(table, items, queries)
    first = table[table["seed"] == table.groupby(["strategy", "k"])["seed"].transform("min")]
    outputs = [_output(row, texts, items, task) for row in first.to_dict("records")]
    return _even(outputs, most, seed)


def _texts(table: pd.DataFrame, items: Path, queries: Path | None) -> dict[str, str]:
    """Text of each query by its id."""
    if "text" in table.columns:
        return dict(zip(table["id"], table["text"], strict=True))
    if queries is None:
        raise InvalidTable(
            f"'{items.name}' has the ids of the queries and not their texts; give the data file of the evaluation too.",
            "no_queries",
            file=items.name,
        )
    refuse_large(queries, queries.name)
    try:
        texts = {example.id: example.text for example in read_examples(queries)}
    except CoreError as error:
        raise InvalidTable(f"the queries cannot be read: {error}") from None
    lost = next((str(one) for one in table["id"] if one not in texts), None)
    if lost is not None:
        raise InvalidTable(
            f"'{items.name}' has the query {lost!r}, which '{queries.name}' has not; give the file that was evaluated."
        )
    return texts


def _output(row: dict[Any, Any], texts: dict[str, str], items: Path, task: str) -> NewOutput:
    source = language(row["language"]).tag
    answered = row.get("answer_language") or row["language"]
    answer = row.get("answer") if isinstance(row.get("answer"), str) else row["prediction"]
    extra = ("strategy", "k", "seed", "shown_labels", "demonstrations", "confidence", "coherence", "log_probs")
    provenance = {name: _plain(row[name]) for name in extra if name in row and row[name] is not None}
    return NewOutput(
        item_key=str(row["id"]),
        item_language=source,
        source_text=texts[row["id"]],
        task=task,
        system=f"{row['strategy']}|k={row['k']}",
        language=language(answered).tag,
        text=str(answer),
        provenance={**provenance, "evaluation": items.name, "query": str(row["id"])},
        reference=str(row["gold"]) if isinstance(row.get("gold"), str) else None,
    )


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _even(outputs: Sequence[NewOutput], most: int | None, seed: int) -> Taken:
    """The set of systems that keeps most outputs: the items that have them all, and of those only these systems."""
    systems: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in outputs:
        systems[one.item_key, one.language].add(one.system)
    sets = Counter(frozenset(group) for group in systems.values())
    best_set = max(sets, key=lambda group: len(group) * sum(count for other, count in sets.items() if group <= other))
    complete = {key for key, group in systems.items() if best_set <= group}
    even = [one for one in outputs if (one.item_key, one.language) in complete and one.system in best_set]
    return _at_most(even, most, seed, len(systems) - len(complete))


def _at_most(outputs: Sequence[NewOutput], most: int | None, seed: int, uneven: int) -> Taken:
    """At most so many items of each language, drawn by the study's seed."""
    if most is None:
        return Taken(tuple(outputs), uneven)
    by_language: dict[str, set[str]] = defaultdict(set)
    for one in outputs:
        by_language[one.language].add(one.item_key)
    chosen = {tag: set(ranked(keys, str(seed), "drawn", tag)[:most]) for tag, keys in by_language.items()}
    over = sum(len(keys) - len(chosen[tag]) for tag, keys in by_language.items())
    return Taken(tuple(one for one in outputs if one.item_key in chosen[one.language]), uneven, over)
