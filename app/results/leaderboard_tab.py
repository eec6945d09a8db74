"""Results, Experiments: the leaderboard of all evaluation records of a task, by groups of languages, as CSV and with a citation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

import gradio as gr

from app.events import QUIET, Updates
from app.html import message
from app.results.experiments import ReportService
from app.results.leaderboard import board_view
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError
from core.report.leaderboard import GROUPINGS, Comparable

EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "boards"}
Values: TypeAlias = dict[Any, Any]  # of components


@dataclass(frozen=True)
class LeaderboardParts:
    """The components of the board."""

    tag: gr.State
    task: gr.Dropdown
    grouping: gr.Dropdown
    board: gr.HTML
    csv: gr.DownloadButton
    citation: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """What a choice changes."""
        return [self.task, self.board, self.csv, self.citation]


class LeaderboardHandlers:
    """What the events of the board do."""

    def __init__(self, service: ReportService, parts: LeaderboardParts) -> None:
        self.service, self.parts = service, parts

    def show(self, values: Values) -> Iterator[Updates]:
        """The board of the task that is chosen, the one with the most systems before a choice."""
        parts, texts = self.parts, catalogue(values[self.parts.tag])
        yield {parts.board: message(texts("leaderboard.comparing"))}
        nothing = {parts.csv: gr.update(interactive=False, value=None), parts.citation: ""}
        try:
            boards = self.service.boards.all()
            task = values[parts.task] if values[parts.task] in boards else next(iter(boards), "")
            if not task:
                yield {**nothing, parts.board: message(texts("leaderboard.empty"))}
                return
            grouping = values[parts.grouping] or ""
            path = self.service.leaderboard(task, grouping)
        except CoreError as error:
            yield {**nothing, parts.board: message(str(error), "error")}
            return
        board = self.service.boards.board(task)
        yield {
            parts.task: gr.update(choices=_tasks(boards, texts), value=task),
            parts.board: board_view(board, grouping, texts) + "".join(map(message, self.service.boards.damaged)),
            parts.csv: gr.update(interactive=True, value=str(path)),
            parts.citation: _citation(board.citation(), texts),
        }


def _citation(bibtex: str, texts: Texts) -> str:
    return (
        f'<details class="agl" dir="{texts.direction}"><summary>{escape(texts("leaderboard.cite"))}</summary>'
        f'<pre class="prompt" tabindex="0" dir="ltr" lang="en">{escape(bibtex)}</pre></details>'
    )


def _tasks(boards: Mapping[str, Comparable], texts: Texts) -> list[tuple[str, str]]:
    return [(_board_name(board, texts), name) for name, board in boards.items()]


def _board_name(board: Comparable, texts: Texts) -> str:
    key = f"explore.task_{board.task}"
    values = {"languages": board.languages, "queries": f"{board.queries:,}", "count": len(board.entrants)}
    return f"{texts(key) if texts.knows(key) else board.task} · {texts('leaderboard.board', **values)}"


def _groupings(texts: Texts) -> list[tuple[str, str]]:
    return [(texts(f"leaderboard.by_{name or 'nothing'}"), name) for name in ("", *GROUPINGS)]


def build_leaderboard(
    service: ReportService, localised: Localised, tag: gr.State, texts: Texts, tab: gr.Tab
) -> LeaderboardHandlers:
    """Build the board; it is compared anew each time the tab is opened and a record was added since."""
    bind = localised.bind
    bind(gr.Markdown(texts("leaderboard.title"), elem_classes="agl-section"), value="leaderboard.title")
    with gr.Row(elem_id="leaderboard-choice"):
        task = bind(gr.Dropdown([], label=texts("explore.task"), elem_id="leaderboard-task"), label="explore.task")
        grouping = bind(
            gr.Dropdown(_groupings(texts), value="", label=texts("leaderboard.by"), elem_id="leaderboard-by"),
            label="leaderboard.by",
            choices=_groupings,
        )
    board = gr.HTML(elem_id="leaderboard")
    csv = bind(
        gr.DownloadButton(texts("leaderboard.csv"), interactive=False, elem_id="leaderboard-csv", size="sm"),
        label="leaderboard.csv",
    )
    parts = LeaderboardParts(tag, task, grouping, board, csv, gr.HTML(elem_id="leaderboard-citation"))
    handlers = LeaderboardHandlers(service, parts)
    for event in (tab.select, task.input, grouping.input):
        event(handlers.show, {tag, task, grouping}, parts.outputs, **EVENTS)
    return handlers
