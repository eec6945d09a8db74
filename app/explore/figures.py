"""The map of the pool, the one figure of Explore that is drawn by Plotly, in the style of ``core.report.charts``."""

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


def pool_map(
    pool: Pool, vectors: np.ndarray, query: np.ndarray, prediction: Prediction, task: Task, texts: Texts
) -> go.Figure:
    """First two principal directions of the pool's own vectors ``(N, D)``, with the query ``(D,)`` and the chosen."""
    centre = vectors.mean(0)
    _, _, directions = np.linalg.svd(vectors[:: max(1, len(vectors) // MAP_POINTS)] - centre, full_matrices=False)
    flat = (vectors - centre) @ directions[:2].T
    drawn = np.arange(0, len(vectors), max(1, len(vectors) // MAP_POINTS))
    figure = go.Figure()
    groups: Sequence[str] = task.labels or sorted({pool.examples[i].label for i in drawn})
    for colour, label in zip(COLOURS, groups, strict=False):
        points = [i for i in drawn if pool.examples[i].label == label]
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
    positions = [i for i, example in enumerate(pool.examples) if example.id in chosen]
    figure.add_scatter(
        x=flat[positions, 0].tolist(),
        y=flat[positions, 1].tolist(),
        mode="markers",
        name=texts("explore.map_chosen"),
        marker={"size": 13, "symbol": "diamond-open", "color": "#D55E00", "line": {"width": 3}},
        text=[_hover(pool.examples[i].text, pool.examples[i].language) for i in positions],
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
