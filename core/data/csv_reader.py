"""Strict reading of delimited text (CSV, TSV): the separator detected, true line numbers, broken quoting and cell counts refused.

Lines are numbered as an editor numbers them, from 1; a record goes by the line that it begins on.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from core.errors import InvalidData

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
csv.field_size_limit(16 * 2**20)  # characters; Python's own limit of 131,072 is met by texts that are merely too long


def delimited_rows(text: str, name: str, preferred: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column name of every record; blank lines are passed over.

    ``preferred``: the separator where the first line has none, or as many of several. Raises ``InvalidData``, which begins
    with ``name`` and the line.
    """
    separator = separator_of(text, preferred)
    header: list[str] = []
    for line, cells in _records(text, name, separator):
        if not header:
            header = _checked_header(cells, f"{name}, line {line}")
            continue
        where = f"{name}, line {line}"
        if len(cells) != len(header):
            raise InvalidData(
                f"{where}: {_count(cells, 'cell')} where the first line names {_count(header, 'column')} ({SEPARATORS[separator]} between "
                "them); put a cell that holds the separator into double quotes."
            )
        _refuse_joined_rows(cells, separator, where)
        yield line, dict(zip(header, cells, strict=True))


def separator_of(text: str, preferred: str = ",") -> str:
    """The separator, comma, semicolon or tab, that parts the first line into most cells."""
    first = text.lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    ordered = [preferred, *(separator for separator in SEPARATORS if separator != preferred)]
    return max(ordered, key=lambda separator: len(next(csv.reader([first], delimiter=separator), [])))


def _records(text: str, name: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            if cells:
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        open_until = f", and is still open or goes on in line {reader.line_num}" if reader.line_num > start else ""
        raise InvalidData(
            f"{name}, line {start}: the quoting is broken ({error}); a double quote that opens a cell must close it{open_until}. Write a "
            'double quote inside a quoted cell twice ("").'
        ) from None


def _checked_header(cells: Sequence[str], where: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    twice = next((column for index, column in enumerate(header) if column and column in header[:index]), None)
    if twice is not None:
        raise InvalidData(f"{where}: the column {twice!r} is named twice; rename one.")
    return header


def _refuse_joined_rows(cells: Sequence[str], separator: str, where: str) -> None:
    """Refuse a cell over several lines whose first line holds the rest of its own row: its quote was not closed there.

    In prose a separator is followed by a space, which distinguishes a sentence from cells.
    """
    for index, cell in enumerate(cells):
        first, *more = cell.split("\n")
        _, *rest = first.rstrip("\r").split(separator)
        if more and rest and len(rest) == len(cells) - index - 1 and not any(part.startswith(" ") for part in rest):
            raise InvalidData(
                f"{where}: a quoted cell runs over {len(more) + 1} lines and holds whole rows; close its double quote, or take the line "
                "breaks out of it."
            )


def _count(values: Sequence[str], noun: str) -> str:
    return f"{len(values)} {noun}{'' if len(values) == 1 else 's'}"
