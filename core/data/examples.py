"""Reading examples from JSONL, CSV, TSV, Parquet, or a data set of the ``datasets`` library, with clear refusals.

Columns: ``text`` and ``language`` are required; ``label`` where the task has labels; ``id`` (unique) and ``index_id`` (the
item: translations of each other share it) are made from the file name and line where they are missing. Items that bring their own
answers have them in ``choice0``, ``choice1`` and so on.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from core.errors import InvalidData, UnknownLanguage
from core.languages import language
from core.records import Example
from core.data.tasks import Task
from core.data.templates import clean

LONGEST_TEXT = 4000  # characters
FOLD = "devfold"  # the column that ``fold`` of ``read_examples`` goes by


def read_examples(
    source: str | Path,
    task: Task | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    fold: str | None = None,
) -> list[Example]:
    """Read one file, every matching file of a folder, or a Hub data set ("owner/name", "owner/name:config:split").

    ``where`` keeps rows whose column holds one of the values; ``fold`` those whose ``devfold`` is this one, where a row has
    such a column. With ``task`` labels are checked.
    Raises ``InvalidData`` naming file, line and field.
    """
    kept = _all_rows(source, _Wanted(where or {}, fold))
    examples = [_example(row, place, task) for place, row in kept]
    _refuse_duplicates(examples, [place for place, _ in kept])
    return examples


def present(source: str | Path, columns: Sequence[str]) -> dict[str, list[str]]:
    """The distinct values of columns of a file, a folder or a Hub data set, sorted; none for a column that is not there.

    Raises ``InvalidData`` as ``read_examples`` does.
    """
    path = Path(source)
    if path.suffix == ".parquet" and path.is_file():  # tables are large, their columns are read alone
        there = [name for name in columns if name in _parquet_columns(path)]
        frame = pd.read_parquet(path, columns=there)
        return {name: sorted(map(str, frame[name].dropna().unique())) if name in there else [] for name in columns}
    rows = [row for _, row in _all_rows(source, _Wanted({}, None))]
    return {name: sorted({str(row[name]) for row in rows if row.get(name) is not None}) for name in columns}


def _parquet_columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (ValueError, OSError) as error:
        raise InvalidData(f"{path} cannot be read as PARQUET ({error}); mend or replace the file.") from error


@dataclass(frozen=True)
class _Wanted:
    """Which rows are read: of a table only they are turned from columns into rows, which is what takes long."""

    where: Mapping[str, Sequence[str]]
    fold: str | None

    def row(self, row: Mapping[str, Any]) -> bool:
        """Whether one row is."""
        named = all(str(row.get(column)) in set(map(str, values)) for column, values in self.where.items())
        return named and (self.fold is None or row.get(FOLD, self.fold) == self.fold)

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Those of a table, under the numbers that they have in it."""
        for column, values in self.where.items():
            frame = frame[frame[column].astype(str).isin(list(map(str, values)))] if column in frame else frame[:0]
        return frame if self.fold is None or FOLD not in frame else frame[frame[FOLD] == self.fold]


def _all_rows(source: str | Path, wanted: _Wanted) -> list[tuple[str, dict[str, Any]]]:
    """Every wanted row of a source with its place."""
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix in _READERS)
        if not files:
            raise InvalidData(f"{path} holds no file that ends in {', '.join(_READERS)}; put the examples there.")
        return [row for file in files for row in _rows(file, wanted)]
    if path.exists():
        return list(_rows(path, wanted))
    if isinstance(source, str) and source.count("/") == 1 and not _is_local(source):
        return list(_hub_rows(source, wanted))
    raise InvalidData(f"{source} does not exist; name a file, a folder, or a Hub data set as owner/name.")


def _is_local(source: str) -> bool:
    """Whether a name that does not exist was meant as a path, so that a typing error never turns into a download."""
    return source.startswith((".", "/", "~")) or Path(source).suffix in _READERS or Path(source).parent.is_dir()


def _rows(path: Path, wanted: _Wanted) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise InvalidData(f"{path} ends in {path.suffix!r}; readable endings are {', '.join(_READERS)}.")
    for number, row in reader(path, wanted):
        yield f"{path}, line {number}", row


