"""Outputs from the rows of a table, a row for each output. Taken as a whole or refused as a whole; files are read by the caller.

Columns: item, language, source_text, system, output; optionally output_language (default: that of the item), task,
reference, context (of the document that the source text stands in), group (of the item, such as its domain), provenance (a
JSON object). Languages are BCP-47 tags. A refusal names line and field; lines are counted as an editor counts them, rows of a
Parquet file from 1.
"""

import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import langcodes

from annotation.errors import InvalidRecord, InvalidTable
from annotation.records import NewOutput
from annotation.validation import check_output

REQUIRED = ("item", "language", "source_text", "system", "output")
OPTIONAL = ("output_language", "task", "reference", "context", "group", "provenance")
MOST_BYTES = 32 * 1024 * 1024
MOST_ROWS = 100_000
MOST_UNPACKED = 256 * 1024 * 1024  # bytes of a Parquet file when it is read: a small file can hold much
Row = Mapping[str, Any]


def refuse_large(path: Path, called: str) -> None:
    """Raises InvalidTable for a file that is too large or not there."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InvalidTable(
            f"'{called}' cannot be read ({error.strerror}); choose the file again.", "file_gone", file=called
        ) from error
    if size > MOST_BYTES:
        raise InvalidTable(
            f"'{called}' has {size / 2**20:.0f} MB; allowed are {MOST_BYTES / 2**20:.0f}. Split the study.",
            "file_large",
            file=called,
            size=f"{size / 2**20:.0f}",
            most=MOST_BYTES // 2**20,
        )


def outputs_of_rows(
    rows: Iterable[tuple[int, Row]], task: str, called: str, extra: Sequence[str] = ()
) -> list[NewOutput]:
    """The outputs of numbered rows. ``extra``: columns of the organiser's own, which go into provenance. Raises InvalidTable."""
    outputs: list[NewOutput] = []
    faults: list[tuple[int, InvalidRecord]] = []
    first_line: dict[tuple[str, str, str], int] = {}
    items: dict[str, tuple[int, NewOutput]] = {}
    for number, row in rows:
        if number == 1 or not outputs:
            _refuse_columns(row, called, extra)
        if len(outputs) + len(faults) == MOST_ROWS:
            raise InvalidTable(f"'{called}' has more than {MOST_ROWS:,} rows; split the study.")
        try:
            output = _output(row, task, called, number, extra)
            key = (output.item_key, output.system, output.language)
            if key in first_line:
                raise InvalidRecord(
                    f"system: {output.system!r} has an output for item {output.item_key!r} on line {first_line[key]}",
                    "twice",
                    system=output.system,
                    item=output.item_key,
                    line=first_line[key],
                )
            first_line[key] = number
            _refuse_another_item(items.setdefault(output.item_key, (number, output)), output)
            outputs.append(output)
        except InvalidRecord as error:
            faults.append((number, error))
    if faults:
        more = f" {len(faults) - 1} more lines have faults." if len(faults) > 1 else ""
        line, fault = faults[0]
        text = f"line {line}, {fault}".rstrip(".")
        raise InvalidTable(
            f"'{called}', {text}.{more} Nothing was taken; mend the file and give it again.",
            "table_line",
            file=called,
            line=line,
            reason=fault,
            more=len(faults) - 1,
        )
    if not outputs:
        raise InvalidTable(
            f"'{called}' holds no output; give one row for each output of each system.", "no_outputs", file=called
        )
    return outputs


def unknown_columns(row: Row) -> list[str]:
    """The columns of a row that mean nothing here."""
    return [str(name) for name in row if name is not None and name not in REQUIRED + OPTIONAL]


def _refuse_columns(row: Row, called: str, extra: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in row]
    unknown = [name for name in unknown_columns(row) if name not in extra]
    if missing:
        raise InvalidTable(
            f"'{called}' lacks the column {missing[0]!r}; needed are {', '.join(REQUIRED)}, seen were "
            f"{', '.join(map(str, row))}.",
            "no_column",
            file=called,
            column=missing[0],
            needed=REQUIRED,
        )
    if unknown:
        raise InvalidTable(
            f"'{called}' has a column {unknown[0]!r} that is not known; allowed besides {', '.join(REQUIRED)} are "
            f"{', '.join(OPTIONAL)}. Put other facts into provenance, as a JSON object."
        )


