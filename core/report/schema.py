"""What a record says about itself, so that it can be shown without knowing which experiment made it.

A folder holds ``record.json`` and, for evaluations, ``items.parquet``. Fields of ``record.json`` that a report reads, all but
``command`` optional:

``kind``      "evaluation", "ablation", "sweep", "consistency", "lowresource", "unseen", "scaling", or another name. Missing: "evaluation"
              where there are ``results``, else "other". It picks the renderer; a kind without one is shown by the fields below.
``title``     one line. Missing: the kind.
``command``   as it would be typed, ``commit``, ``model``, ``config``, ``seconds``, ``seeds`` (list), ``items`` (number of different items):
              shown as the facts of the run.
``findings``  list of plain sentences, printed before the tables: what is significant and what is not.
``tables``    {name: [row, ...]}, a row = {column: cell}; columns in the order of their first appearance. A cell is a text, a whole number,
              a float, true or false, null (shown as "-": say why in ``findings``), or a list [value, low, high]: a value with its 95 %
              interval.
``units``     {column: unit}, for columns of tables and figures alike. "%": the number is a share in [0, 1] and is shown times 100 with one
              decimal; "points": the same, for differences, shown with a sign; "p": a p-value; any other text ("s", "nats",
              "chrF") stands beside the column's name. Without a unit floats have three decimals.
``figures``   {name: figure}, a figure =
              {"kind": "bar" | "line" | "scatter" | "heatmap",
               "title": text, "units": unit of ``y`` (of ``value`` in a heat map), as above,
               "x": column, "y": column, "series": column or null (one colour each),
               "rows": [{column: value}, ...]   or   "table": name of one of ``tables``,
               "low": column, "high": column    (optional, ends of the interval of ``y``; needless where ``y`` cells are lists),
               "label": column                  (optional, text beside a point of a scatter),
               "value": column                  (heat map only: the number in the cell of ``x`` and ``y``)}

Names are for people: "accuracy by language", not "acc_lang". All texts are plain text, never markup.
"""

import types
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import InvalidData
from core.report.document import Figure, Row

FIGURE_KINDS = ("bar", "line", "scatter", "heatmap")
EVALUATION, OTHER = "evaluation", "other"


def kind_of(entry: Mapping[str, Any]) -> str:
    """Which renderer a record asks for."""
    return str(entry.get("kind") or (EVALUATION if "results" in entry else OTHER))


def check(entry: Mapping[str, Any], where: str) -> None:
    """Raise ``InvalidData`` naming ``where``, the field and what it should be, when tables or figures are not as written above."""
    tables, figures = entry.get("tables") or {}, entry.get("figures") or {}
    for field, value in (("tables", tables), ("figures", figures), ("units", entry.get("units") or {})):
        if not isinstance(value, Mapping):
            raise InvalidData(f"{where}: {field} is a {type(value).__name__}; it must map names to {field}.")
    for name, rows in tables.items():
        _check_rows(rows, f"{where}: table {name!r}")
    for name, figure in figures.items():
        _check_figure(figure, tables, f"{where}: figure {name!r}")


def rows_of(figure: Mapping[str, Any], tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows that a figure draws, its own or those of the table it names."""
    return list(tables[figure["table"]] if "table" in figure else figure["rows"])


def figure_of(
    name: str,
    entry: Mapping[str, Any],
    tables: Mapping[str, Any] = types.MappingProxyType({}),
    units: Mapping[str, str] | None = None,
) -> Figure:
    """A figure of a record, which ``check`` has passed."""
    known = units or {}
    drawn = entry["value"] if entry["kind"] == "heatmap" else entry["y"]
    return Figure(
        str(entry.get("title") or name),
        entry["kind"],
        str(entry["x"]),
        str(entry["y"]),
        rows_of(entry, tables),
        value=str(entry.get("value") or ""),
        series=entry.get("series"),
        label=entry.get("label"),
        low=entry.get("low"),
        high=entry.get("high"),
        unit=str(entry.get("units") or known.get(drawn, "")),
        units=known,
    )


def figures_entry(figures: Mapping[str, Figure], tables: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, Any]]:
    """Figures as a record holds them; rows that are those of a table are named, not repeated."""
    names = {id(rows): name for name, rows in tables.items()}
    return {name: _figure_entry(figure, names.get(id(figure.rows))) for name, figure in figures.items()}


def _figure_entry(figure: Figure, table: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": figure.kind, "title": figure.name, "x": figure.x, "y": figure.y}
    options = {name: getattr(figure, name) for name in ("value", "series", "label", "low", "high")}
    entry |= {name: value for name, value in options.items() if value}
    entry |= {"table": table} if table is not None else {"rows": [dict(row) for row in figure.rows]}
    return entry | {"units": figure.unit}


def _check_rows(rows: Any, where: str) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise InvalidData(f"{where} is not a list of rows; a row maps columns to cells.")
    for number, row in enumerate(rows):
        for column, cell in row.items():
            if isinstance(cell, Mapping) or (isinstance(cell, list) and not _is_interval(cell)):
                raise InvalidData(
                    f"{where}, row {number + 1}, column {column!r} holds {cell!r}; a cell is a text, a number, true, false, null or "
                    "[value, low, high]."
                )


def _is_interval(cell: list[Any]) -> bool:
    return len(cell) == 3 and all(part is None or isinstance(part, int | float) for part in cell)


def _check_figure(figure: Any, tables: Mapping[str, Any], where: str) -> None:
    if not isinstance(figure, Mapping):
        raise InvalidData(f"{where} is a {type(figure).__name__}; it must map fields to values.")
    if figure.get("kind") not in FIGURE_KINDS:
        raise InvalidData(f"{where} is of kind {figure.get('kind')!r}; choose one of {', '.join(FIGURE_KINDS)}.")
    if ("rows" in figure) == ("table" in figure):
        raise InvalidData(f"{where} needs either its own rows or the name of a table, and not both.")
    if "table" in figure and figure["table"] not in tables:
        raise InvalidData(f"{where} draws table {figure['table']!r}; there are {', '.join(tables) or 'none'}.")
    rows = rows_of(figure, tables)
    _check_rows(rows, where)
    needed = ("x", "y", "value") if figure["kind"] == "heatmap" else ("x", "y")
    for field in needed:
        if field not in figure:
            raise InvalidData(f"{where} has no {field!r}; a {figure['kind']} needs {', '.join(needed)}.")
    columns = {column for row in rows for column in row}
    for field in (*needed, "series", "low", "high", "label"):
        column = figure.get(field)
        if rows and column is not None and column not in columns:
            raise InvalidData(
                f"{where}: {field} is {column!r}, which no row has; columns are {', '.join(sorted(columns))}."
            )
