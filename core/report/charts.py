"""Figures of a record (``core.report.schema``) as Plotly figures in the shared style.

Texts are escaped, because Plotly reads a few tags in them.

One look for all figures, in reports and in the app: transparent ground, readable fonts for every script, safe colours.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

import plotly.graph_objects as go

from core.report.document import POINTS, Figure, heading, scaled

FONT = "system-ui, 'Noto Sans', 'Noto Sans Arabic', 'Noto Sans CJK SC', 'Noto Sans Devanagari', sans-serif"
# Okabe and Ito (2008), safe for colour-blind eyes.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B8A500")


def style(figure: go.Figure, height: int = 320, **layout: Any) -> go.Figure:
    """The shared look; greys that read on light and dark ground."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": "#7d8590"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": FONT}},
        **layout,
    )
    grid = {"gridcolor": "rgba(128,128,128,0.18)", "zerolinecolor": "rgba(128,128,128,0.35)", "automargin": True}
    figure.update_xaxes(**grid)
    figure.update_yaxes(**grid)
    return figure


Row = Mapping[str, Any]
_MOST_CELLS_WITH_NUMBERS = 500
_LONG = 12  # characters; longer names stand beside horizontal bars


def chart(figure: Figure) -> go.Figure:
    """The figure drawn."""
    drawn = figure.drawn
    unit = str(drawn.get("units") or figure.units.get(drawn.get("value") or drawn["y"], ""))
    return _heat_map(drawn, unit) if drawn["kind"] == "heatmap" else _series(drawn, unit, figure.units)


def _series(drawn: Mapping[str, Any], unit: str, units: Mapping[str, str]) -> go.Figure:
    """Bars, lines or points, a colour a series."""
    rows, kind = drawn["rows"], drawn["kind"]
    names = list(dict.fromkeys(_text(row.get(drawn["x"])) for row in rows))
    flat = kind == "bar" and _are_texts(drawn) and (len(names) > 6 or max(map(len, names), default=0) > _LONG)
    figure = go.Figure()
    groups = list(dict.fromkeys(_series_of(row, drawn) for row in rows))
    for number, group in enumerate(groups):
        part = [row for row in rows if _series_of(row, drawn) == group]
        where = [_place(row.get(drawn["x"]), units.get(drawn["x"], "")) for row in part]
        values = [_interval(row, drawn, unit) for row in part]
        error = _error(values)
        number_axis = [value for value, _, _ in values]
        options: dict[str, Any] = {
            "name": group,
            "showlegend": len(groups) > 1,
            "hovertemplate": f"%{{{'y' if flat else 'x'}}}: %{{{'x' if flat else 'y'}:.3~f}}<extra>{group}</extra>",
        }
        colour = COLOURS[number % len(COLOURS)]
        if kind == "bar":
            sides = (
                {"x": number_axis, "y": where, "error_x": error}
                if flat
                else {"x": where, "y": number_axis, "error_y": error}
            )
            figure.add_bar(orientation="h" if flat else "v", marker_color=colour, **sides, **options)
        else:
            labels = [_text(row.get(drawn["label"])) for row in part] if drawn.get("label") else None
            mode = "lines+markers" if kind == "line" else "markers+text" if labels else "markers"
            figure.add_scatter(
                x=where,
                y=number_axis,
                error_y=error,
                mode=mode,
                text=labels,
                textposition="top center",
                marker={"size": 9, "color": colour},
                line={"color": colour},
                **options,
            )
    figure.update_layout(barmode="group", bargap=0.25)
    amount, along = (
        {"title": heading(str(drawn["y"]), unit)},
        {"title": heading(str(drawn["x"]), units.get(drawn["x"], ""))},
    )
    if flat:
        figure.update_yaxes(autorange="reversed")
        return style(figure, 110 + (12 + 16 * len(groups)) * len(names), xaxis=amount, yaxis={})
    return style(figure, 380, xaxis=along, yaxis=amount)


def _heat_map(drawn: Mapping[str, Any], unit: str) -> go.Figure:
    columns, rows = (list(dict.fromkeys(_text(row[drawn[axis]]) for row in drawn["rows"])) for axis in ("x", "y"))
    known = {
        (_text(row[drawn["y"]]), _text(row[drawn["x"]])): scaled(row[drawn["value"]], unit) for row in drawn["rows"]
    }
    values = [[known.get((down, across)) for across in columns] for down in rows]
    numbers = len(rows) * len(columns) <= _MOST_CELLS_WITH_NUMBERS
    digits = ".1f" if unit in ("%", POINTS) else ".2f"
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=columns,
            y=rows,
            zmid=0 if unit == POINTS else None,
            colorscale="RdBu" if unit == POINTS else "Blues",
            texttemplate=f"%{{z:{digits}}}" if numbers else None,
            showscale=not numbers,
            hovertemplate=f"%{{y}}, %{{x}}: %{{z:{digits}}} {escape(unit)}<extra></extra>",
        )
    )
    style(figure, 90 + 24 * len(rows), xaxis={"side": "top", "type": "category"}, yaxis={"type": "category"})
    figure.update_yaxes(autorange="reversed", dtick=1)
    figure.update_layout(margin={"t": 60})
    return figure


def _interval(row: Row, drawn: Mapping[str, Any], unit: str) -> tuple[float | None, float | None, float | None]:
    value = row.get(drawn["y"])
    if isinstance(value, list | tuple):
        mean, low, high = value
    else:
        mean, low, high = value, row.get(drawn.get("low") or ""), row.get(drawn.get("high") or "")
    return scaled(mean, unit), scaled(low, unit), scaled(high, unit)


def _error(values: list[tuple[float | None, float | None, float | None]]) -> dict[str, Any] | None:
    if not any(low is not None and high is not None for _, low, high in values):
        return None
    above = [high - value if high is not None and value is not None else 0.0 for value, _, high in values]
    below = [value - low if low is not None and value is not None else 0.0 for value, low, _ in values]
    return {"type": "data", "array": above, "arrayminus": below, "thickness": 1.5, "color": "#7d8590"}


def _are_texts(drawn: Mapping[str, Any]) -> bool:
    return any(isinstance(row.get(drawn["x"]), str) for row in drawn["rows"])


def _series_of(row: Row, drawn: Mapping[str, Any]) -> str:
    return _text(row.get(drawn["series"])) if drawn.get("series") else ""


def _place(value: Any, unit: str) -> Any:
    return scaled(value, unit) if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


def _text(value: Any) -> str:
    return "-" if value is None else escape(str(value))
