"""Numbers and names as they are written in a report, by the unit of their column."""

from core.report.document import Cell

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
