"""The part of Train that lays two to four runs over each other."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import gradio as gr

from app.events import QUIET, Updates
from app.html import message
from app.texts import Localised, Texts, catalogue
from app.train.compare import FEWEST, MOST, compare_view, overlay
from app.train.service import TrainingService
from app.train.view import run_choices
from core.errors import CoreError

OPTIONS: dict[str, Any] = {**QUIET, "concurrency_id": "compare"}
Values: TypeAlias = dict[Any, Any]  # of components


@dataclass(frozen=True)
class CompareParts:
    """The components."""

    tag: gr.State
    runs: gr.Dropdown
    figure: gr.Plot
    table: gr.HTML


class CompareHandlers:
    """What the events do."""

    def __init__(self, service: TrainingService, parts: CompareParts) -> None:
        self.service, self.parts = service, parts

    def listed(self, values: Values) -> Updates:
        """The runs there are now; those that are chosen stay chosen."""
        texts, parts = catalogue(values[self.parts.tag]), self.parts
        choices = run_choices(self.service, texts)
        names = {name for _, name in choices}
        chosen = [name for name in values[parts.runs] or [] if name in names]
        return {parts.runs: gr.update(choices=choices, value=chosen), **self._compared(chosen, texts)}

    def compare(self, values: Values) -> Updates:
        """The runs that are chosen."""
        return self._compared(list(values[self.parts.runs] or []), catalogue(values[self.parts.tag]))

    def _compared(self, names: list[str], texts: Texts) -> Updates:
        parts = self.parts
        hidden = {parts.figure: gr.update(visible=False, value=None)}
        if len(names) < FEWEST:
            return {**hidden, parts.table: message(texts("train.compare_choose", fewest=FEWEST, most=MOST))}
        try:
            runs = [self.service.read(name) for name in names[:MOST]]
        except CoreError as error:
            return {**hidden, parts.table: message(str(error), "error")}
        return {
            parts.figure: gr.update(visible=True, value=overlay(runs, texts)),
            parts.table: compare_view(runs, texts),
        }


def build_compare(
    service: TrainingService, localised: Localised, tag: gr.State, texts: Texts, tab: gr.Tab
) -> CompareHandlers:
    """Build it, folded until it is wanted; runs are listed anew each time the tab is opened."""
    bind = localised.bind
    with bind(gr.Accordion(texts("train.compare"), open=False, elem_id="train-compare"), label="train.compare"):
        runs = bind(
            gr.Dropdown(
                [], multiselect=True, max_choices=MOST, label=texts("train.compare_runs"), elem_id="train-compare-runs"
            ),
            label="train.compare_runs",
        )
        figure = bind(
            gr.Plot(label=texts("train.chart_development"), visible=False, elem_id="train-compare-figure"),
            label="train.chart_development",
        )
        table = gr.HTML(message(texts("train.compare_choose", fewest=FEWEST, most=MOST)), elem_id="train-compare-table")
    parts = CompareParts(tag, runs, figure, table)
    handlers = CompareHandlers(service, parts)
    for event in (tab.select, tag.change):
        event(handlers.listed, {tag, runs}, [runs, figure, table], **OPTIONS)
    runs.input(handlers.compare, {tag, runs}, [figure, table], **OPTIONS)
    return handlers
