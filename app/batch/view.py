"""A finished batch as a page shows it: strategies x languages with intervals, then every query with its answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from app.batch.service import Batch
from app.html import hint, label_of, spoken
from app.strategies import strategy_title
from app.texts import Texts
from core.data.tasks import Task
from core.languages import language
from core.records import Example
from core.report.cells import written
from core.report.leaderboard import significance_groups
from core.report.systems import System, systems
from core.statistics.comparisons import mean_interval

FILTERS = ("all", "disagree", "flip", "wrong")
MOST_ROWS = 500
ENOUGH = 10  # queries, below which a bootstrap interval is too narrow


@dataclass(frozen=True)
class Row:
    """One query and what each strategy answers."""

    query: Example
    answers: Mapping[str, str]  # strategy -> label

    @property
    def disagree(self) -> bool:
        """Whether two strategies answer differently."""
        return len(set(self.answers.values())) > 1

    @property
    def flip(self) -> bool:
        """Whether one strategy is right where another is wrong."""
        return bool(self.query.label) and len({answer == self.query.label for answer in self.answers.values()}) > 1

    @property
    def wrong(self) -> bool:
        """Whether every strategy is wrong."""
        return bool(self.query.label) and self.query.label not in self.answers.values()


def rows_of(batch: Batch) -> list[Row]:
    """Every query with its answers, in the order of the batch."""
    assert batch.items is not None
    answers: dict[str, dict[str, str]] = {}
    for entry in batch.items.itertuples():
        answers.setdefault(str(entry.id), {})[str(entry.strategy)] = str(entry.prediction)
    return [Row(query, answers[query.id]) for query in batch.queries if query.id in answers]


def batch_view(batch: Batch, task: Task, texts: Texts) -> str:
    """Everything of a finished batch."""
    assert batch.items is not None
    rows = rows_of(batch)
    table = _scored(batch.items, texts) if batch.labelled else _agreement(rows, texts)
    return (
        f'<div class="agl batch" dir="{texts.direction}">{table}{_filters(rows, batch.labelled, texts)}{_rows(rows, task, texts)}'
        f'<p class="quiet">{escape(texts("batch.record", name=batch.name))}</p></div>'
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
    return (
        f'<p class="verdict">{escape(_best(compared, groups, texts))}</p><div class="wide" tabindex="0"><table><thead><tr>'
        f'<th scope="col">{escape(texts("leaderboard.strategy"))}</th>'
        f'<th scope="col">{hint(texts("batch.accuracy"), texts("batch.accuracy_hint"))}</th>'
        f'<th scope="col">{hint(texts("leaderboard.group"), texts("leaderboard.group_hint"))}</th>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


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


def _agreement(rows: Sequence[Row], texts: Texts) -> str:
    """Without gold labels: how often strategies agree with each other; nothing is scored."""
    names = list(dict.fromkeys(name for row in rows for name in row.answers))
    heads = "".join(f'<th scope="col">{escape(strategy_title(texts, name))}</th>' for name in names)
    body = ""
    for name in names:
        shares = [sum(row.answers.get(name) == row.answers.get(other) for row in rows) / len(rows) for other in names]
        cells = "".join(f'<td class="figure">{100 * share:.0f} %</td>' for share in shares)
        body += f'<tr><th scope="row">{escape(strategy_title(texts, name))}</th>{cells}</tr>'
    return (
        f'<p class="verdict">{escape(texts("batch.no_gold"))}</p><div class="wide" tabindex="0"><table>'
        f'<thead><tr><th scope="col">{escape(texts("batch.agree"))}</th>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _filters(rows: Sequence[Row], labelled: bool, texts: Texts) -> str:
    """Buttons that the browser filters by, each with how many rows it leaves."""
    counts = {"all": len(rows), "disagree": sum(row.disagree for row in rows)}
    if labelled:
        counts |= {"flip": sum(row.flip for row in rows), "wrong": sum(row.wrong for row in rows)}
    buttons = "".join(
        f'<button type="button" class="filter" data-filter="{name}" aria-pressed="{str(name == "all").lower()}">'
        f"{escape(texts(f'batch.{name}'))} ({count})</button>"
        for name, count in counts.items()
    )
    return f'<div class="acts filters" role="group" aria-label="{escape(texts("batch.filter"))}">{buttons}</div>'


def _rows(rows: Sequence[Row], task: Task, texts: Texts) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.answers))
    heads = "".join(f'<th scope="col">{escape(strategy_title(texts, name))}</th>' for name in names)
    gold = f'<th scope="col">{escape(texts("batch.gold"))}</th>' if rows and rows[0].query.label else ""
    body = "".join(_row(row, names, task, texts) for row in rows[:MOST_ROWS])
    return (
        f'<div class="wide" tabindex="0"><table class="queries"><thead><tr><th scope="col">{escape(texts("explore.query"))}</th>'
        f"{gold}{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Row, names: Sequence[str], task: Task, texts: Texts) -> str:
    query = row.query
    words = task.verbaliser(query.language).words
    flags = " ".join(name for name in FILTERS[1:] if getattr(row, name))
    gold = f"<td>{spoken(words[query.label], query.language)}</td>" if query.label else ""
    cells = ""
    for name in names:
        answer = row.answers.get(name)
        mark = ""
        if query.label and answer is not None:
            right = answer == query.label
            mark = f' <span class="{"right" if right else "wrong"}">{"✓" if right else "✗"}</span>'
        cells += f"<td>{spoken(words.get(answer or '', answer or '–'), query.language)}{mark}</td>"
    name = escape(texts("batch.open", text=query.text[:60]))
    button = f'<button type="button" class="open" data-act="open" data-id="{escape(query.id)}" aria-label="{name}">↗</button>'
    text = spoken(query.text, query.language, "text")
    own = f'<span class="quiet">{escape(language(query.language).autonym)}</span>'
    return f'<tr data-flags="{flags}"><th scope="row">{button} {text} {own}</th>{gold}{cells}</tr>'
