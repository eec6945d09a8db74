"""Layout and wiring of Results, Experiments: one record, its tables and figures, and its files."""

from typing import Any

import gradio as gr

from app.html import message
from app.results.experiments import ReportDesk, report
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError
from core.report.charts import chart
from core.report.writers import WRITERS

MOST_FIGURES = 6  # of one record; the HTML file has all
FIRST = "embedded/topic_k8"
RECORD_EVENTS: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "reports"}


def build_reports(desk: ReportDesk, localised: Localised, tag: gr.State, texts: Texts, tab: gr.Tab) -> None:
    """Build the tab; the records are listed anew each time it is opened."""
    bind = localised.bind
    bind(gr.Markdown(texts("reports.lead")), value="reports.lead")
    record = bind(gr.Dropdown([], label=texts("reports.record"), elem_id="report-record"), label="reports.record")
    shown = gr.HTML(elem_id="report")
    plots = [gr.Plot(visible=False, elem_id=f"report-figure-{place}") for place in range(MOST_FIGURES)]
    with gr.Row():
        prepare = bind(gr.Button(texts("reports.prepare"), elem_id="report-prepare"), value="reports.prepare")
        files = [
            bind(gr.DownloadButton(texts(f"reports.{kind}"), interactive=False), label=f"reports.{kind}")
            for kind in WRITERS
        ]
    note = gr.HTML()
    closed = [gr.update(interactive=False, value=None) for _ in files]

    def read(name: str | None, tag_now: str) -> list[Any]:
        hidden = [gr.update(visible=False, value=None)] * MOST_FIGURES
        if not name:
            return [message(catalogue(tag_now)("reports.empty")), *hidden, *closed, ""]
        try:
            document = desk.document(name)
        except CoreError as error:
            return [message(str(error), "error"), *hidden, *closed, ""]
        figures = [figure for section in document.sections for figure in section.figures][:MOST_FIGURES]
        drawn = [gr.update(visible=True, value=chart(figure), label=figure.name) for figure in figures]
        return [report(document), *drawn, *hidden[len(drawn) :], *closed, ""]

    def listed(name: str | None, tag_now: str) -> list[Any]:
        names = desk.names()
        kept = name if name in names else FIRST if FIRST in names else next(iter(names), None)
        return [gr.update(choices=names, value=kept), *read(kept, tag_now)]

    def write(name: str | None) -> list[Any]:
        try:
            made = desk.files(name or "")
        except CoreError as error:
            return [*closed, message(str(error), "error")]
        return [*(gr.update(interactive=True, value=str(made[kind])) for kind in WRITERS), ""]

    outputs = [shown, *plots, *files, note]
    tab.select(listed, [record, tag], [record, *outputs], **RECORD_EVENTS)
    record.input(read, [record, tag], outputs, **RECORD_EVENTS)
    prepare.click(write, record, [*files, note], **RECORD_EVENTS)
