"""What every built-in corpus is made of: where it lies, how its rows become examples, and what is left out and why.

A corpus turns its own table into one with the columns ``id, item, language, part, label`` and the parts of its text: ``text``
itself, or the named parts that a template joins (``form`` says by which of its ``texts``). ``part`` is "queries", "pool", or ""
for rows that are neither. ``choice0``, ``choice1`` hold the answers of an item that brings its own.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from core.data.examples import LONGEST_TEXT
from core.errors import InvalidData
from core.languages import language
from core.records import Example
from core.data.tasks import Task
from core.data.templates import clean


class Dropped:
    """Rows that were left out, with the reason."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._rows: list[tuple[str, str, str]] = []  # part, language code without its variety, reason

    def add(self, part: str, code: str, reason: str) -> None:
        """One row."""
        self._rows.append((part, code.split("-")[0], reason))

    def count(self, part: str, codes: Collection[str] | None) -> dict[str, int]:
        """Of one part and in these languages (None: all), by reason."""
        return dict(
            Counter(why for where, code, why in self._rows if where == part and (codes is None or code in codes))
        )


Prepare = Callable[[pd.DataFrame, Dropped], pd.DataFrame]


@dataclass(frozen=True)
class Hub:
    """Where the same rows are on the Hub, and what its columns are called there."""

    name: str  # "owner/name"
    config: Callable[[str], str]  # of a language code
    splits: Mapping[str, str]  # the Hub's split -> ours
    columns: Mapping[str, str]  # the Hub's column -> ours
    reshape: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows  # what renaming alone cannot do


@dataclass(frozen=True)
class Corpus:
    """One built-in corpus."""

    name: str
    task: str
    files: tuple[str, ...]  # below the data folder
    hub: Hub | None
    prepare: Prepare
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # languages read along to decide what to drop
    whole: tuple[str, ...] = ()  # all languages, where a row is kept or dropped by its translations and all have to be read
    notes: tuple[str, ...] = ()  # what a reader of its results should know


@dataclass(frozen=True)
class Loaded:
    """A corpus as it is evaluated."""

    queries: tuple[Example, ...]
    pool: tuple[Example, ...]
    dropped: dict[str, dict[str, int]]  # rows left out of "queries" and "pool", by reason
    notes: tuple[str, ...] = ()


def keep(rows: pd.DataFrame, good: "pd.Series[bool]", reason: str, dropped: Dropped) -> pd.DataFrame:
    """The rows that are ``good``; the others are noted under ``reason``."""
    for part, code in zip(rows.loc[~good, "part"], rows.loc[~good, "language"], strict=True):
        dropped.add(str(part), str(code), reason)
    return rows[good]


def parts_by_split(
    rows: pd.DataFrame, queries: Sequence[str], pool: Sequence[str], column: str = "split"
) -> pd.DataFrame:
    """``part`` by the values of a column."""
    part = pd.Series("", index=rows.index)
    part[rows[column].isin(list(pool))] = "pool"
    part[rows[column].isin(list(queries))] = "queries"
    return rows.assign(part=part)


def numbered(prefix: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Give rows without ids one by language, split and row number."""

    def reshape(rows: pd.DataFrame) -> pd.DataFrame:
        number = rows.groupby(["language", "split"]).cumcount().astype(str)
        return rows.assign(id=prefix + "/" + rows["language"] + "/" + rows["split"] + "/" + number)

    return reshape


def examples(rows: pd.DataFrame, task: Task, dropped: Dropped) -> tuple[Example, ...]:
    """Rows of one part as examples, their text written by the template of their own language. Raises ``InvalidData``."""
    result = []
    for row in rows.to_dict("records"):
        code = language(str(row["language"])).code
        parts = {str(name): str(value) for name, value in row.items()}
        template = task.template(code)
        form = parts.get("form", "")
        text = template.text(form, parts) if form else clean(parts["text"])
        if not text or len(text) > LONGEST_TEXT:
            reason = "empty text" if not text else f"longer than {LONGEST_TEXT} characters"
            dropped.add(parts["part"], code, reason)
            continue
        choices = tuple(clean(parts[name]) for name in ("choice0", "choice1") if name in parts)
        if len(set(choices)) < len(choices):
            dropped.add(parts["part"], code, "choices that say the same")
            continue
        label = clean(parts["label"])
        task.check_label(label, f"{parts['id']}, field 'label'")
        result.append(Example(parts["id"], parts["item"], code, text, label, choices=choices))
    _refuse_duplicates(result)
    return tuple(result)


def _refuse_duplicates(result: Sequence[Example]) -> None:
    counts = Counter(example.id for example in result)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise InvalidData(f"The id {twice!r} stands on {counts[twice]} rows; ids must be unique, so restore the file.")
