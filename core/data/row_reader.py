"""The one strict reader of rows: JSONL, CSV, TSV, Parquet, folders of them, and data sets of the ``datasets`` library.

A row is a mapping from column to value, with where it stands ("pool.csv, line 3"); what its columns mean is for the caller to
check (``core.data.examples``, studies). Class labels that a data set holds as numbers are given by their names. Raises ``InvalidData``.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.data.csv_reader import delimited_rows
from core.errors import InvalidData

Row = dict[str, Any]
SAVED_ON_DISK = ("dataset_info.json", "dataset_dict.json")  # what a folder written by ``save_to_disk`` holds


@dataclass(frozen=True)
class RowFilter:
    """Which rows are read. Of a Parquet file only these are turned from columns into rows, which is what takes long."""

    where: Mapping[str, Sequence[str]] = field(default_factory=dict)  # a column must hold one of the values
    unless_missing: Mapping[str, str] = field(default_factory=dict)  # must hold the value, where a row has such a column

    def row(self, row: Mapping[str, Any]) -> bool:
        """Whether one row passes."""
        named = all(str(row.get(column)) in set(map(str, values)) for column, values in self.where.items())
        return named and all(row.get(column) in (None, value) for column, value in self.unless_missing.items())

    def indices(self, table: pa.Table) -> list[int]:
        """The numbers, from 0, of the rows of a table that pass."""
        passing = pa.array([True] * table.num_rows)
        for column, values in self.where.items():
            if column not in table.column_names:
                return []
            texts = table[column].cast(pa.string())
            passing = pc.and_(passing, pc.fill_null(pc.is_in(texts, pa.array(list(map(str, values)), pa.string())), False))
        for column, value in self.unless_missing.items():
            if column in table.column_names:
                passing = pc.and_(passing, pc.fill_null(pc.equal(table[column].cast(pa.string()), value), True))
        return [int(index) for index in pc.indices_nonzero(passing).to_pylist()]


ALL = RowFilter()


def read_rows(source: str | Path, rows: RowFilter = ALL) -> Iterator[tuple[str, Row]]:
    """Where it stands and the values of every row that passes: of a file, a folder, or a Hub data set.

    Data sets on the Hub go by "owner/name" or "owner/name:config:split".
    """
    path = Path(source)
    if path.is_dir():
        yield from _folder(path, rows)
    elif path.exists():
        yield from _located(path, str(path), rows)
    elif isinstance(source, str) and source.count("/") == 1 and not _is_local(source):
        yield from _from_hub(source, rows)
    else:
        raise InvalidData(f"{source} does not exist; name a file, a folder, or a Hub data set as owner/name.")


def read_file(path: Path, name: str, rows: RowFilter = ALL) -> Iterator[tuple[int, Row]]:
    """Line number (of Parquet: row number, from 1) and values of every row of one file; errors call the file ``name``."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidData(f"{name} ends in {path.suffix!r}; readable endings are {', '.join(READERS)}.")
    yield from reader(path, name, rows)


def distinct_values(source: str | Path, columns: Sequence[str]) -> dict[str, list[str]]:
    """The distinct values of columns of a source as texts, sorted; none for a column that is not there."""
    path = Path(source)
    if path.suffix == ".parquet" and path.is_file():  # tables are large, their columns are read alone
        present = [name for name in columns if name in _parquet_schema(path, str(path)).names]
        table = pq.read_table(path, columns=present)
        values = {name: table[name].unique().to_pylist() if name in present else [] for name in columns}
    else:
        rows = [row for _, row in read_rows(source)]
        values = {name: [row.get(name) for row in rows] for name in columns}
    return {name: sorted({str(value) for value in each if value is not None}) for name, each in values.items()}


def kind_of(value: object) -> str:
    """What a value is, in words that people know, with the value where it is short: "a number, 7"."""
    if value is None:
        return "missing"
    words = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    kind = words.get(type(value), type(value).__name__)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"{kind}, {text}" if len(text) <= 40 else kind


def _folder(path: Path, rows: RowFilter) -> Iterator[tuple[str, Row]]:
    if any((path / name).is_file() for name in SAVED_ON_DISK):
        yield from _from_disk(path, rows)
        return
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in READERS)
    if not files:
        raise InvalidData(
            f"{path} holds no file that ends in {', '.join(READERS)} and is no data set written by save_to_disk; put the examples there."
        )
    for file in files:
        yield from _located(file, str(file), rows)


def _located(path: Path, name: str, rows: RowFilter) -> Iterator[tuple[str, Row]]:
    for number, row in read_file(path, name, rows):
        yield f"{name}, line {number}", row


