"""Writes a study to files, CSV, JSONL and Parquet, without any loss, with a codebook.

A CSV cell whose text begins with = + - @, a tab or a carriage return would be run as a formula by a
spreadsheet, so it gets an apostrophe in front, as does text that begins with one already; the codebook says so.
Systems are named in these files: they are not for raters. Attention checks are in them, each row marked by
`item_kind`, and never count as scores.
"""

import csv
import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from annotation.adjudication_records import (
    AdjudicatedOrderRecord,
    AdjudicatedSpansRecord,
    AdjudicationHistoryRecord,
    AdjudicationRecord,
)
from annotation.database.transactions import utc_now
from annotation.errors import ExportFailed
from annotation.export.columns import COLUMNS, RecordType, names, to_row
from annotation.judge_records import JudgeScoreRecord
from annotation.preference_records import PreferenceHistoryRecord, PreferenceRecord
from annotation.publication import PRIVATE_COLUMNS, PRIVATE_TABLES
from annotation.qualification_records import Qualification
from annotation.records import AssignmentRecord, HistoryRecord, OutputRecord, RatingRecord, Study
from annotation.scales import Scale
from annotation.span_records import SpanHistoryRecord, SpanRecord
from annotation.stopping import Look
from annotation.store import RatingStore
from annotation.study_records import CheckResult, RaterRecord

TABLES: dict[str, RecordType] = {
    "ratings": RatingRecord,
    "history": HistoryRecord,
    "preferences": PreferenceRecord,
    "preference_history": PreferenceHistoryRecord,
    "error_spans": SpanRecord,
    "span_history": SpanHistoryRecord,
    "outputs": OutputRecord,
    "assignments": AssignmentRecord,
    "raters": RaterRecord,
    "checks": CheckResult,
    "adjudications": AdjudicationRecord,
    "adjudication_history": AdjudicationHistoryRecord,
    "adjudicated_orders": AdjudicatedOrderRecord,
    "adjudicated_spans": AdjudicatedSpansRecord,
    "judge_scores": JudgeScoreRecord,
}
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'")
READER = '''"""Reads a table of this study: `import read_tables; ratings = read_tables.read("ratings")`. Needs pandas."""

import pandas as pd


def read(name: str) -> pd.DataFrame:
    """Every cell as it is: an item called NA stays NA, and only an empty cell is missing."""
    return pd.read_csv(f"{name}.csv", encoding="utf-8-sig", keep_default_na=False, na_values=[""])
'''
_FORMATS = {
    "csv": "UTF-8 with byte-order mark. A text cell that begins with = + - @, tab, carriage return or apostrophe has an "
    "apostrophe (') put in front, so that a spreadsheet shows it instead of running it: take one off when reading. "
    "Missing values are empty cells, an empty text where a value may be missing is a lone apostrophe; lists and "
    "provenance are JSON text. Lossless, unless a spreadsheet saves it again. A reader that takes words such as NA for "
    "missing values changes texts; read_tables.py reads all columns as they are.",
    "jsonl": "UTF-8, one object per line, lossless; times are ISO 8601 text with offset.",
    "parquet": "Lossless; times are timestamps in UTC, provenance is JSON text, orders are lists.",
}


def export_study(store: RatingStore, study: Study, folder: Path, *, public: bool = False) -> tuple[Path, ...]:
    """Writes the tables of `TABLES` as CSV, JSONL and Parquet, codebook.json and read_tables.py
    into `folder`, made if need be. `public`: without what `annotation.publication` keeps private.

    Each file appears whole or not at all and replaces an older one. Returns their paths. Raises UnknownStudy,
    ExportFailed.
    """
    data = store.data(study.id, checks=True)
    tables: dict[str, Sequence[Any]] = {
        name: getattr(data, name) for name in TABLES if not (public and name in PRIVATE_TABLES)
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        book = codebook(study, tables, utc_now(), public=public)
        text = json.dumps(book, ensure_ascii=False, indent=2) + "\n"
        paths = [_whole(folder / "codebook.json", lambda path: path.write_text(text, encoding="utf-8"))]
        paths.append(_whole(folder / "read_tables.py", lambda path: path.write_text(READER, encoding="utf-8")))
        for name, records in tables.items():
            rows = [to_row(record) for record in records]
            columns = exported(TABLES[name], public)
            for suffix, write in _WRITERS.items():
                paths.append(_whole(folder / f"{name}.{suffix}", partial(write, columns=columns, rows=rows)))
    except OSError as error:
        raise ExportFailed(
            f"'{folder}' cannot be written ({error.strerror}); give a folder with room and rights."
        ) from error
    return tuple(paths)


def _whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Lets `write` fill a file beside `path`, then renames it in one step."""
    beside = path.with_name(f".{path.name}.partial")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def safe_cell(value: Any, nullable: bool = False) -> Any:
    """A CSV cell: lists and dicts as JSON text, None as empty, text that would run as a formula, that begins with
    an apostrophe, or that is empty where None could be, behind an apostrophe.
    """
    if value is None:
        return ""
    if nullable and value == "":
        return "'"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_GUARDED):
        return "'" + value
    return value


def exported(kind: RecordType, public: bool) -> list[str]:
    """The columns of a table, in order."""
    return [name for name in names(kind) if not (public and name in PRIVATE_COLUMNS)]


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """UTF-8 with a byte-order mark, without which Excel shows other scripts as gibberish."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([safe_cell(row[name], COLUMNS[name].nullable) for name in columns] for row in rows)


def write_jsonl(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """One JSON object per line, UTF-8; a line ends only where a record ends (JSON escapes the others)."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            record = {name: row[name] for name in columns}
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def write_parquet(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Typed columns: times as microseconds in UTC, provenance as JSON text, orders as lists."""
    pa, pq = _pyarrow()
    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "flag": pa.bool_(),
        "number": pa.float64(),
        "time": pa.timestamp("us", tz="UTC"),
        "json": pa.string(),
        "integers": pa.list_(pa.int64()),
        "texts": pa.list_(pa.string()),
        "numbers": pa.list_(pa.float64()),
    }
    schema = pa.schema([pa.field(name, types[COLUMNS[name].kind], COLUMNS[name].nullable) for name in columns])
    values = {name: [_typed(COLUMNS[name].kind, row[name]) for row in rows] for name in columns}
    pq.write_table(pa.table(values, schema=schema), path)


def _typed(kind: str, value: Any) -> Any:
    if kind == "json":
        return None if value is None else json.dumps(value, ensure_ascii=False)
    return datetime.fromisoformat(value) if kind == "time" and value is not None else value


_WRITERS: dict[str, Callable[..., None]] = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}


