"""Figures as Plotly draws them, in one look for reports and the app: transparent ground, fonts for every script, safe colours.

Texts are escaped, because Plotly reads a few tags in them.
"""

from html import escape
from typing import Any

import plotly.graph_objects as go

from core.report.cells import POINTS, SHARE, heading, scaled
from core.report.document import Figure, Row
from core.report.look import FONT

# Okabe and Ito (2008), safe for colour-blind eyes.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B8A500")


def style(figure: go.Figure, height: int = 320, **layout: Any) -> go.Figure:
    """The shared look; greys that read on light and dark ground."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 44, "t": 28, "b": 8},
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)"},  # in the margin: it covers no words
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


MOST_LINES = len(COLOURS)  # of a figure
_MOST_CELLS_WITH_NUMBERS = 500
_LONG = 12  # characters; longer names stand beside horizontal bars


def chart(figure: Figure) -> go.Figure:
    """The figure drawn."""
    return _heat_map(figure) if figure.kind == "heatmap" else _series(figure)


def _series(drawn: Figure) -> go.Figure:
    """Bars, lines or points, a colour a series."""
    names = list(dict.fromkeys(_text(row.get(drawn.x)) for row in drawn.rows))
    flat = drawn.kind == "bar" and _are_texts(drawn) and (len(names) > 6 or max(map(len, names), default=0) > _LONG)
    figure = go.Figure()
    groups = _groups(drawn)
    for number, group in enumerate(groups):
        rows = [row for row in drawn.rows if _series_of(row, drawn) == group]
        along = [_along(row.get(drawn.x), drawn.units.get(drawn.x, "")) for row in rows]
        values = [_interval(row, drawn) for row in rows]
        amounts, error = [value for value, _, _ in values], _error(values)
        colour = COLOURS[number % len(COLOURS)]
        options: dict[str, Any] = {
            "name": group,
            "showlegend": len(groups) > 1,
            "hovertemplate": f"%{{{'y' if flat else 'x'}}}: %{{{'x' if flat else 'y'}:.3~f}}<extra>{group}</extra>",
        }
        if drawn.kind == "bar" and flat:
            figure.add_bar(orientation="h", marker_color=colour, x=amounts, y=along, error_x=error, **options)
        elif drawn.kind == "bar":
            figure.add_bar(orientation="v", marker_color=colour, x=along, y=amounts, error_y=error, **options)
        else:
            labels = [_text(row.get(drawn.label)) for row in rows] if drawn.label else None
            mode = "lines+markers" if drawn.kind == "line" else "markers+text" if labels else "markers"
            figure.add_scatter(
                x=along,
                y=amounts,
                error_y=error,
                mode=mode,
                text=labels,
                textposition="top center",
                marker={"size": 9, "color": colour},
                line={"color": colour},
                **options,
            )
    figure.update_layout(barmode="group", bargap=0.25)
    every = len({_series_of(row, drawn) for row in drawn.rows})
    if every > len(groups):
        figure.update_layout(title={"text": f"The highest {len(groups)} of {every} lines", "font": {"size": 13}})
    amount = {"title": heading(drawn.y, drawn.unit)}
    if flat:
        figure.update_yaxes(autorange="reversed")
        return style(figure, 110 + (12 + 16 * len(groups)) * len(names), xaxis=amount, yaxis={})
    return style(figure, 380, xaxis={"title": heading(drawn.x, drawn.units.get(drawn.x, ""))}, yaxis=amount)


def _groups(drawn: Figure) -> list[str]:
    """The series, in their order; of more lines than can be distinguished the highest, by their mean. A table has all."""
    groups = list(dict.fromkeys(_series_of(row, drawn) for row in drawn.rows))
    if drawn.kind != "line" or len(groups) <= MOST_LINES:
        return groups
    values: dict[str, list[float]] = {group: [] for group in groups}
    for row in drawn.rows:
        value = _interval(row, drawn)[0]
        values[_series_of(row, drawn)] += [] if value is None else [value]
    highest = sorted(groups, key=lambda group: -sum(values[group]) / max(1, len(values[group])))[:MOST_LINES]
    return [group for group in groups if group in highest]


def _heat_map(drawn: Figure) -> go.Figure:
    columns, rows = (list(dict.fromkeys(_text(row[axis]) for row in drawn.rows)) for axis in (drawn.x, drawn.y))
    cells = {(_text(row[drawn.y]), _text(row[drawn.x])): scaled(row[drawn.value], drawn.unit) for row in drawn.rows}
    values = [[cells.get((down, across)) for across in columns] for down in rows]
    numbers = len(rows) * len(columns) <= _MOST_CELLS_WITH_NUMBERS
    digits = ".1f" if drawn.unit in (SHARE, POINTS) else ".2f"
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=columns,
            y=rows,
            zmid=0 if drawn.unit == POINTS else None,
            colorscale="RdBu" if drawn.unit == POINTS else "Blues",
            texttemplate=f"%{{z:{digits}}}" if numbers else None,
            showscale=not numbers,
            hovertemplate=f"%{{y}}, %{{x}}: %{{z:{digits}}} {escape(drawn.unit)}<extra></extra>",
        )
    )
    style(figure, 90 + 24 * len(rows), xaxis={"side": "top", "type": "category"}, yaxis={"type": "category"})
    figure.update_yaxes(autorange="reversed", dtick=1)
    figure.update_layout(margin={"t": 60})
    return figure


def _interval(row: Row, drawn: Figure) -> tuple[float | None, float | None, float | None]:
    value = row.get(drawn.y)
    if isinstance(value, list | tuple):
        mean, low, high = value
    else:
        mean, low, high = value, row.get(drawn.low or ""), row.get(drawn.high or "")
    return scaled(mean, drawn.unit), scaled(low, drawn.unit), scaled(high, drawn.unit)


def _error(values: list[tuple[float | None, float | None, float | None]]) -> dict[str, Any] | None:
    if not any(low is not None and high is not None for _, low, high in values):
        return None
    above = [high - value if high is not None and value is not None else 0.0 for value, _, high in values]
    below = [value - low if low is not None and value is not None else 0.0 for value, low, _ in values]
    return {"type": "data", "array": above, "arrayminus": below, "thickness": 1.5, "color": "#7d8590"}


def _are_texts(drawn: Figure) -> bool:
    return any(isinstance(row.get(drawn.x), str) for row in drawn.rows)


def _series_of(row: Row, drawn: Figure) -> str:
    return _text(row.get(drawn.series)) if drawn.series else ""


def _along(value: Any, unit: str) -> Any:
    """A position on the axis along which a chart runs."""
    return scaled(value, unit) if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


def _text(value: Any) -> str:
    return "-" if value is None else escape(str(value))
