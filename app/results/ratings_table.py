"""Rating summaries as rows."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import langcodes

from annotation.report.results import Report
from annotation.statistics.summary import Cell
from annotation.statistics.values import Interval, Undefined
from app.results.ratings_html import criterion, reason
from app.strategies import strategy_title
from app.texts import Texts
from core.selection.strategies import STRATEGIES


def summary_rows(cells: Iterable[Cell], report: Report, texts: Texts, tag: str | None) -> list[dict[str, Any]]:
    """One row per method, criterion and language that has ratings; ``tag`` keeps one language."""
    rows = []
    for cell in cells:
        if cell.n == 0 or cell.language is None or (tag and cell.language != tag):
            continue
        spread = cell.mean_interval
        rows.append(
            {
                "method": report.named(cell.system),
                "system": cell.system,
                "language": cell.language,
                "criterion": criterion(report, cell.criterion, texts),
                "mean": cell.mean,
                "low": spread.low if isinstance(spread, Interval) else None,
                "high": spread.high if isinstance(spread, Interval) else None,
                "reason": reason(spread, texts) if isinstance(spread, Undefined) else None,
                "median": cell.median,
                "n": cell.n,
                "items": cell.items,
                "counts": cell.counts,
                "missing": cell.missing,
                "skipped": cell.skipped,
            }
        )
    return rows


def method_name(system: str, texts: Texts) -> str:
    """The readable name of a system: its strategy, K, the closed-loop run and what that fell back to."""
    strategy, *facts = system.split("|")
    if strategy not in STRATEGIES:
        return system  # of a table or an evaluation, which name their systems themselves
    known = dict(fact.split("=", 1) for fact in facts if "=" in fact)
    name = strategy_title(texts, strategy)
    edited = " ✎" if known.get("edited", "no") != "no" else ""
    if known.get("k") and strategy != "zero-shot":
        name = f"{name}, K={known['k']}{edited}"
    if known.get("adapter", "none") != "none":
        name = texts("explore.with_run", strategy=name, run=known["adapter"])
    return f"{name} → {known['fallback']}" if known.get("fallback", "none") != "none" else name


def summary_table(rows: Sequence[dict[str, Any]], texts: Texts) -> str:
    """The rows as an HTML table; an interval that cannot be computed says why on hover."""
    keys = (
        "method",
        "language",
        "criterion",
        "mean",
        "interval",
        "median",
        "ratings",
        "items",
        "missing",
        "skipped",
        "counts",
    )
    heads = "".join(f'<th scope="col">{escape(texts(f"results.{key}"))}</th>' for key in keys)
    body = "".join(_line(row, texts) for row in rows)
    return (
        f'<section class="agl results" dir="{texts.direction}"><h4>{escape(texts("results.points"))}</h4><div class="wide">'
        f'<table id="summary"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _line(row: dict[str, Any], texts: Texts) -> str:
    if row["low"] is None:
        interval = f'<abbr class="hint" title="{escape(row["reason"] or "")}">{escape(texts("results.too_few"))}</abbr>'
    else:
        interval = f"{row['low']:.2f} – {row['high']:.2f}"
    counts = " · ".join(map(str, row["counts"]))
    autonym = langcodes.Language.get(row["language"]).autonym()
    figures = "".join(
        f'<td class="figure">{value}</td>'
        for value in (
            f"{row['mean']:.2f}",
            interval,
            f"{row['median']:g}",
            row["n"],
            row["items"],
            row["missing"],
            row["skipped"],
            counts,
        )
    )
    words = "".join(f"<td>{escape(text)}</td>" for text in (autonym, row["criterion"]))
    method = f'<th scope="row">{escape(row["method"])}</th>'
    return f'<tr title="{escape(row["system"])}">{method}{words}{figures}</tr>'
