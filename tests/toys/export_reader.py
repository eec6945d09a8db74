"""Reads exported tables back into records, to show that an export loses nothing."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from annotation.errors import ExportFailed
from annotation.export.columns import COLUMNS, Kind, Record, names


def read_back(path: Path, kind: type[Record]) -> list[Record]:
    """The records of an exported file in any of the three formats, equal to those exported. Raises ExportFailed."""
    try:
        if path.suffix == ".parquet":
            rows = pq.read_table(path).to_pylist()
        elif path.suffix == ".jsonl":
            rows = [json.loads(line) for line in path.read_bytes().decode("utf-8").split("\n") if line]
        elif path.suffix == ".csv":
            rows = read_csv(path, names(kind))
        else:
            raise ExportFailed(f"'{path.name}' is none of .csv, .jsonl, .parquet; give a file of an export.")
        return [from_row(kind, row) for row in rows]
    except (OSError, ValueError, KeyError) as error:
        raise ExportFailed(f"'{path}' is not an export of {kind.__name__} ({error}).") from error


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The rows that `write_csv` was given. Raises ValueError for a file that it did not write."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    if head != list(columns) or any(len(row) != len(head) for row in rows):
        raise ValueError(f"its columns are {', '.join(head)}")
    return [{name: _parsed(name, cell) for name, cell in zip(head, row, strict=True)} for row in rows]


def _parsed(name: str, cell: str) -> Any:
    column = COLUMNS[name]
    if cell == "" and column.nullable:
        return None
    if column.kind == "text":
        return cell.removeprefix("'")
    if column.kind == "flag":
        return {"True": True, "False": False}[cell]
    if column.kind in ("json", "integers", "texts"):
        return json.loads(cell)
    return {"integer": int, "number": float}.get(column.kind, str)(cell)


def from_row(kind: type[Record], row: Mapping[str, Any]) -> Record:
    """The record that `to_row` or the Parquet file came from. Raises KeyError for a missing column."""
    return kind(**{name: _back(COLUMNS[name].kind, row[name]) for name in names(kind)})


def _back(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    if kind == "time":
        return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(UTC)
    if kind in ("integers", "texts"):
        return tuple(value)
    if kind == "json" and isinstance(value, str):
        return json.loads(value)
    return value
