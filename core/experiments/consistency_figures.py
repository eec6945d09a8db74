"""Figures and units of the consistency experiment."""

from collections.abc import Sequence
from typing import Any

from core.experiments.result import POINTS, SHARE, P, Row


def figures(main: str, every: Sequence[Row]) -> dict[str, Any]:
    """Figures by name. ``main`` is the strategy drawn where only one can be, ``every`` the rows of all pairs of languages."""
    column = f"{main}: agree"
    mirrored = [*every, *({**row, "first": row["second"], "second": row["first"]} for row in every)]
    cells = [{"first": row["first"], "second": row["second"], "agree": row[column]} for row in mirrored]
    placed = [row for row in every if row["km"] is not None]
    scatter = {"kind": "scatter", "y": column, "series": "families", "units": SHARE}
    return {
        "agreement by strategy": {
            "kind": "bar",
            "title": "Pairs of languages that agree",
            "x": "strategy",
            "y": "pairs of languages agree",
            "table": "agreement by strategy",
            "units": SHARE,
        },
        "agreement of pairs": {
            "kind": "heatmap",
            "title": f"Agreement of two languages, {main}",
            "x": "first",
            "y": "second",
            "value": "agree",
            "rows": cells,
            "units": SHARE,
        },
        "agreement and distance": scatter | {"title": "Agreement and distance", "x": "km", "rows": placed},
        "agreement and alignment": scatter | {"title": "Agreement and alignment", "x": "aligned", "rows": list(every)},
        "alignment by layer": {
            "kind": "line",
            "title": "Aligned sentences by layer, states centred by language",
            "x": "layer",
            "y": "aligned, centred",
            "table": "alignment by layer",
            "units": SHARE,
        },
    }


def units(strategies: Sequence[str]) -> dict[str, str]:
    """Units by column."""
    shares = ["pairs of languages agree", "all agree", "accuracy", "aligned", "aligned, raw", "aligned, centred"]
    shares += [f"{name}: agree" for name in strategies]
    return dict.fromkeys(shares, SHARE) | {"first minus second": POINTS, "p": P, "p (Holm)": P}
