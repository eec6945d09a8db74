"""Pasted queries as examples: one a line, or a table with columns; languages detected where none is named, labels where they are known."""

import codecs
import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.explore.form import DETECT
from core.data.csv_reader import delimited_rows, separator_of
from core.data.tasks import Task
from core.data.templates import clean
from core.errors import InvalidData, InvalidQuery
from core.inference.predictor import LONGEST_QUERY
from core.language_id import detect
from core.records import Example

FEWEST, MOST = 2, 500  # queries of a batch
MOST_CHARACTERS = 250_000  # of what is pasted; in UTF-8 at most 1 MB, which is what a call may have
COLUMNS = ("text", "language", "label")


@dataclass(frozen=True)
class _Row:
    line: int
    text: str
    language: str = ""
    label: str = ""


def read_queries(pasted: str, task: Task, code: str, most: int = MOST) -> list[Example]:
    """The queries, in their order, each an item of its own. ``code``: their language unless a row names another, or DETECT.

    A table (CSV, TSV, JSONL) has a column ``text`` and may have ``language`` and ``label``; anything else is one query a line. Labels are
    those of the task or their words in the query's language; all queries have one, or none has.
    Raises ``InvalidData`` naming the line.
    """
    if len(pasted) > MOST_CHARACTERS:
        raise InvalidData(f"{len(pasted):,} characters were given; a batch may have at most {MOST_CHARACTERS:,}.")
    rows = [row for row in _rows(pasted) if row.text]
    if not FEWEST <= len(rows) <= most:
        raise InvalidData(f"{len(rows)} queries were given; a batch has {FEWEST} to {most}, one a line.")
    labelled = [row for row in rows if row.label]
    if labelled and len(labelled) < len(rows):
        line = next(row.line for row in rows if not row.label)
        raise InvalidData(f"Line {line} has no label and others have one; give every query a label, or none.")
    return [_example(row, task, code) for row in rows]


def text_of_file(name: str, content: bytes) -> str:
    """The text of an uploaded file, by its kind: a table or JSON lines must have the queries under ``text``. Raises ``InvalidData``."""
    if len(content) > 4 * MOST_CHARACTERS:
        raise InvalidData(
            f"The file has {len(content) / 1e6:.1f} MB; a batch may have at most {MOST_CHARACTERS:,} characters."
        )
    encoding = "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidData("The file is no text in UTF-8; save it as CSV, TSV, JSONL or plain text in UTF-8.")
    suffix, first = Path(name).suffix.lower(), _first_line(text)
    if suffix in (".csv", ".tsv") and first and not _is_table(first):
        columns = ", ".join(cell.strip()[:30] for cell in _header(first)[:6])
        raise InvalidData(
            f"The first line of the table names the columns {columns}; call the one with the queries text."
        )
    if suffix in (".jsonl", ".json") and first and first.lstrip()[0] not in "{[":
        raise InvalidData(f"The file begins with {first[:30]!r}; JSONL has one object with a text a line.")
    return text


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _header(first: str) -> list[str]:
    """The cells of a table's first line."""
    return next(csv.reader([first], delimiter=separator_of(first)), [])


def _is_table(first: str) -> bool:
    return "text" in (cell.strip().casefold() for cell in _header(first))


def _example(row: _Row, task: Task, code: str) -> Example:
    where, text = f"Line {row.line}", row.text
    if len(text) > LONGEST_QUERY or not any(character.isalnum() for character in text):
        raise InvalidData(
            f"{where} has {len(text)} characters; a query has 1 to {LONGEST_QUERY} and a letter or digit."
        )
    own = row.language or code
    if own == DETECT:
        detection = detect(text, task.languages)
        if detection.language is None:
            raise InvalidQuery(
                f"{where}: its language is not certain ({detection.sentence}); choose it, or add a column language."
            )
        own = detection.language
    if own not in task.languages:
        raise InvalidData(f"{where}: the language is {own[:40]!r}; allowed are {', '.join(task.languages)}.")
    identity = f"batch/{row.line}"
    return Example(identity, identity, own, text, _label(row, task, own) if row.label else "")


def _label(row: _Row, task: Task, code: str) -> str:
    words = {word.casefold(): label for label, word in task.verbaliser(code).words.items()}
    label = row.label if row.label in task.labels else words.get(row.label.casefold())
    if label is None:
        raise InvalidData(f"Line {row.line}: the label is {row.label[:40]!r}; allowed are {', '.join(task.labels)}.")
    return label


def _rows(pasted: str) -> Iterator[_Row]:
    text = pasted.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first = _first_line(text)
    if first.lstrip().startswith("{"):
        yield from _of_json(text)
    elif first.lstrip().startswith("["):
        yield from _of_array(text)
    elif _is_table(first):
        for line, cells in delimited_rows(text, "The table"):
            yield _row(line, {name.casefold(): cell for name, cell in cells.items()})
    else:
        for line, query in enumerate(text.split("\n"), start=1):
            yield _Row(line, clean(query))


def _of_json(text: str) -> Iterator[_Row]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            cells = json.loads(content)
        except ValueError:
            cells = None
        if not isinstance(cells, dict) or "text" not in cells:
            raise InvalidData(f"Line {line} is no JSON object with a text; give one object a line.")
        yield _row(line, {name: str(cells.get(name) or "") for name in COLUMNS})


def _of_array(text: str) -> Iterator[_Row]:
    """A JSON list of objects, or lines that happen to begin with a bracket."""
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        for line, query in enumerate(text.split("\n"), start=1):
            yield _Row(line, clean(query))
        return
    for number, cells in enumerate(listed, start=1):
        if not isinstance(cells, dict) or "text" not in cells:
            raise InvalidData(f"Entry {number} is no JSON object with a text; give a list of objects.")
        yield _row(number, {name: str(cells.get(name) or "") for name in COLUMNS})


def _row(line: int, cells: Mapping[str, str]) -> _Row:
    return _Row(line, clean(cells.get("text", "")), cells.get("language", "").strip(), clean(cells.get("label", "")))
