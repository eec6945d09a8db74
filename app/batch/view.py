"""A finished batch as a page shows it: strategies x languages with intervals, then every query with its answers."""

from collections.abc import Sequence
from html import escape

import pandas as pd

from app.batch.service import Batch
from app.html import hint, label_of, wide
from app.items.rows import Choice, ItemSystem, ItemTable, item_table
from app.items.view import items_view
from app.strategies import strategy_title
from app.texts import Texts
from core.data.tasks import Task
from core.report.cells import written
from core.report.leaderboard import significance_groups
from core.report.systems import System, systems
from core.statistics.comparisons import mean_interval

ENOUGH = 10  # queries, below which a bootstrap interval is too narrow


def table_of_batch(batch: Batch) -> ItemTable:
    """Every query with its answers, in the order of the batch."""
    assert batch.items is not None
    return item_table(batch.items, batch.form.task, {query.id: query for query in batch.queries}, batch.labelled)


def batch_view(batch: Batch, task: Task, texts: Texts, choice: Choice | None = None) -> str:
    """Everything of a finished batch; ``choice`` says which of its rows."""
    assert batch.items is not None
    table = table_of_batch(batch)
    measured = _scored(batch.items, texts) if batch.labelled else _agreement(table, texts)
    return (
        f'<div class="agl batch" dir="{texts.direction}">{measured}</div>'
        f"{items_view(table, choice or Choice(), task, texts, openable=bool)}"
        f'<p class="agl quiet" dir="{texts.direction}">{escape(texts("batch.record", name=batch.name))}</p>'
    )


def _scored(items: pd.DataFrame, texts: Texts) -> str:
    """Accuracy with its interval, all languages first; who is best is said above."""
    compared = systems(items)
    groups, _ = significance_groups([one.scores for one in compared])
    codes = sorted({str(code) for code in items["language"]})
    heads = "".join(f'<th scope="col">{label_of(code)}</th>' for code in codes) if len(codes) > 1 else ""
    body = ""
    for one, group in sorted(zip(compared, groups, strict=True), key=lambda pair: -pair[0].interval.value):
        cells = "".join(f'<td class="figure">{_interval(one, code)}</td>' for code in codes) if len(codes) > 1 else ""
        body += (
            f'<tr><th scope="row">{escape(strategy_title(texts, one.strategy))}</th><td class="figure"><b>{_interval(one)}</b></td>'
            f'<td class="figure">{group}</td>{cells}</tr>'
        )
    table = (
        "<table><thead><tr>"
        f'<th scope="col">{escape(texts("leaderboard.strategy"))}</th>'
        f'<th scope="col">{hint(texts("batch.accuracy"), texts("batch.accuracy_hint"))}</th>'
        f'<th scope="col">{hint(texts("leaderboard.group"), texts("leaderboard.group_hint"))}</th>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    return f'<p class="verdict">{escape(_best(compared, groups, texts))}</p>{wide(texts("batch.accuracy"), table)}'


def _interval(one: System, code: str | None = None) -> str:
    """A share with its interval; with few queries, or where all are alike, their number says more than an interval would."""
    scores = one.scores if code is None else one.scores[one.scores.index.get_level_values("language") == code]
    if scores.empty:
        return "–"
    interval = mean_interval(scores)
    if len(scores) < ENOUGH or interval.low == interval.high:
        return escape(f"{written(interval.value, '%')} (n = {len(scores)})")
    return escape(written((interval.value, interval.low, interval.high), "%"))


def _best(compared: Sequence[System], groups: Sequence[int], texts: Texts) -> str:
    first = max(compared, key=lambda one: one.interval.value)
    sentence = texts(
        "leaderboard.best",
        count=len(compared),
        name=strategy_title(texts, first.strategy),
        value=f"{written(first.interval.value, '%')} %",
    )
    level = [
        strategy_title(texts, one.strategy)
        for one, group in zip(compared, groups, strict=True)
        if group == 1 and one is not first
    ]
    if len(compared) == 1:
        return f"{sentence} {texts('leaderboard.alone')}"
    return f"{sentence} {texts('leaderboard.level', names='; '.join(level)) if level else texts('leaderboard.above')}"


def _agreement(table: ItemTable, texts: Texts) -> str:
    """Without gold labels: how often strategies agree with each other; nothing is scored."""
    names = {system: table.title(system, texts) for system in table.systems}
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names.values())
    body = ""
    for system, name in names.items():
        shares = [_same(table, system, other) for other in names]
        cells = "".join(f'<td class="figure">{100 * share:.0f} %</td>' for share in shares)
        body += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    shown = (
        f'<table><thead><tr><th scope="col">{escape(texts("batch.agree"))}</th>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    return f'<p class="verdict">{escape(texts("batch.no_gold"))}</p>{wide(texts("batch.agree"), shown)}'


def _same(table: ItemTable, one: ItemSystem, other: ItemSystem) -> float:
    """Share of the rows that two systems answer alike."""
    return sum(row.answers[one].label == row.answers[other].label for row in table.rows) / len(table.rows)