def _pyarrow() -> tuple[Any, Any]:
    """Pyarrow and pyarrow.parquet, loaded only when needed (0.3 s, no type stubs)."""
    return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")


def codebook(study: Study, tables: dict[str, Sequence[Any]], now: datetime, *, public: bool = False) -> dict[str, Any]:
    """What the files hold and what the raters saw: study, scale, questions, anchors, columns, formats."""
    return {
        "study": {
            "slug": study.slug,
            "name": study.name,
            "task": study.task,
            "state": study.state,
            "instructions": dict(study.instructions),
            "raters_per_item": study.raters_per_item,
            "created_at": study.created_at.isoformat(),
            "frozen_at": _when(study.frozen_at),
            "closed_at": _when(study.closed_at),
            "design": {
                "items_per_rater": study.items_per_rater,
                "planned_items": study.planned_items,
                "target_difference": study.target_difference,
                "check_every": study.check_every,
                "repeat_after": study.repeat_after,
                "failed_share": study.failed_share,
                "seed": study.seed,
                "materials": list(study.materials),
                "lease_minutes": study.lease_minutes,
                "quotas": dict(study.quotas),
                "balance_groups": study.balance_groups,
                "stopping": None if study.stopping is None else asdict(study.stopping),
            },
        },
        "consent": None if study.consent is None else asdict(study.consent),
        "background_questions": [asdict(one) for one in study.background],
        "crowd": None if study.crowd is None else {"parameter": study.crowd.parameter},
        "qualification": None if study.qualification is None else _qualification(study.qualification),
        "exported_at": now.isoformat(),
        "criteria": [
            {
                "key": one.key,
                "version": one.version,
                "label": dict(one.label),
                "question": dict(one.question),
                "scale": _scale(one.scale),
                "anchors": {tag: list(anchors) for tag, anchors in one.anchors.items()},
            }
            for one in study.criteria
        ],
        "preferences": [asdict(one) for one in study.preferences],
        "error_spans": study.error_spans,
        "looks": [_look(one, public) for one in study.looks],
        "attention_checks": "item_kind tells them in every table; leave all but 'normal' out of scores. A degraded item has "
        "one output spoiled on purpose, a repeat shows an item again; 'checks' tells who passed.",
        "adjudication": "values, orders and marked errors that a named person gave to chosen items after the raters, seeing theirs without "
        "names; in tables of their own, in no mean, test or agreement",
        "judges": "a model that grades is a system of record: its values stand in judge_scores alone, never among ratings",
        "removed_raters": [one.rater for one in tables.get("raters", ()) if one.removed_at is not None],
        "blinding": "systems shown as letters; order of items per rater, and of systems per rater and item, "
        "random and stored",
        "tables": {name: _explain(TABLES[name], len(records), public) for name, records in tables.items()},
        "formats": _FORMATS,
    }


def _look(look: Look, public: bool) -> dict[str, Any]:
    """A look of a study that may stop early; `public`: without its time."""
    return asdict(look) | ({"taken_at": None} if public else {"taken_at": look.taken_at.isoformat()})


def _scale(scale: Scale) -> dict[str, Any]:
    return {
        "low": scale.low,
        "high": scale.high,
        "step": 1,
        "type": scale.level,
        "presented": "slider and number" if scale.is_continuous else "buttons",
        "anchors": "evenly from low to high" if scale.is_continuous else "one for each point, empty where it has none",
        "preselected": None,
        "not_applicable": scale.not_applicable,
    }


def _qualification(qualification: Qualification) -> dict[str, Any]:
    """As designed, with what was expected; how raters did stands in the table of raters, and no answer of theirs anywhere."""
    return asdict(qualification) | {"note": "practice and test come before the first item and are no ratings"}


def _when(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _explain(kind: RecordType, rows: int, public: bool) -> dict[str, Any]:
    columns = {name: {"type": COLUMNS[name].kind, "meaning": COLUMNS[name].meaning} for name in exported(kind, public)}
    return {"rows": rows, "columns": columns}
