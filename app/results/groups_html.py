"""Means by group of items as HTML. Every text is escaped."""

from html import escape

from annotation.report.results import Report
from annotation.report.words import figure, span
from annotation.statistics.analysis import Analysis
from annotation.statistics.summary import Cell
from annotation.statistics.values import Undefined
from app.html import hint
from app.results.ratings_html import criterion, no_interval, reason, table
from app.texts import Texts


def groups(report: Report, analysis: Analysis, language: str | None, texts: Texts) -> str:
    """A line for each group and method that was rated in one language (None: over all of them); "" without groups."""
    keys = [one.key for one in report.study.criteria]
    rows = []
    for group in analysis.groups:
        of = {(one.system, one.criterion): one for one in group.cells if one.language == language and one.n}
        name = f"<bdi>{escape(group.name)}</bdi>" if group.name else escape(texts("study.group_none"))
        for system in report.systems:
            cells = [of.get((system, key)) for key in keys]
            rated = [cell.items for cell in cells if cell is not None]
            if rated:
                means = (_mean(cell, texts) for cell in cells)
                rows.append([name, escape(report.named(system)), str(max(rated)), *means])
    if not rows:
        return ""
    heads = [
        hint(texts("study.group"), texts("results.groups_hint")),
        *(escape(texts(f"results.{key}")) for key in ("method", "items")),
        *(escape(criterion(report, key, texts)) for key in keys),
    ]
    return table("groups", texts("results.groups"), heads, rows, texts, 2)


def _mean(cell: Cell | None, texts: Texts) -> str:
    if cell is None or isinstance(cell.mean, Undefined):
        return "–"
    spread = cell.mean_interval
    if isinstance(spread, Undefined):
        return (
            f"<strong>{figure(cell.mean)}</strong> {hint(no_interval(spread, texts), reason(spread, texts), 'quiet')}"
        )
    return f'<strong>{figure(cell.mean)}</strong> <span class="quiet">{span(spread)}</span>'
