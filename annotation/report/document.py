"""The pieces a report is made of, whatever it is written to."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heading:
    """Level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """Plain texts, one a line."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are plain text; the first `words` columns are words, the others figures. `name` is its LaTeX label."""

    name: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart of intervals: where the mean lies and its interval, if any."""

    label: str
    middle: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Intervals:
    """Means with intervals on one axis; only HTML draws it, the figures stand in a table too."""

    caption: str
    bars: Sequence[Bar]
    start: float
    end: float
    marks: Sequence[float]


@dataclass(frozen=True, slots=True)
class Shares:
    """Stacked shares of the scale points, a line each; only HTML draws it."""

    caption: str
    rows: Sequence[tuple[str, Sequence[int]]]


Block = Heading | Paragraph | Bullets | Table | Intervals | Shares


@dataclass(frozen=True, slots=True)
class Document:
    """A title with what follows."""

    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
