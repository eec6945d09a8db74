"""What a report is made of, before it is Markdown, LaTeX or HTML: sections of sentences, tables and figures.

A cell is a text, a whole number, a float, true or false, None, or ``(value, low, high)`` with its 95 % interval. How it is written
depends on the unit of its column, see ``core.report.schema`` and ``core.report.cells``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Cell = str | int | float | bool | None | tuple[float | None, float | None, float | None]
Row = Mapping[str, Any]  # column -> cell; an interval may be a list
BEST, LEVEL = "best", "level"  # marks of a cell: the best of its group, and not significantly different from it
Kind = Literal["bar", "line", "scatter", "heatmap"]


@dataclass(frozen=True)
class Heading:
    """Begins a section, in a flat list of blocks."""

    text: str
    level: int = 2  # 1 is the title of the document


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """Plain texts, one a line."""

    texts: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns."""

    name: str  # what it is called by; its label in LaTeX and HTML
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    units: Mapping[str, str] = field(default_factory=dict)  # by column
    marks: Mapping[tuple[int, str], str] = field(default_factory=dict)  # (row, column) -> BEST or LEVEL
    note: str = ""  # stands under it
    caption: str = ""  # stands over it; without one, its name
    words: int | None = None  # columns of words, the first ones; None: those whose cells are all texts

    @property
    def title(self) -> str:
        """What stands over it."""
        return self.caption or self.name

    def is_words(self, column: int) -> bool:
        """Whether a column holds words, which begin at the start of a cell; figures end at its end."""
        if self.words is not None:
            return column < self.words
        return all(isinstance(row[column], str) for row in self.rows)

    def selected(self, columns: Sequence[str] = (), rows: Sequence[str] = ()) -> "Table":
        """Those columns, and the rows whose first cell is among ``rows``, in the order named; nothing named is all."""
        names = [name for name in columns if name in self.columns] or list(self.columns)
        first = {str(row[0]): index for index, row in enumerate(self.rows)}
        indexes = [first[name] for name in rows if name in first] if rows else list(range(len(self.rows)))
        cells = tuple(tuple(self.rows[index][self.columns.index(name)] for name in names) for index in indexes)
        marks = {
            (new, c): self.marks[old, c] for new, old in enumerate(indexes) for c in names if (old, c) in self.marks
        }
        return replace(self, columns=tuple(names), rows=cells, marks=marks)

    def turned(self, heading: str) -> "Table":
        """Columns as rows under ``heading``: for a table whose columns, after the first, all hold the same quantity."""
        first, *others = self.columns
        heads = [f"{first} = {row[0]}" for row in self.rows]
        rows = tuple((name, *(row[index] for row in self.rows)) for index, name in enumerate(others, start=1))
        units = {head: self.units[others[0]] for head in heads if others[0] in self.units}
        marks = {(others.index(column), heads[index]): mark for (index, column), mark in self.marks.items()}
        return replace(self, columns=(heading, *heads), rows=rows, units=units, marks=marks)

    def spread(self, names: str, values: str) -> "Table":
        """A column for each text of the column ``names``, with what ``values`` has there: one row where the other columns agree.

        Marks are left out. A combination that has no row is None.
        """
        at, of = self.columns.index(names), self.columns.index(values)
        heads = tuple(dict.fromkeys(str(row[at]) for row in self.rows))
        by_key: dict[tuple[Cell, ...], dict[str, Cell]] = {}
        for row in self.rows:
            key = tuple(cell for index, cell in enumerate(row) if index not in (at, of))
            by_key.setdefault(key, {})[str(row[at])] = row[of]
        kept = tuple(column for column in self.columns if column not in (names, values))
        units = {name: unit for name, unit in self.units.items() if name in kept}
        units |= dict.fromkeys(heads, self.units[values]) if values in self.units else {}
        rows = tuple((*key, *map(cells.get, heads)) for key, cells in by_key.items())
        return replace(self, columns=(*kept, *heads), rows=rows, units=units, marks={})


