"""The leaderboard of evaluation records, without gradio: which is best, which are not told apart from it, and every system in a row.

Comparing takes seconds, so a board is computed when it is asked for, and once for every state of its records.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from app.html import bar, help_button, in_one_line, wide
from app.strategies import strategy_title
from app.texts import Texts
from core.errors import CoreError
from core.report.cells import written
from core.report.leaderboard import GROUPINGS, Comparable, Entry, Leaderboard, comparable
from core.report.reading import read_record

MOST_NAMED = 4  # systems that the first sentence names
ASIDE = ("model", "macro_f1", "seeds", "record")  # columns that a phone has no room for
State = tuple[tuple[str, int], ...]  # name of each record and when it was written


@dataclass
class Boards:
    """The boards of the records that ``folders`` lists, by task."""

    folders: Callable[[], dict[str, Path]]
    damaged: list[str] = field(default_factory=list)  # why a record could not be read, a sentence each
    _state: State | None = None
    _boards: dict[str, Comparable] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self) -> dict[str, Comparable]:
        """What has a board, by task, the most systems first; records that cannot be read are named in ``damaged``."""
        with self._lock:
            folders = self.folders()
            state = tuple((name, (path / "record.json").stat().st_mtime_ns) for name, path in folders.items())
            if state != self._state:
                records, self.damaged = [], []
                for name, path in folders.items():
                    try:
                        records.append(read_record(path, name))
                    except CoreError as error:
                        self.damaged.append(str(error))
                boards = comparable(records)
                self._boards = dict(sorted(boards.items(), key=lambda pair: -len(pair[1].entrants)))
                self._state = state
            return self._boards

    def board(self, task: str) -> Leaderboard:
        """One of them, compared; two visitors who ask at once wait for one comparison."""
        one = self.all()[task]
        with self._lock:
            return one.board


def board_view(board: Leaderboard, grouping: str, texts: Texts) -> str:
    """First who is best, then the table; a press on a heading sorts by it."""
    groups = (
        sorted({name for entry in board.entries for name in entry.means(grouping)}) if grouping in GROUPINGS else []
    )
    headings = [
        ("group", texts("leaderboard.group"), texts("leaderboard.group_hint")),
        ("strategy", texts("leaderboard.strategy"), ""),
        ("k", "K", ""),
        ("model", texts("explore.model"), ""),
        ("score", _score_name(board, texts), texts("leaderboard.score_hint")),
        *((name, name, "") for name in groups),
        ("macro_f1", "macro-F1", texts("leaderboard.macro_f1_hint")),
        ("seeds", texts("leaderboard.seeds"), ""),
        ("record", texts("reports.record"), ""),
    ]
    heads = "".join(_heading(index, name, meaning, key in ASIDE) for index, (key, name, meaning) in enumerate(headings))
    asides = [key in ASIDE for key, _, _ in headings]
    rows = "".join(_row(entry, board, grouping, groups, asides, texts) for entry in board.entries)
    table = f'<table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    return (
        f'<div class="agl leaderboard" dir="{texts.direction}"><p class="verdict">{_first_sentence(board, texts)}</p>'
        f'<p class="quiet">{escape(texts("leaderboard.asked", languages=board.languages, queries=f"{board.queries:,}"))}</p>'
        f"{wide(texts('leaderboard.title'), table)}</div>"
    )


def _heading(index: int, name: str, meaning: str, aside: bool) -> str:
    """A heading that sorts: the browser's own work, see ``keys.js``."""
    order = ' aria-sort="ascending"' if index == 0 else ""
    more = help_button(meaning) if meaning else ""
    button = f'<button type="button" class="sort">{escape(name)}</button>'
    order += ' class="aside"' if aside else ""
    return f'<th scope="col"{order}><span class="hint">{button}{more}</span></th>'


def _row(
    entry: Entry, board: Leaderboard, grouping: str, groups: Sequence[str], asides: Sequence[bool], texts: Texts
) -> str:
    """A system. On a phone the cells of ``asides`` are left out, and the model stands below the strategy."""
    system, means = entry.system, entry.means(grouping) if groups else {}
    interval = system.interval
    amount = written((interval.value, interval.low, interval.high), board.unit)
    drawn = bar(interval.value if board.unit else interval.value / 100)
    model = ", ".join(part for part in (entry.model, entry.prompt) if part)
    below = f'<span class="quiet on-phone">{escape(model)}</span>'
    cells = [
        (str(entry.group), f"<b>{entry.group}</b>" if entry.group == 1 else str(entry.group), "figure"),
        (system.strategy, f"{escape(strategy_title(texts, system.strategy))}{below}", ""),
        (str(system.k), str(system.k or "–"), "figure"),
        (model, escape(model), ""),
        (str(interval.value), f"{drawn}{escape(amount)}", "figure"),
        *((str(means.get(name, -1.0)), escape(written(means.get(name), board.unit)), "figure") for name in groups),
        (str(system.macro_f1 or -1.0), escape(written(system.macro_f1, "%")), "figure"),
        (str(system.seeds.seeds), str(system.seeds.seeds), "figure"),
        (entry.record, escape(entry.record), "quiet"),
    ]
    inside = "".join(
        f'<td data-value="{escape(value)}" class="{css}{" aside" if aside else ""}">{inner}</td>'
        for aside, (value, inner, css) in zip(asides, cells, strict=True)
    )
    return f'<tr class="{"level" if entry.group == 1 else ""}">{inside}</tr>'


def _score_name(board: Leaderboard, texts: Texts) -> str:
    name = texts("leaderboard.accuracy") if board.score == "accuracy" else board.score
    return f"{name}, %" if board.unit else name


def _first_sentence(board: Leaderboard, texts: Texts) -> str:
    first, *others = board.entries
    interval = first.system.interval
    amount = written((interval.value, interval.low, interval.high), board.unit) + (" %" if board.unit else "")
    value = in_one_line(amount, texts)
    sentence = texts("leaderboard.best", count=len(board.entries), name=_name(first, texts), value=value)
    if not others:
        return f"{escape(sentence)} {escape(texts('leaderboard.alone'))}"
    level = [_name(entry, texts) for entry in others if entry.group == 1]
    if not level:
        return f"{escape(sentence)} {escape(texts('leaderboard.above'))}"
    named = "; ".join(level[:MOST_NAMED])
    if len(level) > MOST_NAMED:
        named += f"; {texts('why.others', count=len(level) - MOST_NAMED)}"
    return f"{escape(sentence)} {escape(texts('leaderboard.level', names=named))}"


def _name(entry: Entry, texts: Texts) -> str:
    k = f", K = {entry.system.k}" if entry.system.k else ""
    return f"\u2068{strategy_title(texts, entry.system.strategy)}{k} ({entry.model})\u2069"
