"""Where the outputs of a study come from: Explore's collection, a table, or an evaluation of ``train.py evaluate``."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotation.errors import InvalidTable
from annotation.import_outputs import open_parquet, outputs_of_rows, refuse_large
from annotation.orders import ranked
from annotation.records import NewOutput, OutputRecord
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
        )
        for one in records
    ]
    if not outputs:
        raise InvalidTable("nothing was sent from Explore yet; ask something there and send its outputs.")
    return _even(outputs, most, seed)


def from_table(path: Path, task: str, most: int | None, seed: int) -> Taken:
    """A CSV, TSV, JSONL or Parquet file with a row for each output, read as pools are. Raises InvalidTable."""
    refuse_large(path, path.name)
    if path.suffix.lower() == ".parquet":
        open_parquet(path, path.name)  # refuses what unpacks to too much
    try:
        rows = list(read_file(path, f"'{path.name}'"))
    except CoreError as error:
        raise InvalidTable(f"{error} Nothing was taken.") from None
    return _at_most(outputs_of_rows(rows, task, path.name), most, seed, 0)


def from_evaluation(items: Path, queries: Path | None, task: str, most: int | None, seed: int) -> Taken:
    """``items.parquet`` of an evaluation. ``queries``: the data file it was run on, which holds the texts.

    A system is a strategy with its number of demonstrations; of several seeds the first is taken. Raises InvalidTable.
    """
    table = open_parquet(items, items.name, MOST_ROWS).read().to_pandas()
    needed = ["item", "id", "language", "strategy", "seed", "k", "prediction", "demonstrations"]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InvalidTable(
            f"'{items.name}' lacks the column {missing[0]!r}; give items.parquet as train.py evaluate wrote it."
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
            f"'{items.name}' has the ids of the queries and not their texts; give the data file of the evaluation too."
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