def _output(row: Row, task: str, called: str, number: int, extra: Sequence[str]) -> NewOutput:
    """Raises InvalidRecord that begins with the field."""
    if None in row:
        raise InvalidRecord("this line has more cells than the header; quote cells that hold the separator")
    absent = next((name for name in REQUIRED if row.get(name) is None), None)
    if absent is not None:
        raise InvalidRecord(f"{absent}: there is no value; fill it in", "cell_empty", field=absent)
    for name in REQUIRED + OPTIONAL[:-1]:
        if row.get(name) is not None and not isinstance(row[name], str):
            raise InvalidRecord(f"{name}: {row[name]!r} is a {type(row[name]).__name__}; give a text")
    for name in REQUIRED[:-1]:
        if not row[name].strip():
            raise InvalidRecord(f"{name}: it is empty; fill it in", "cell_empty", field=name)
    own = {name: row[name] for name in extra if row.get(name) not in (None, "")}
    output = NewOutput(
        item_key=row["item"].strip(),
        item_language=_tag(row["language"], "language"),
        source_text=row["source_text"],
        task=row.get("task") or task,
        system=row["system"].strip(),
        language=_tag(row.get("output_language") or row["language"], "output_language"),
        text=row["output"],
        provenance={**own, **_provenance(row.get("provenance")), "imported_from": called, "line": number},
        reference=row.get("reference") or None,
        context=row.get("context") or None,
        group=(row.get("group") or "").strip() or None,
    )
    try:
        check_output(output)
    except InvalidRecord as error:
        raise InvalidRecord(f"output: {error}", error.fact, **error.values) from None
    return output


def _tag(text: str, field: str) -> str:
    """The tag in its usual spelling, "sw" or "zh-Hans"."""
    tag = text.strip()
    if "_" in tag or not langcodes.tag_is_valid(tag):
        raise InvalidRecord(
            f"{field}: {text!r} is no BCP-47 tag; write for example 'sw', 'pt-BR' or 'zh-Hans'",
            "bad_tag",
            field=field,
            value=text,
        )
    return str(langcodes.standardize_tag(tag))


def _provenance(value: Any) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    try:
        provenance = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidRecord(
            f'provenance: it is not JSON ({error}); write an object, for example {{"seed": 1}}'
        ) from None
    if not isinstance(provenance, dict):
        raise InvalidRecord(
            f'provenance: it is {type(provenance).__name__}; write a JSON object, for example {{"seed": 1}}'
        )
    return provenance


def _refuse_another_item(first: tuple[int, NewOutput], output: NewOutput) -> None:
    number, first_output = first
    pairs = (
        ("language", first_output.item_language, output.item_language),
        ("source_text", first_output.source_text, output.source_text),
        ("task", first_output.task, output.task),
        ("group", first_output.group or "", output.group or ""),
    )
    for field, was, now in pairs:
        if was != now:
            raise InvalidRecord(
                f"{field}: item {output.item_key!r} has {was[:60]!r} on line {number} and {now[:60]!r} here; "
                "give another item another key",
                "other_item",
                item=output.item_key,
                field=field,
                line=number,
            )


def open_parquet(path: Path, called: str, most_rows: int = MOST_ROWS) -> Any:
    """The file, looked at before it is read. Raises InvalidTable for too many rows or bytes, and for what is no such file."""
    refuse_large(path, called)
    try:
        file = importlib.import_module("pyarrow.parquet").ParquetFile(path)
    except (OSError, ValueError) as error:
        raise InvalidTable(f"'{called}' is no Parquet file ({error}); write it again.") from None
    if file.metadata.num_rows > most_rows:
        raise InvalidTable(
            f"'{called}' has {file.metadata.num_rows:,} rows; allowed are {most_rows:,}. Split the study."
        )
    size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
    if size > MOST_UNPACKED:
        raise InvalidTable(
            f"'{called}' unpacks to {size / 2**20:.0f} MB; allowed are {MOST_UNPACKED / 2**20:.0f}. Split the study."
        )
    return file


EXAMPLE = (
    '{"item": "q1", "language": "sw", "source_text": "Habari ya leo?", "system": "baseline", "output": "How are you?", '
    '"output_language": "en"}'
)
