"""Plotly figures of the tabs, in the style of ``core.report.style``."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.texts import Texts
from core.languages import language
from core.pool import Pool
from core.records import Prediction
from core.report.style import COLOURS, style
from core.tasks import Task

MAP_POINTS = 1500


def label_bars(prediction: Prediction, task: Task, place: int, texts: Texts) -> go.Figure:
    """Label probabilities of one answer with and without demonstrations."""
    answer = prediction.answers[place]
    assert answer.with_context is not None and answer.without_context is not None
    words = task.verbaliser(answer.language).words
    labels = sorted(task.labels, key=lambda label: answer.with_context.probabilities[label])  # type: ignore[union-attr]
    figure = go.Figure()
    for name, distribution, colour in (
        (texts("explore.without_context"), answer.without_context, "rgba(128,128,128,0.55)"),
        (texts("explore.with_context"), answer.with_context, COLOURS[0]),
    ):
        values = [distribution.probabilities[label] for label in labels]
        figure.add_bar(
            x=values,
            y=[words[label] for label in labels],
            orientation="h",
            name=name,
            marker_color=colour,
            hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.3)
    return style(figure, height=60 + 42 * len(labels), xaxis={"range": [0, 1]})


def coherence_map(prediction: Prediction, texts: Texts) -> go.Figure:
    """Heat map of cosines between the query and the answers in every language."""
    names = [texts("explore.query_row"), *(language(answer.language).autonym for answer in prediction.answers)]
    values = np.array(prediction.coherence)
    figure = go.Figure(
        go.Heatmap(
            z=values.tolist(),
            x=names,
            y=names,
            zmin=-1,
            zmax=1,
            colorscale="RdBu",
            texttemplate="%{z:.2f}",
            showscale=False,
            hovertemplate="%{y} – %{x}: %{z:.3f}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed")
    return style(figure, height=90 + 38 * len(names))


def pool_map(
    pool: Pool, vectors: np.ndarray, query: np.ndarray, prediction: Prediction, task: Task, texts: Texts
) -> go.Figure:
    """First two principal directions of the pool's own vectors ``(N, D)``, with the query ``(D,)`` and the chosen."""
    centre = vectors.mean(0)
    _, _, directions = np.linalg.svd(vectors[:: max(1, len(vectors) // MAP_POINTS)] - centre, full_matrices=False)
    flat = (vectors - centre) @ directions[:2].T
    shown = np.arange(0, len(vectors), max(1, len(vectors) // MAP_POINTS))
    figure = go.Figure()
    groups: Sequence[str] = task.labels or sorted({pool.examples[i].label for i in shown})
    for colour, label in zip(COLOURS, groups, strict=False):
        points = [i for i in shown if pool.examples[i].label == label]
        figure.add_scatter(
            x=flat[points, 0].tolist(),
            y=flat[points, 1].tolist(),
            mode="markers",
            name=label,
            marker={"size": 5, "color": colour, "opacity": 0.45},
            text=[_hover(pool.examples[i].text, pool.examples[i].language) for i in points],
            hoverinfo="text",
        )
    chosen = {entry.example.id for entry in prediction.selection.demonstrations}
    places = [i for i, example in enumerate(pool.examples) if example.id in chosen]
    figure.add_scatter(
        x=flat[places, 0].tolist(),
        y=flat[places, 1].tolist(),
        mode="markers",
        name=texts("explore.map_chosen"),
        marker={"size": 13, "symbol": "diamond-open", "color": "#D55E00", "line": {"width": 3}},
        text=[_hover(pool.examples[i].text, pool.examples[i].language) for i in places],
        hoverinfo="text",
    )
    at = (query - centre) @ directions[:2].T
    figure.add_scatter(
        x=[float(at[0])],
        y=[float(at[1])],
        mode="markers",
        name=texts("explore.map_query"),
        marker={"size": 16, "symbol": "star", "color": "#D55E00"},
        hoverinfo="name",
    )
    hidden = {"showticklabels": False}
    return style(figure, height=460, xaxis=hidden, yaxis=hidden)


def _hover(text: str, code: str) -> str:
    return f"{escape(text[:90])}<br>{language(code).name}"


def rating_means(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Mean rating with interval, a line per method and criterion, one colour per criterion; ``rows`` from ``views.tables``."""
    figure = go.Figure()
    for colour, criterion in zip(COLOURS, dict.fromkeys(row["criterion"] for row in rows), strict=False):
        of_it = [row for row in rows if row["criterion"] == criterion and row["mean"] is not None]
        above = [(row["high"] or row["mean"]) - row["mean"] for row in of_it]
        below = [row["mean"] - (row["low"] or row["mean"]) for row in of_it]
        figure.add_scatter(
            x=[row["mean"] for row in of_it],
            y=[_named(row) for row in of_it],
            mode="markers",
            name=criterion,
            marker={"size": 11, "color": colour},
            error_x={"type": "data", "array": above, "arrayminus": below, "thickness": 2},
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    order = [_named(row) for row in rows]
    figure.update_yaxes(categoryorder="array", categoryarray=order[::-1])
    return style(figure, height=120 + 34 * len(rows), xaxis={"range": [0.8, 5.2], "dtick": 1})


def _named(row: dict[str, Any]) -> str:
    return f"{row['method']} · {row['criterion']}"


def rating_counts(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Share of each scale point, stacked, one bar per method and criterion."""
    scale = ("#B2182B", "#EF8A62", "#BDBDBD", "#67A9CF", "#2166AC")
    names = [_named(row) for row in rows]
    figure = go.Figure()
    for point in range(5):
        values = [row["counts"][point] / row["n"] if row["n"] else 0 for row in rows]
        figure.add_bar(
            x=values,
            y=names,
            orientation="h",
            name=str(point + 1),
            marker_color=scale[point],
            text=[row["counts"][point] or "" for row in rows],
            hovertemplate="%{y}: %{text}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    return style(figure, height=120 + 34 * len(rows), xaxis={"range": [0, 1], "tickformat": ".0%"})
