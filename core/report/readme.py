"""The results in README.md and docs/, made from records: what stands between ``<!-- results: NAME -->`` and ``<!-- end -->``.

``assets/results/readme.toml`` says what each block shows::

    [NAME]
    document = "docs/results.md"         # optional: where the block stands; default README.md
    record = "embedded/topic_k8"          # folder under assets/results
    table = "by language"                 # of the record's report
    columns = ["language", "agl"]         # optional; default all
    rows = ["swh_Latn", "mean"]           # optional, by the first column; default all
    turned = "strategy"                   # optional: columns as rows, under this heading
    spread = ["calibration", "accuracy"]  # optional: a column for each text of the first, with what the second has there
    findings = true                       # optional: the findings of the report after the table
    text = "Of {n} items ..."             # or, in place of a table, sentences with values out of JSON files
    figure = "growth.svg"                 # optional: before the text, drawn into assets/figures from ``panels``, see core.report.readme
    alt = "what it shows"
    values.n = ["embedded/knn.json", "mean", "own_english", "%"]   # file, fields, unit ("" without); in a list of rows a field is
                                                                   # what the row must have, { language = "mean" }

A figure of how times grow, drawn from the rows of JSON records as SVG: small panels with logarithmic axes.

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
import re
import tomllib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from core.errors import InvalidData
from core.models.loading import ASSETS
from core.report.cells import written
from core.report.charts import COLOURS
from core.report.document import Document
from core.report.markup import markdown_table, notes, plain
from core.report.reading import read_record
from core.report.renderers import document_of

WIDTH, HEIGHT, ACROSS = 400, 250, 2  # of a panel, pixels; panels in a row
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 34, 58  # margins of a panel
Point = tuple[float, float]


def growth_figure(panels: Sequence[Mapping[str, Any]], results: Path) -> str:
    """The SVG. Raises ``InvalidData`` for a panel without points."""
    down = math.ceil(len(panels) / ACROSS)
    size = f'width="{ACROSS * WIDTH}" height="{down * HEIGHT}" viewBox="0 0 {ACROSS * WIDTH} {down * HEIGHT}"'
    parts = [
        f'<g transform="translate({index % ACROSS * WIDTH} {index // ACROSS * HEIGHT})">{_panel(panel, results)}</g>'
        for index, panel in enumerate(panels)
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

    def to_pixels(point: Point) -> Point:
        across = _share(point[0], min(xs), max(xs)) * (WIDTH - LEFT - RIGHT)
        return LEFT + across, TOP + (1 - _share(point[1], low, high)) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text x="{LEFT}" y="18" font-weight="600">{escape(str(panel["title"]))}</text>']
    for tick in _decades(low, high):
        y = to_pixels((min(xs), tick))[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{LEFT - 6}" y="{TOP - 10}" text-anchor="end">{escape(str(panel["unit"]))}</text>')
    below = f'y="{HEIGHT - BOTTOM + 17}" text-anchor="middle"'
    parts += [f'<text x="{to_pixels((x, low))[0]:.1f}" {below}>{x:,.0f}</text>' for x in sorted(set(xs))]
    for number, (name, points) in enumerate(lines.items()):
        parts.append(_line(str(name), [to_pixels(point) for point in sorted(points)], number))
    return "".join(parts)


def _line(name: str, points: Sequence[Point], number: int) -> str:
    colour = COLOURS[number % len(COLOURS)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    x, y = LEFT + 150 * (number % 2), HEIGHT - 24 + 15 * (number // 2)
    key = f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{colour}"/><text x="{x + 14}" y="{y}">{escape(name)}</text>'
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}{key}'


def _points(panel: Mapping[str, Any], line: Mapping[str, Any], results: Path) -> list[Point]:
    conditions = {**panel.get("where", {}), **line.get("where", {})}
    record = json.loads((results / panel["record"]).read_text(encoding="utf-8"))
    rows = [
        row for row in record.get(panel["rows"], ()) if all(row.get(key) == value for key, value in conditions.items())
    ]
    points = [(float(row[panel["x"]]), float(row[line["y"]])) for row in rows if line["y"] in row and panel["x"] in row]
    if not points or min(y for _, y in points) <= 0:
        raise InvalidData(
            f"{results / panel['record']} has no rows to draw {line['name']!r} of {panel['title']!r} from."
        )
    return points


def _share(value: float, low: float, high: float) -> float:
    """Where ``value`` lies between ``low`` and ``high`` on a logarithmic scale from 0 to 1; a scale that begins at 0 counts from 1."""
    low, high, value = (math.log10(number + (1 if low == 0 else 0)) for number in (low, high, value))
    return 0.5 if high == low else (value - low) / (high - low)


def _decades(low: float, high: float) -> list[float]:
    first, last = round(math.log10(low)), round(math.log10(high))
    return [10.0**power for power in range(first, last + 1)]


RESULTS = ASSETS / "results"
README = "README.md"
_BLOCK = re.compile(r"(<!-- results: (?P<name>[^>\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def documents(results: Path = RESULTS) -> list[str]:
    """Paths, from the project's root, of the documents that hold blocks."""
    return sorted({one.get("document", README) for one in _read(results / "readme.toml").values()})


