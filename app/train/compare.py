"""Runs laid over each other: their accuracy on development items in one figure, and a table of the settings that differ."""

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import plotly.graph_objects as go

from app.html import hint, wide
from app.texts import Texts
from app.train.runs import Run
from app.train.tiles import measured
from app.train.view import SYMBOLS, learning, over_iterations
from core.report.charts import COLOURS

FEWEST, MOST = 2, 4  # runs
DASHES = ("solid", "dash", "dot", "dashdot")  # so that colour is never alone


def overlay(runs: Sequence[Run], texts: Texts) -> go.Figure:
    """Share of development items that self-selection has right, a line a run; dotted marks of before training begin each."""
    figure = go.Figure()
    for index, run in enumerate(runs):
        points = [line for line in measured(run.lines) if "agl" in line["development"]]
        figure.add_scatter(
            x=[line["iteration"] for line in points],
            y=[line["development"]["agl"] for line in points],
            mode="lines+markers",
            name=run.name,
            line={"color": COLOURS[index], "width": 2.5, "dash": DASHES[index]},
            marker={"symbol": SYMBOLS[index], "size": 8},
            hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(tickformat=".0%")
    last = max((line["iteration"] for run in runs for line in run.lines), default=1)
    return over_iterations(figure, last, texts)


def differing(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    """Settings in which the runs differ, by their path in a configuration file, and the value of each run; "–" where one has none."""
    flat = [_flat(run) for run in runs]
    names = list(dict.fromkeys(name for settings in flat for name in settings))
    rows = {name: tuple(settings.get(name, "–") for settings in flat) for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _flat(run: Run) -> dict[str, str]:
    """Every setting of a run and its model, by a dotted name."""
    flat: dict[str, str] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                add(f"{prefix}.{name}" if prefix else name, inner)
        else:
            flat[prefix] = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

    add("", {} if run.config is None else asdict(run.config))
    model = (run.entry or {}).get("model", {})
    add("model", {name: model[name] for name in ("name", "precision") if name in model})
    return flat


def compare_view(runs: Sequence[Run], texts: Texts) -> str:
    """What each run learnt, and the settings that differ."""
    names = [escape(run.name) for run in runs]
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    sentences = [learning(run.lines, run.entry, texts) or "–" for run in runs]
    learnt = "".join(f'<td data-name="{name}">{escape(text)}</td>' for name, text in zip(names, sentences, strict=True))
    rows = f'<tr><th scope="row">{escape(texts("train.compare_learnt"))}</th>{learnt}</tr>'
    listed = differing(runs)
    rows += "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th>'
        + "".join(f'<td data-name="{run}">{escape(value)}</td>' for run, value in zip(names, values, strict=True))
        + "</tr>"
        for name, values in listed.items()
    )
    none = "" if listed else f'<p class="quiet">{escape(texts("train.compare_same"))}</p>'
    table = (
        f'<table class="blocks"><thead><tr><th scope="col">{escape(texts("train.compare_setting"))}</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )
    return (
        f'<div class="agl compare" dir="{texts.direction}">'
        f"{hint(texts('train.compare_settings'), texts('train.compare_settings_hint'), 'heading')}"
        f"{wide(texts('train.compare_settings'), table)}{none}</div>"
    )
