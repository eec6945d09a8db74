"""Layout and wiring of Results.

Layout and wiring of Results, Experiments: one record, its tables and figures, and its files.
"""

from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from annotation.report.results import Report
from app.html import message
from app.rate.tab_service import RatingDesk
from app.results import ratings_html as views
from app.results.experiments import WRITERS, ReportDesk, report
from app.results.ratings import Authority, ResultsDesk
from app.results.ratings_table import summary_rows, summary_table
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError
from core.report.charts import chart

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


ALL = "all"
ENOUGH = 2  # rated items for a first interval
RATING_EVENTS: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_id": "results"}


def build_results(
    desk: RatingDesk,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    tab: gr.Tab,
    session: Any = None,
    authority: Authority | None = None,
) -> None:
    """Build the tab; it reads the database each time it is opened. ``session`` holds an organiser's, if any."""
    bind = localised.bind
    reports = ResultsDesk(desk.store, desk.study.slug, desk.folder, authority)
    session = session if session is not None else gr.State("")
    bind(gr.Markdown(texts("results.lead")), value="results.lead")
    with gr.Row(elem_id="results-row"):
        which = bind(
            gr.Dropdown([], label=texts("results.study"), visible=False, elem_id="results-study"), label="results.study"
        )
        code = bind(
            gr.Dropdown(
                [(texts("results.all_languages"), ALL)],
                value=ALL,
                label=texts("results.language"),
                elem_id="results-language",
            ),
            label="results.language",
        )
        passed = bind(
            gr.Checkbox(False, label=texts("results.only_passed"), visible=False, elem_id="results-passed"),
            label="results.only_passed",
        )
        refresh = bind(
            gr.Button(texts("results.refresh"), elem_id="refresh", scale=0, min_width=140), value="results.refresh"
        )
    answer = gr.HTML(elem_id="results-answer")
    details = gr.HTML(elem_id="results-details")
    table = gr.HTML(elem_id="results-table")
    with gr.Row():
        prepare = bind(gr.Button(texts("results.prepare"), elem_id="prepare"), value="results.prepare")
        download = bind(
            gr.DownloadButton(texts("results.downloads"), interactive=False, elem_id="download"),
            label="results.downloads",
        )
    bind(gr.Markdown(texts("results.downloads_hint"), elem_classes="agl-hint"), value="results.downloads_hint")
    with bind(
        gr.Accordion(texts("results.push_title"), open=False, visible=False, elem_id="results-push"),
        label="results.push_title",
    ) as pushing:
        with gr.Row():
            name = bind(gr.Textbox(label=texts("results.push_name"), max_lines=1), label="results.push_name")
            token = bind(
                gr.Textbox(label=texts("results.push_token"), type="password", max_lines=1), label="results.push_token"
            )
        push = bind(gr.Button(texts("results.push"), elem_id="push"), value="results.push")
    note = gr.HTML(elem_id="results-note")
    shown = [which, code, passed, answer, details, table, pushing, note]

    def read(slug: str | None, wanted: str | None, only: bool, tag_now: str, token_now: str) -> list[Any]:
        now = catalogue(tag_now)
        try:
            studies = reports.studies(token_now)
            chosen = slug if slug in {one.slug for one in studies} else None
            report = reports.report(token_now, chosen, now)
        except AnnotationError as error:
            return [*[gr.skip()] * 7, message(str(error), "error")]
        picker = gr.update(
            choices=[(one.name, one.slug) for one in studies], value=report.study.slug, visible=len(studies) > 1
        )
        pusher = gr.update(visible=reports.organiser(token_now))
        return [picker, *_shown(report, wanted, only, now), pusher, ""]

    def export(slug: str | None, token_now: str) -> tuple[Any, str]:
        try:
            return gr.update(value=str(reports.download(token_now, slug)), interactive=True), ""
        except AnnotationError as error:
            return gr.skip(), message(str(error), "error")

    def send(slug: str | None, repository: str, secret: str, tag_now: str, token_now: str) -> tuple[str, str]:
        try:
            address = reports.push(token_now, slug, repository or "", secret)
            return "", message(catalogue(tag_now)("results.pushed", address=address))
        except AnnotationError as error:
            return "", message(str(error), "error")

    asked = [which, code, passed, tag, session]
    for event in (tab.select, refresh.click, which.input, code.input, passed.input, tag.change):
        event(read, asked, shown, **RATING_EVENTS)
    prepare.click(export, [which, session], [download, note], **RATING_EVENTS)
    push.click(send, [which, name, token, tag, session], [token, note], **RATING_EVENTS)


def _shown(report: Report, wanted: str | None, only: bool, texts: Texts) -> list[Any]:
    """Updates of the language, the raters' box, and the three panels."""
    without = report.without_failed
    analysis = without if only and without is not None else report.everyone
    tags = analysis.languages
    names = [(texts("results.all_languages"), ALL), *((views.place(entry, texts), entry) for entry in tags)]
    kept = wanted if wanted in tags else ALL
    language = kept if kept != ALL else (None if len(tags) != 1 else tags[0])
    box = gr.update(visible=without is not None, value=only and without is not None)
    picked = gr.update(choices=names, value=kept)
    if not analysis.ratings:
        return [picked, box, message(texts("results.empty", enough=ENOUGH)), "", ""]
    rows = summary_rows(analysis.cells, report, texts, None if kept == ALL else kept)
    details = "".join(
        part(report, analysis, language, texts) for part in (views.comparisons, views.agreement, views.orders)
    )
    verdicts = report.verdicts_of(analysis)
    return [
        picked,
        box,
        views.counted(report, texts) + views.answer(report, analysis, language, verdicts, texts),
        details,
        summary_table(rows, texts),
    ]