def rewritten(text: str, results: Path = RESULTS, document: str = README) -> str:
    """The ``text`` of ``document`` with every block made anew.

    Raises ``InvalidData`` for a block without a specification, or the other way round.
    """
    everything = _read(results / "readme.toml")
    specifications = {name: one for name, one in everything.items() if one.get("document", README) == document}
    assets = "../" * document.count("/") + "assets"
    known: dict[str, Document] = {}
    names = {match["name"] for match in _BLOCK.finditer(text)}
    for name in sorted(names ^ set(specifications)):
        where = (
            "the text has no such block"
            if name in specifications
            else f"{results / 'readme.toml'} does not say what it shows"
        )
        raise InvalidData(f"Block {name!r}: {where}; keep both in step.")

    def made(match: re.Match[str]) -> str:
        return f"{match[1]}{_block(match['name'], specifications[match['name']], results, known, assets)}\n{match[3]}"

    return _BLOCK.sub(made, text)


def figures(results: Path = RESULTS) -> dict[str, str]:
    """The drawn figures of the blocks, SVG by file name."""
    blocks = _read(results / "readme.toml").values()
    return {str(one["figure"]): growth_figure(one["panels"], results) for one in blocks if "figure" in one}


def _block(name: str, specification: Mapping[str, Any], results: Path, known: dict[str, Document], assets: str) -> str:
    if "text" in specification:
        values = {key: _value(results, *path) for key, path in specification.get("values", {}).items()}
        text = str(specification["text"]).strip().format(assets=assets, **values)
        picture = (
            f"![{specification['alt']}]({assets}/figures/{specification['figure']})\n\n"
            if "figure" in specification
            else ""
        )
        return picture + text
    folder = str(specification["record"])
    if folder not in known:
        known[folder] = document_of(read_record(results / folder, folder))
    document = known[folder]
    table = document.table(specification["table"])
    if table is None:
        tables = ", ".join(table.name for section in document.sections for table in section.tables)
        raise InvalidData(f"Block {name!r} shows table {specification['table']!r}; {folder} has {tables}.")
    for column in specification.get("columns", ()):
        if column not in table.columns:
            raise InvalidData(f"Block {name!r} shows column {column!r}; the table has {', '.join(table.columns)}.")
    selected = table.selected(specification.get("columns", ()), specification.get("rows", ()))
    if "turned" in specification:
        selected = selected.turned(specification["turned"])
    if "spread" in specification:
        selected = selected.spread(*specification["spread"])
    parts = [markdown_table(selected), plain(notes(selected))]
    if specification.get("findings"):
        parts.append("\n".join(f"- {plain(text)}" for text in document.sections[0].sentences))
    command = dict(document.facts).get("Command", "")
    parts.append(f"Made by `{_short(command)}` ([record]({assets}/results/{folder}/record.json)).")
    return "\n\n".join(part for part in parts if part)


def _value(results: Path, file: str, *path: Any) -> str:
    *fields, unit = path
    value: Any = json.loads((results / file).read_text(encoding="utf-8"))
    for field in fields:
        if isinstance(field, Mapping) and isinstance(value, list):
            value = next(
                (row for row in value if all(row.get(key) == expected for key, expected in field.items())), None
            )
        else:
            value = value.get(field) if isinstance(value, Mapping) else None
        if value is None:
            raise InvalidData(f"{results / file} has no {' / '.join(map(str, fields))}, which a block of README shows.")
    return written(value, unit)


def _short(command: str) -> str:
    """The command with long lists of languages left to the record."""
    return re.sub(r"(--(?:pool-)?languages )\S{80,}", r"\1...", command)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidData(f"{path} cannot be read: {error}.") from error