def _is_local(source: str) -> bool:
    """Whether a name that does not exist was meant as a path, so that a typing error never turns into a download."""
    return source.startswith((".", "/", "~")) or Path(source).suffix in READERS or Path(source).parent.is_dir()


def _text(path: Path, name: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidData(f"{name} is not UTF-8 (byte {error.start}); save it as UTF-8.") from None
    except OSError as error:
        raise InvalidData(f"{name} cannot be read ({error.strerror}); check the file.") from error


def _refuse_empty(name: str, rows: int) -> None:
    if rows == 0:
        raise InvalidData(f"{name} holds no row; write one on each line, or remove the file.")


def _jsonl(path: Path, name: str, rows: RowFilter) -> Iterator[tuple[int, Row]]:
    count = 0
    for number, line in enumerate(_text(path, name).split("\n"), start=1):
        if not line.strip():
            continue
        count += 1
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidData(f"{name}, line {number}: not JSON ({error.msg} at column {error.colno}).") from None
        except RecursionError:
            raise InvalidData(f"{name}, line {number}: not JSON that can be read (nested too deep).") from None
        if not isinstance(row, dict):
            raise InvalidData(f"{name}, line {number}: expected an object with fields, saw {kind_of(row)}.")
        if rows.row(row):
            yield number, row
    _refuse_empty(name, count)


def _delimited(path: Path, name: str, rows: RowFilter) -> Iterator[tuple[int, Row]]:
    count = 0
    for line, cells in delimited_rows(_text(path, name), name, "\t" if path.suffix.lower() == ".tsv" else ","):
        count += 1
        if rows.row(cells):
            yield line, dict(cells)
    _refuse_empty(name, count)


def _parquet_schema(path: Path, name: str) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (ValueError, OSError) as error:
        raise InvalidData(f"{name} cannot be read as PARQUET ({error}); mend or replace the file.") from error


def _parquet(path: Path, name: str, rows: RowFilter) -> Iterator[tuple[int, Row]]:
    class_names = _class_names(_parquet_schema(path, name))
    try:
        table = pq.read_table(path)
    except (ValueError, OSError) as error:
        raise InvalidData(f"{name} cannot be read as PARQUET ({error}); mend or replace the file.") from error
    _refuse_empty(name, table.num_rows)
    indices = rows.indices(table)
    for index, row in zip(indices, table.take(pa.array(indices, pa.int64())).to_pylist(), strict=True):
        yield index + 1, _named(row, class_names)


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of class labels by column, as ``datasets`` leaves them in the files that it writes."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {column: one["names"] for column, one in features.items() if one.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _named(row: Row, class_names: Mapping[str, Sequence[str]]) -> Row:
    for column, names in class_names.items():
        number = row.get(column)
        if isinstance(number, int) and 0 <= number < len(names):
            row[column] = names[number]
    return row


def _from_disk(path: Path, rows: RowFilter) -> Iterator[tuple[str, Row]]:
    import datasets

    try:
        content = datasets.load_from_disk(str(path))
    except Exception as error:  # datasets raises what its formats raise
        raise InvalidData(
            f"{path} looks like a data set written by save_to_disk, but cannot be read ({type(error).__name__}: {error}); write it again."
        ) from error
    splits = content.items() if isinstance(content, datasets.DatasetDict) else [("", content)]
    for split, table in splits:
        yield from _of_dataset(table, f"{path}/{split}" if split else str(path), rows, {"split": split} if split else {})


def _from_hub(name: str, rows: RowFilter) -> Iterator[tuple[str, Row]]:
    import datasets

    repository, _, rest = name.partition(":")
    config, _, split = rest.partition(":")
    try:
        table = datasets.load_dataset(repository, config or None, split=split or "train")
    except Exception as error:
        raise InvalidData(f"The data set {name!r} could not be loaded ({type(error).__name__}: {error}).") from error
    yield from _of_dataset(table, name, rows, {"language": config} if config else {})


def _of_dataset(table: Any, name: str, rows: RowFilter, defaults: Row) -> Iterator[tuple[str, Row]]:
    class_names = {column: one.names for column, one in table.features.items() if type(one).__name__ == "ClassLabel"}
    for number, values in enumerate(table, start=1):
        row = _named({**defaults, **values}, class_names)
        if rows.row(row):
            yield f"{name}, row {number}", row


READERS: dict[str, Callable[[Path, str, RowFilter], Iterator[tuple[int, Row]]]] = {
    ".jsonl": _jsonl,
    ".csv": _delimited,
    ".tsv": _delimited,
    ".parquet": _parquet,
}