def _refuse_empty(path: Path, rows: int) -> None:
    if rows == 0:
        raise InvalidData(f"{path} holds no example; put one on each line, or remove the file.")


def _read_jsonl(path: Path, wanted: _Wanted) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidData(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    _refuse_empty(path, sum(bool(line.strip()) for line in lines))
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidData(f"{path}, line {number}: not JSON ({error.msg} at column {error.colno}).") from error
        if not isinstance(row, dict):
            raise InvalidData(f"{path}, line {number}: expected an object with fields, saw {type(row).__name__}.")
        if wanted.row(row):
            yield number, row


def _read_table(path: Path, wanted: _Wanted) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            separator = "\t" if path.suffix == ".tsv" else ","
            frame = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
            if not isinstance(frame.index, pd.RangeIndex):  # pandas took the first column for row names
                raise ValueError("its rows have more fields than its first line")
    except (ValueError, OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InvalidData(
            f"{path} cannot be read as {path.suffix[1:].upper()} ({error}); mend or replace the file."
        ) from error
    _refuse_empty(path, len(frame))
    first = 1 if path.suffix == ".parquet" else 2  # a text table has its column names in line 1
    frame = wanted.rows(frame.reset_index(drop=True))
    for number, row in zip(frame.index + first, frame.to_dict("records"), strict=True):
        yield number, {str(key): (None if value is None or value != value else value) for key, value in row.items()}


_READERS = {".jsonl": _read_jsonl, ".csv": _read_table, ".tsv": _read_table, ".parquet": _read_table}


def _hub_rows(name: str, wanted: _Wanted) -> Iterator[tuple[str, dict[str, Any]]]:
    import datasets

    repository, _, rest = name.partition(":")
    config, _, split = rest.partition(":")
    try:
        table = datasets.load_dataset(repository, config or None, split=split or "train")
    except Exception as error:
        raise InvalidData(f"The data set {name!r} could not be loaded ({type(error).__name__}: {error}).") from error
    for number, row in enumerate(table, start=1):
        values = {"language": config, **row} if config else dict(row)
        if wanted.row(values):
            yield f"{name}, row {number}", values


def _example(row: dict[str, Any], place: str, task: Task | None) -> Example:
    for field in ("text", "language"):
        if not isinstance(row.get(field), str) or not row[field].strip():
            raise InvalidData(f"{place}: field {field!r} is missing or empty; every row needs a text there.")
    text = clean(row["text"])
    if not 0 < len(text) <= LONGEST_TEXT:
        raise InvalidData(f"{place}: field 'text' has {len(text)} characters; allowed are 1 to {LONGEST_TEXT}.")
    try:
        code = language(row["language"]).code
    except UnknownLanguage as error:
        raise InvalidData(f"{place}, field 'language': {error}") from error
    label = _name(row, "label")
    if task is not None and task.is_closed:
        task.check_label(label, f"{place}, field 'label'")
    identity = _name(row, "id") or place
    choices = _choices(row, place, task)
    return Example(identity, _name(row, "index_id") or identity, code, text, label, choices=choices)


def _choices(row: dict[str, Any], place: str, task: Task | None) -> tuple[str, ...]:
    """The answers of an item that brings its own, from the columns ``choice0``, ``choice1`` and so on."""
    if task is None or not task.own_choices:
        return ()
    found = tuple(clean(_name(row, f"choice{label}")) for label in task.labels)
    if not all(found) or len(set(found)) < len(found):
        raise InvalidData(
            f"{place}: fields {', '.join(f'choice{label}' for label in task.labels)} must hold different texts, saw {list(found)}."
        )
    return found


def _name(row: dict[str, Any], field: str) -> str:
    """A field as text; the number 0 is a name, a missing value is none."""
    value = row.get(field)
    return "" if value is None else str(value)


def _refuse_duplicates(examples: Sequence[Example], places: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for example, place in zip(examples, places, strict=True):
        if example.id in seen:
            raise InvalidData(
                f"{place}, field 'id': {example.id!r} is also the id of {seen[example.id]}; ids must be unique, rename one."
            )
        seen[example.id] = place
