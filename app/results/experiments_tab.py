"""Results, Experiments: one record at a time, its tables, figures and files.

Figures are drawn when they are asked for: until then the browser need not load Plotly.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import gradio as gr

from app.events import QUIET, Updates
from app.html import message
from app.results.experiments import ReportService, report
from app.results.leaderboard_tab import build_leaderboard
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError
from core.report.charts import chart
from core.report.writers import WRITERS

MOST_FIGURES = 6  # of one record; the HTML file has all
FIRST = "topic_strategies"  # compares all strategies, where older records have baselines alone
EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "reports"}
Values: TypeAlias = dict[Any, Any]  # of components


@dataclass(frozen=True)
class ExperimentsParts:
    """The components of the tab."""

    tag: gr.State
    record: gr.Dropdown
    report_html: gr.HTML
    draw: gr.Button
    plots: list[gr.Plot]
    prepare: gr.Button
    files: dict[str, gr.DownloadButton]
    note: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """What a record changes."""
        return [self.record, self.report_html, self.draw, *self.plots, *self.files.values(), self.note]


class ExperimentsHandlers:
    """What the events of the tab do."""

    def __init__(self, service: ReportService, parts: ExperimentsParts, allow: Callable[[str, Any], None]) -> None:
        """``allow`` counts what a visitor's request asks for, and raises ``CoreError`` beyond her allowance."""
        self.service, self.parts, self.allow = service, parts, allow

    def list_records(self, values: Values) -> Updates:
        """The records there are now; the one on show stays."""
        titles = self.service.titles()
        names, name = [name for _, name in titles], values[self.parts.record]
        chosen = name if name in names else FIRST if FIRST in names else next(iter(names), None)
        return {
            **self._read(chosen, catalogue(values[self.parts.tag])),
            self.parts.record: gr.update(choices=titles, value=chosen),
        }

    def read(self, values: Values) -> Iterator[Updates]:
        """The record that was chosen; nothing of the one before stands under its name meanwhile."""
        texts, parts = catalogue(values[self.parts.tag]), self.parts
        hidden: Updates = {plot: gr.update(visible=False, value=None) for plot in parts.plots}
        yield {**hidden, parts.report_html: message(texts("reports.reading")), parts.draw: gr.update(visible=False)}
        yield self._read(values[parts.record], texts)

    def _read(self, name: str | None, texts: Texts) -> Updates:
        parts = self.parts
        updates: Updates = {plot: gr.update(visible=False, value=None) for plot in parts.plots}
        updates |= {file: gr.update(interactive=False, value=None) for file in parts.files.values()}
        updates |= {parts.note: "", parts.draw: gr.update(visible=False)}
        if not name:
            return {**updates, parts.report_html: message(texts("reports.empty"))}
        try:
            document = self.service.document(name)
        except CoreError as error:
            return {**updates, parts.report_html: message(str(error), "error")}
        count = sum(len(section.figures) for section in document.sections)
        return {**updates, parts.report_html: report(document), parts.draw: gr.update(visible=count > 0)}

    def draw(self, values: Values) -> Updates:
        """The figures of the record on show."""
        parts = self.parts
        try:
            document = self.service.document(values[parts.record] or "")
        except CoreError as error:
            return {parts.note: message(str(error), "error")}
        figures = [figure for section in document.sections for figure in section.figures][:MOST_FIGURES]
        drawn = {
            plot: gr.update(visible=True, value=chart(figure), label=figure.name)
            for plot, figure in zip(parts.plots, figures, strict=False)
        }
        return {**drawn, parts.draw: gr.update(visible=False)}

    def write(self, values: Values, request: gr.Request) -> Updates:
        """The files of the record on show, ready to be downloaded."""
        parts = self.parts
        try:
            self.allow("files", request)
            paths = self.service.files(values[parts.record] or "")
        except CoreError as error:
            return {parts.note: message(str(error), "error")}
        ready = {parts.files[kind]: gr.update(interactive=True, value=str(path)) for kind, path in paths.items()}
        return {**ready, parts.note: ""}


def build_experiments(
    service: ReportService,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    tab: gr.Tab,
    allow: Callable[[str, Any], None],
) -> ExperimentsHandlers:
    """Build the tab; the records are listed anew each time it is opened."""
    bind = localised.bind
    bind(gr.Markdown(texts("reports.lead")), value="reports.lead")
    build_leaderboard(service, localised, tag, texts, tab)
    bind(gr.Markdown(texts("reports.one"), elem_classes="agl-section"), value="reports.one")
    record = bind(gr.Dropdown([], label=texts("reports.record"), elem_id="report-record"), label="reports.record")
    report_html = gr.HTML(elem_id="report")
    draw = bind(gr.Button(texts("reports.draw"), elem_id="report-draw", visible=False), value="reports.draw")
    plots = [gr.Plot(visible=False, elem_id=f"report-figure-{number}") for number in range(MOST_FIGURES)]
    with gr.Row():
        prepare = bind(gr.Button(texts("reports.prepare"), elem_id="report-prepare"), value="reports.prepare")
        files = {
            kind: bind(gr.DownloadButton(texts(f"reports.{kind}"), interactive=False), label=f"reports.{kind}")
            for kind in WRITERS
        }
    parts = ExperimentsParts(tag, record, report_html, draw, plots, prepare, files, gr.HTML())
    handlers, chosen = ExperimentsHandlers(service, parts, allow), {tag, record}
    tab.select(handlers.list_records, chosen, parts.outputs, **EVENTS)
    record.input(handlers.read, chosen, parts.outputs, **EVENTS)
    draw.click(handlers.draw, chosen, [draw, *plots, parts.note], **EVENTS)
    prepare.click(handlers.write, chosen, [*files.values(), parts.note], **EVENTS)
    return handlers