@dataclass(frozen=True)
class Figure:
    """A chart that Plotly draws, see ``core.report.schema`` for what its fields mean."""

    name: str
    kind: Kind
    x: str
    y: str
    rows: Sequence[Row]
    value: str = ""  # of a heat map: the column of the number in a cell
    series: str | None = None
    label: str | None = None
    low: str | None = None
    high: str | None = None
    unit: str = ""  # of ``y``, or of ``value``
    units: Mapping[str, str] = field(default_factory=dict)  # by column


@dataclass(frozen=True)
class Bar:
    """One line of an interval chart: where the mean lies and its interval, if any."""

    label: str
    middle: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class IntervalChart:
    """Means with intervals on one axis; only HTML draws it, without a script; the numbers stand in a table too."""

    caption: str
    bars: Sequence[Bar]
    start: float
    end: float
    marks: Sequence[float]


@dataclass(frozen=True)
class ShareChart:
    """Stacked shares of scale points, a line each; only HTML draws it, without a script."""

    caption: str
    rows: Sequence[tuple[str, Sequence[int]]]
    points: Sequence[str] = ()  # what the parts are called; 1, 2, 3, ... where nothing is named


Block = Paragraph | Bullets | Table | Figure | IntervalChart | ShareChart


@dataclass(frozen=True)
class Section:
    """Blocks in their order under a title; a section without a title opens a document."""

    title: str
    blocks: tuple[Block, ...] = ()
    level: int = 2

    @staticmethod
    def of(
        title: str, sentences: Sequence[str] = (), tables: Iterable[Table] = (), figures: Iterable[Figure] = ()
    ) -> "Section":
        """Sentences, then tables, then figures."""
        return Section(title, (*([Bullets(tuple(sentences))] if sentences else []), *tables, *figures))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The texts of its bullets, in their order."""
        return tuple(text for block in self.blocks if isinstance(block, Bullets) for text in block.texts)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables."""
        return tuple(block for block in self.blocks if isinstance(block, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Its figures that Plotly draws."""
        return tuple(block for block in self.blocks if isinstance(block, Figure))


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    facts: tuple[tuple[str, str], ...]  # name and value, such as the command
    sections: tuple[Section, ...]

    @staticmethod
    def of_blocks(title: str, blocks: Iterable[Heading | Block], facts: Sequence[tuple[str, str]] = ()) -> "Document":
        """A flat list of blocks; each heading begins a section, what stands before the first has none."""
        sections = [Section("")]
        for block in blocks:
            if isinstance(block, Heading):
                sections.append(Section(block.text, (), block.level))
            else:
                sections[-1] = replace(sections[-1], blocks=(*sections[-1].blocks, block))
        return Document(title, tuple(facts), tuple(one for one in sections if one.title or one.blocks))

    def table(self, name: str) -> Table | None:
        """The table of that name, if there is one."""
        return next((table for section in self.sections for table in section.tables if table.name == name), None)


def table_of(name: str, rows: Sequence[Row], units: Mapping[str, str], note: str = "", marks: Any = None) -> Table:
    """A table from rows that map columns to cells; columns in the order of their first appearance, lists become tuples."""
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    cells = tuple(tuple(_cell(row.get(column)) for column in columns) for row in rows)
    return Table(
        name, columns, cells, {column: units[column] for column in columns if column in units}, marks or {}, note
    )


def text_table(name: str, caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> Table:
    """A table of cells that are written already; the first ``words`` columns are words, a short row is filled up with empty cells."""
    cells = tuple((*row, *[""] * (len(head) - len(row))) for row in rows)
    return Table(name, tuple(head), cells, caption=caption, words=words)


def _cell(value: Any) -> Cell:
    return (value[0], value[1], value[2]) if isinstance(value, list | tuple) else value
