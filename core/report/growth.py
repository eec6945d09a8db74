"""A figure of how times grow, drawn from the rows of JSON records as SVG: small panels with logarithmic axes.

A file of text without scripts, fonts or a browser to make it, so that README's figure can be held to its records. A panel::

    title = "by candidates"
    record = "selection_speed.json"      # under assets/results
    rows = "selection"                   # field of the record that holds the rows
    x = "candidates"                     # field
    unit = "ms"
    lines = [{ name = "self-selection", y = "greedy_ms" }, { name = "padded", y = "seconds", where = { method = "padded" } }]
    where = { along = "K" }              # optional: what a row must have
"""

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from core.errors import InvalidData
from core.report.style import COLOURS

WIDTH, HEIGHT, ACROSS = 400, 250, 2  # of a panel, pixels; panels in a row
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 34, 58  # margins of a panel
Point = tuple[float, float]


def growth_figure(panels: Sequence[Mapping[str, Any]], results: Path) -> str:
    """The SVG. Raises ``InvalidData`` for a panel without points."""
    down = math.ceil(len(panels) / ACROSS)
    size = f'width="{ACROSS * WIDTH}" height="{down * HEIGHT}" viewBox="0 0 {ACROSS * WIDTH} {down * HEIGHT}"'
    parts = [
        f'<g transform="translate({place % ACROSS * WIDTH} {place // ACROSS * HEIGHT})">{_panel(panel, results)}</g>'
        for place, panel in enumerate(panels)
    ]
    style = 'font-family="system-ui, sans-serif" font-size="12" fill="#24292f"'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{paper}\n' + "\n".join(parts) + "\n</svg>\n"


def _panel(panel: Mapping[str, Any], results: Path) -> str:
    lines = {line["name"]: _points(panel, line, results) for line in panel["lines"]}
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))
    high = high if high > low else 10 * low

    def place(point: Point) -> Point:
        across = _share(point[0], min(xs), max(xs)) * (WIDTH - LEFT - RIGHT)
        return LEFT + across, TOP + (1 - _share(point[1], low, high)) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text x="{LEFT}" y="18" font-weight="600">{escape(str(panel["title"]))}</text>']
    for tick in _decades(low, high):
        y = place((min(xs), tick))[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{LEFT - 6}" y="{TOP - 10}" text-anchor="end">{escape(str(panel["unit"]))}</text>')
    below = f'y="{HEIGHT - BOTTOM + 17}" text-anchor="middle"'
    parts += [f'<text x="{place((x, low))[0]:.1f}" {below}>{x:,.0f}</text>' for x in sorted(set(xs))]
    for number, (name, points) in enumerate(lines.items()):
        parts.append(_line(str(name), [place(point) for point in sorted(points)], number))
    return "".join(parts)


def _line(name: str, places: Sequence[Point], number: int) -> str:
    colour = COLOURS[number % len(COLOURS)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    x, y = LEFT + 150 * (number % 2), HEIGHT - 24 + 15 * (number // 2)
    key = f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{colour}"/><text x="{x + 14}" y="{y}">{escape(name)}</text>'
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}{key}'


def _points(panel: Mapping[str, Any], line: Mapping[str, Any], results: Path) -> list[Point]:
    wanted = {**panel.get("where", {}), **line.get("where", {})}
    record = json.loads((results / panel["record"]).read_text(encoding="utf-8"))
    rows = [row for row in record.get(panel["rows"], ()) if all(row.get(key) == value for key, value in wanted.items())]
    found = [(float(row[panel["x"]]), float(row[line["y"]])) for row in rows if line["y"] in row and panel["x"] in row]
    if not found or min(y for _, y in found) <= 0:
        raise InvalidData(
            f"{results / panel['record']} has no rows to draw {line['name']!r} of {panel['title']!r} from."
        )
    return found


def _share(value: float, low: float, high: float) -> float:
    """Where ``value`` lies between ``low`` and ``high`` on a logarithmic scale from 0 to 1; a scale that begins at 0 counts from 1."""
    low, high, value = (math.log10(number + (1 if low == 0 else 0)) for number in (low, high, value))
    return 0.5 if high == low else (value - low) / (high - low)


def _decades(low: float, high: float) -> list[float]:
    first, last = round(math.log10(low)), round(math.log10(high))
    return [10.0**power for power in range(first, last + 1)]
