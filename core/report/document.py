"""What a report is made of, before it is Markdown, LaTeX or HTML: sections of sentences, tables and figures.

A cell is a text, a whole number, a float, true or false, None, or ``(value, low, high)`` with its 95 % interval. How it is written
depends on the unit of its column, see ``core.report.schema``.

Numbers and names as they are written in a report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float | bool | None | tuple[float | None, float | None, float | None]
BEST, LEVEL = "best", "level"  # marks of a cell: the best of its group, and not significantly different from it


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    units: Mapping[str, str] = field(default_factory=dict)  # by column
    marks: Mapping[tuple[int, str], str] = field(default_factory=dict)  # (row, column) -> BEST or LEVEL
    note: str = ""

    def selected(self, columns: Sequence[str] = (), rows: Sequence[str] = ()) -> "Table":
        """Those columns, and the rows whose first cell is among ``rows``, in the order named; nothing named is all."""
        wanted = [name for name in columns if name in self.columns] or list(self.columns)
        first = {str(row[0]): place for place, row in enumerate(self.rows)}
        places = [first[name] for name in rows if name in first] if rows else list(range(len(self.rows)))
        return Table(
            self.name,
            tuple(wanted),
            tuple(tuple(self.rows[place][self.columns.index(name)] for name in wanted) for place in places),
            self.units,
            {(new, c): self.marks[old, c] for new, old in enumerate(places) for c in wanted if (old, c) in self.marks},
            self.note,
        )

    def turned(self, heading: str) -> "Table":
        """Columns as rows under ``heading``: for a table whose columns, after the first, all hold the same quantity."""
        first, *others = self.columns
        heads = [f"{first} = {row[0]}" for row in self.rows]
        rows = tuple((name, *(row[place] for row in self.rows)) for place, name in enumerate(others, start=1))
        units = {head: self.units[others[0]] for head in heads if others[0] in self.units}
        marks = {(others.index(column), heads[place]): mark for (place, column), mark in self.marks.items()}
        return Table(self.name, (heading, *heads), rows, units, marks, self.note)


@dataclass(frozen=True)
class Figure:
    """A figure as in ``core.report.schema``, with its own rows."""

    name: str
    drawn: Mapping[str, Any]
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Sentences, then tables, then figures, under a title."""

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Document:
    """The report of one record."""

    title: str
    facts: tuple[tuple[str, str], ...]  # name and value, such as the command
    sections: tuple[Section, ...]

    def table(self, name: str) -> Table | None:
        """The table of that name, if there is one."""
        return next((table for section in self.sections for table in section.tables if table.name == name), None)


def table_of(
    name: str, rows: Sequence[Mapping[str, Any]], units: Mapping[str, str], note: str = "", marks: Any = None
) -> Table:
    """A table from rows that map columns to cells; columns in the order of their first appearance, lists become tuples."""
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    cells = tuple(tuple(_cell(row.get(column)) for column in columns) for row in rows)
    return Table(
        name, columns, cells, {column: units[column] for column in columns if column in units}, marks or {}, note
    )


def _cell(value: Any) -> Cell:
    return (value[0], value[1], value[2]) if isinstance(value, list | tuple) else value


SHARE, POINTS, PROBABILITY, TIMES = "%", "points", "p", "×"
NOTHING = "-"
TENTHS = ("chrF", "s")  # units in which a tenth is enough


def heading(column: str, unit: str) -> str:
    """The name of a column with its unit."""
    return column if unit in ("", PROBABILITY) else f"{column}, {unit}"


def written(cell: Cell, unit: str = "") -> str:
    """A cell in plain text, without its unit."""
    if cell is None:
        return NOTHING
    if isinstance(cell, tuple):
        value, low, high = (_number(part, unit) for part in cell)
        return value if low == high == NOTHING else f"{value} [{low}, {high}]"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell if isinstance(cell, str) else _number(cell, unit)


def scaled(value: float | None, unit: str) -> float | None:
    """The number as it is drawn: shares and their differences in hundredths."""
    return value if value is None or unit not in (SHARE, POINTS) else 100 * value


def _number(value: float | None, unit: str) -> str:
    if value is None or value != value:
        return NOTHING
    if unit == SHARE:
        return f"{100 * value:.1f}"
    if unit == POINTS:
        return f"{100 * value:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")
    if unit == PROBABILITY:
        return "< 0.001" if value < 0.001 else f"{value:.3f}"
    if unit in TENTHS or unit == TIMES:
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"
