"""Plotly figures of the tabs, in the style of ``core.report.charts``."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from app.texts import Texts
from core.data.pool import Pool
from core.data.tasks import Task
from core.languages import language
from core.records import Prediction
from core.report.charts import COLOURS, style

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
