"""Rating summaries as a table. A column more: one line of ``COLUMNS`` and its title, ``results.KEY``, in the English catalogue."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

import langcodes

from annotation.report.results import Report
from annotation.statistics.summary import Cell
from annotation.statistics.values import Undefined
from app.html import in_one_line, wide
from app.results.ratings_html import criterion, no_interval, reason
from app.strategies import strategy_title
from app.texts import Texts
from core.inference.predictor import OTHER_TASK
from core.selection.strategies import STRATEGIES


@dataclass(frozen=True)
class Line:
    """What a line of the table is made from."""

    cell: Cell
    report: Report
    texts: Texts


@dataclass(frozen=True)
class Column:
    """One column: its key in the catalogue, and what stands in it on a line, as HTML."""

    key: str
    html: Callable[[Line], str]
    words: bool = False  # words begin at the side where reading begins; figures stand in columns of their own


def _figure(value: float | Undefined, form: str) -> str:
    return "–" if isinstance(value, Undefined) else format(value, form)


def _interval(line: Line) -> str:
    spread, texts = line.cell.mean_interval, line.texts
    if isinstance(spread, Undefined):
        return f'<abbr class="hint" title="{escape(reason(spread, texts))}">{escape(no_interval(spread, texts))}</abbr>'
    return in_one_line(f"{spread.low:.2f} – {spread.high:.2f}", texts)


def _autonym(line: Line) -> str:
    return escape(langcodes.Language.get(line.cell.language).autonym()) if line.cell.language else ""


COLUMNS: tuple[Column, ...] = (  # after the method, which heads the row
    Column("language", _autonym, words=True),
    Column("criterion", lambda line: escape(criterion(line.report, line.cell.criterion, line.texts)), words=True),
    Column("mean", lambda line: _figure(line.cell.mean, ".2f")),
    Column("interval", _interval),
    Column("median", lambda line: _figure(line.cell.median, "g")),
    Column("ratings", lambda line: str(line.cell.n)),
    Column("items", lambda line: str(line.cell.items)),
    Column("missing", lambda line: str(line.cell.missing)),
    Column("skipped", lambda line: str(line.cell.skipped)),
    Column("not_applicable", lambda line: str(line.cell.not_applicable)),
    Column("counts", lambda line: " · ".join(map(str, line.cell.counts))),
)


def rated_cells(cells: Iterable[Cell], tag: str | None) -> list[Cell]:
    """Those of one language each that have ratings; ``tag`` restricts them to one language."""
    return [cell for cell in cells if cell.n and cell.language is not None and tag in (None, "", cell.language)]


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
    instead = known.get("fallback", "none")
    if instead == OTHER_TASK:
        return texts("results.fell_back_task", method=name, used=texts("train.fallback_untrained"))
    key = f"train.fallback_{instead}"
    used = texts(key) if texts.knows(key) else instead  # of a record that another version made
    return name if instead == "none" else texts("results.fell_back", method=name, used=used)


def summary_table(cells: Sequence[Cell], report: Report, texts: Texts) -> str:
    """One row per method, criterion and language; an interval that cannot be computed says why on hover."""
    titles = [texts("results.method"), *(texts(f"results.{column.key}") for column in COLUMNS)]
    heads = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(_line(cell, report, texts) for cell in cells)
    title = texts("results.points")
    table = f'<table id="summary"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
    return (
        f'<section class="agl results" dir="{texts.direction}"><h3>{escape(title)}</h3>{wide(title, table)}</section>'
    )


def _line(cell: Cell, report: Report, texts: Texts) -> str:
    method = f'<th scope="row">{escape(report.named(cell.system))}</th>'
    line = Line(cell, report, texts)
    values = "".join(
        f"<td>{column.html(line)}</td>" if column.words else f'<td class="figure">{column.html(line)}</td>'
        for column in COLUMNS
    )
    return f'<tr title="{escape(cell.system)}">{method}{values}</tr>'
