"""Practice and test as an organiser writes them: a table with a row for each answer, pasted or uploaded.

Columns: kind (practice or test), language, source_text, answer, why, and one for each criterion that has something to be
expected, called by its key: a point, or a range such as 4-5; an empty cell expects nothing. source_language and key are optional.
"""

import csv
import io
import re
from pathlib import Path
from typing import Any

from annotation.errors import InvalidRecord
from annotation.qualification_records import Exercise, Qualification
from annotation.records import Study

FIELDS = ("exercises", "pass_share", "tries")  # of the form
COLUMNS = ("kind", "language", "source_text", "answer", "why")
OPTIONAL = ("source_language", "key")
MOST_CHARACTERS = 400_000
_RANGE = re.compile(r"\s*(\d{1,3})(?:\s*(?:-|–|to)\s*(\d{1,3}))?\s*\Z")


def qualification_of(text: str, pass_share: float, tries: int) -> Qualification | None:
    """What the table describes; None where it is empty. Raises InvalidRecord, with the row that cannot be read."""
    if not (text or "").strip():
        return None
    first = text.lstrip("\ufeff\n").split("\n", 1)[0]
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter="\t" if "\t" in first else ",")
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise InvalidRecord(
            f"The table of exercises lacks the columns {', '.join(missing)}; it needs {', '.join(COLUMNS)} and one for each "
            "criterion, such as fluency with 4-5."
        )
    try:
        exercises = tuple(_exercise(row, number) for number, row in enumerate(rows, start=1))
    except csv.Error as error:
        raise InvalidRecord(f"The table of exercises cannot be read ({error}); save it as CSV in UTF-8.") from None
    return Qualification(exercises, pass_share, tries)


def _exercise(row: dict[str, Any], number: int) -> Exercise:
    if None in row or None in row.values():
        raise InvalidRecord(f"Row {number} of the exercises has another number of cells than the first line; mend it.")
    expected = {
        name: _range(cell, name, number)
        for name, cell in row.items()
        if name not in (*COLUMNS, *OPTIONAL) and name.strip() and cell.strip()
    }
    return Exercise(
        key=(row.get("key") or "").strip() or f"exercise_{number}",
        kind=row["kind"].strip().lower(),  # checked with the design
        language=row["language"].strip(),
        source_text=row["source_text"],
        text=row["answer"],
        expected=expected,
        why=row["why"],
        source_language=(row.get("source_language") or "").strip() or None,
    )


def _range(cell: str, name: str, number: int) -> tuple[int, int]:
    match = _RANGE.match(cell)
    if match is None:
        raise InvalidRecord(
            f"Row {number} of the exercises expects {cell!r} of {name}; write a point, or two such as 4-5."
        )
    return int(match[1]), int(match[2] or match[1])


def as_fields(study: Study) -> dict[str, Any]:
    """The study's practice and test as the form shows them, readable by `qualification_of`."""
    made = study.qualification
    if made is None:
        return {"exercises": "", "pass_share": 0.7, "tries": 2}
    keys = [one.key for one in study.criteria]
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow([*COLUMNS, *OPTIONAL, *keys])
    for one in made.exercises:
        texts = [one.kind, one.language, one.source_text, one.text, one.why, one.source_language or "", one.key]
        rows.writerow([*texts, *(_cell(one.expected.get(key)) for key in keys)])
    return {"exercises": file.getvalue(), "pass_share": made.pass_share, "tries": made.tries}


def _cell(points: tuple[int, int] | None) -> str:
    if points is None:
        return ""
    low, high = points
    return str(low) if low == high else f"{low}-{high}"


def table_of(path: Path) -> str:
    """The text of an uploaded table. Raises InvalidRecord for one that is too large or no UTF-8."""
    if path.stat().st_size > MOST_CHARACTERS:
        raise InvalidRecord(
            f"The table of exercises has more than {MOST_CHARACTERS:,} bytes; 100 exercises are enough."
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRecord("The table of exercises is not UTF-8; save it as CSV in UTF-8.") from None
