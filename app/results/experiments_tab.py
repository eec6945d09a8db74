"""Results, Experiments: one record at a time, its tables, figures and files.

Figures are drawn when they are asked for: until then the browser need not load Plotly.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr

from app.events import QUIET, Updates
from app.html import message
from app.results.experiments import MOST_FIGURES, ReportService, figures_of, report
from app.results.leaderboard_tab import build_leaderboard
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError, InvalidData
from core.report.charts import chart
from core.report.writers import WRITERS

FIRST = "topic_strategies"  # compares all strategies, where older records have baselines alone
EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "reports"}
Values: TypeAlias = dict[Any, Any]  # of components


@dataclass(frozen=True)
class ExperimentsParts:
    """The components of the tab."""

    tag: gr.State
    session: gr.BrowserState  # an organiser's, if any
    fold: gr.Accordion
    file: gr.File
    own: gr.State  # name of the record that this visitor opened for herself, or ""
    refusal: gr.HTML  # of what she sent
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

    @property
    def uploading(self) -> list[Any]:
        """What a record of one's own changes."""
        return [self.file, self.own, self.refusal, *self.outputs]


class ExperimentsHandlers:
    """What the events of the tab do."""

    def __init__(
        self,
        service: ReportService,
        parts: ExperimentsParts,
        allow: Callable[[str, Any], None],
        may_upload: Callable[[object], bool],
    ) -> None:
        """``allow`` counts what a visitor's request asks for, and raises ``CoreError`` beyond her allowance.

        ``may_upload``: whether whoever holds a session may send files here.
        """
        self.service, self.parts, self.allow, self.may_upload = service, parts, allow, may_upload

    def list_records(self, values: Values) -> Updates:
        """The records there are now; the one on show stays."""
        parts = self.parts
        shown = self._list(values[parts.own], values[parts.record], catalogue(values[parts.tag]))
        return {**shown, parts.fold: gr.update(visible=self.may_upload(values[parts.session]))}

    def _list(self, own: str, name: str | None, texts: Texts) -> Updates:
        titles, title = self.service.titles(), self.service.upload_title(own)
        if title is not None:
            titles.insert(0, (f"{texts('reports.own')}: {title}", own))
        names = [name for _, name in titles]
        chosen = name if name in names else FIRST if FIRST in names else next(iter(names), None)
        return {**self._read(chosen, texts), self.parts.record: gr.update(choices=titles, value=chosen)}

    def open_record(self, values: Values, request: gr.Request) -> Updates:
        """Open the record that was sent, in place of the one that was opened before; the copies that were sent go at once."""
        parts, texts = self.parts, catalogue(values[self.parts.tag])
        paths = [Path(path) for path in values[parts.file] or ()]
        if not paths:
            return {}
        try:
            if not self.may_upload(values[parts.session]):
                raise InvalidData("Files are taken from organisers alone; enter the page Study first.")
            self.allow("files", request)
            name = self.service.upload(paths)
        except CoreError as error:
            return {parts.file: None, parts.refusal: message(str(error), "error")}
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        self.service.forget(values[parts.own])
        return {**self._list(name, name, texts), parts.own: name, parts.file: None, parts.refusal: ""}

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
        drawable = bool(figures_of(document))
        return {**updates, parts.report_html: report(document), parts.draw: gr.update(visible=drawable)}

    def draw(self, values: Values) -> Updates:
        """The figures of the record on show."""
        parts = self.parts
        try:
            document = self.service.document(values[parts.record] or "")
        except CoreError as error:
            return {parts.note: message(str(error), "error")}
        figures = figures_of(document)
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
    session: gr.BrowserState,
    allow: Callable[[str, Any], None],
    may_upload: Callable[[object], bool],
) -> ExperimentsHandlers:
    """Build the tab; the records are listed anew each time it is opened."""
    bind = localised.bind
    bind(gr.Markdown(texts("reports.lead")), value="reports.lead")
    build_leaderboard(service, localised, tag, texts, tab)
    bind(gr.Markdown(texts("reports.one"), elem_classes="agl-section"), value="reports.one")
    record = bind(gr.Dropdown([], label=texts("reports.record"), elem_id="report-record"), label="reports.record")
    sending = _build_upload(service, localised, texts, may_upload(None))
    report_html = gr.HTML(elem_id="report")
    draw = bind(gr.Button(texts("reports.draw"), elem_id="report-draw", visible=False), value="reports.draw")
    plots = [gr.Plot(visible=False, elem_id=f"report-figure-{number}") for number in range(MOST_FIGURES)]
    with gr.Row():
        prepare = bind(gr.Button(texts("reports.prepare"), elem_id="report-prepare"), value="reports.prepare")
        files = {
            kind: bind(gr.DownloadButton(texts(f"reports.{kind}"), interactive=False), label=f"reports.{kind}")
            for kind in WRITERS
        }
    parts = ExperimentsParts(tag, session, *sending, record, report_html, draw, plots, prepare, files, gr.HTML())
    handlers, chosen = ExperimentsHandlers(service, parts, allow, may_upload), {tag, record}
    tab.select(handlers.list_records, {*chosen, parts.own, session}, [parts.fold, *parts.outputs], **EVENTS)
    parts.file.upload(handlers.open_record, {tag, session, parts.file, parts.own}, parts.uploading, **EVENTS)
    record.input(handlers.read, chosen, parts.outputs, **EVENTS)
    draw.click(handlers.draw, chosen, [draw, *plots, parts.note], **EVENTS)
    prepare.click(handlers.write, chosen, [*files.values(), parts.note], **EVENTS)
    return handlers


def _build_upload(
    service: ReportService, localised: Localised, texts: Texts, visible: bool
) -> tuple[gr.Accordion, gr.File, gr.State, gr.HTML]:
    """A record of one's own: the fold, the field, the name of the record, which goes with the visit, and what was refused."""
    bind = localised.bind
    with gr.Accordion(texts("reports.upload"), open=False, visible=visible, elem_id="report-upload") as fold:
        bind(fold, label="reports.upload")
        bind(gr.Markdown(texts("reports.upload_hint"), elem_classes="agl-hint"), value="reports.upload_hint")
        kinds = [".zip", ".json", ".parquet", ".jsonl"]
        file = gr.File(
            label=texts("study.file"), file_count="multiple", file_types=kinds, height=130, elem_id="report-file"
        )
        bind(file, label="study.file")
        refusal = gr.HTML(elem_id="report-refusal")

    def forget(
        name: str,
    ) -> None:  # a bound method would put its service, folders and all, into the page's configuration
        service.forget(name)

    return fold, file, gr.State("", delete_callback=forget), refusal
