"""Layout and handlers of Results: ratings of people, study by study."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from annotation.report.results import Report
from app.events import QUIET, Updates, bound
from app.html import message
from app.refusals import in_words
from app.results import error_spans_html, preferences_html
from app.results import ratings_html as views
from app.results.adjudication_tab import build_adjudication
from app.results.groups_html import groups
from app.results.judge_html import judges
from app.results.judge_tab import build_judge
from app.results.looks_html import looks
from app.results.organising import Organising
from app.results.ratings import ResultsService
from app.results.ratings_table import rated_cells, summary_table
from app.results.reading_tab import build_reading
from app.texts import Localised, Texts, catalogue

Allow = Callable[
    [str, Any], None
]  # counts what a visitor's request asks for; raises an AnnotationError beyond her allowance
ALL = "all"
ENOUGH = 2  # rated items for a first interval
EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "results"}


@dataclass(frozen=True)
class RatingsTab:
    """The service and the components that handlers change."""

    service: ResultsService
    study: gr.Dropdown
    language: gr.Dropdown
    only_passed: gr.Checkbox
    answer: gr.HTML
    details: gr.HTML
    table: gr.HTML
    download: gr.DownloadButton
    push: gr.Accordion
    push_token: gr.Textbox
    note: gr.HTML
    allow: Allow


def build_ratings(
    service: ResultsService,
    organising: Organising,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    tab: gr.Tab,
    session: gr.BrowserState,
    allow: Allow,
) -> None:
    """Build the tab; it reads the database each time it is opened. ``session`` holds an organiser's, if any."""
    bind = localised.bind
    bind(gr.Markdown(texts("results.lead")), value="results.lead")
    with gr.Row(elem_id="results-row"):
        study = gr.Dropdown([], label=texts("results.study"), visible=False, elem_id="results-study")
        choices = [(texts("results.all_languages"), ALL)]
        language = gr.Dropdown(choices, value=ALL, label=texts("results.language"), elem_id="results-language")
        passed = gr.Checkbox(False, label=texts("results.only_passed"), visible=False, elem_id="results-passed")
        refresh = gr.Button(texts("results.refresh"), elem_id="refresh", scale=0, min_width=140)
    answer, details, table = (gr.HTML(elem_id=f"results-{name}") for name in ("answer", "details", "table"))
    with gr.Row():
        prepare = gr.Button(texts("results.prepare"), elem_id="prepare")
        download = gr.DownloadButton(texts("results.downloads"), interactive=False, elem_id="download")
    bind(gr.Markdown(texts("results.downloads_hint"), elem_classes="agl-hint"), value="results.downloads_hint")
    with gr.Accordion(texts("results.push_title"), open=False, visible=False, elem_id="results-push") as pushing:
        with gr.Row():
            name = gr.Textbox(label=texts("results.push_name"), max_lines=1)
            token = gr.Textbox(label=texts("results.push_token"), type="password", max_lines=1)
        push = gr.Button(texts("results.push"), elem_id="push")
    note = gr.HTML(elem_id="results-note")
    for component, key in ((study, "study"), (language, "language"), (passed, "only_passed"), (pushing, "push_title"),
                           (name, "push_name"), (token, "push_token"), (download, "downloads")):  # fmt: skip
        bind(component, label=f"results.{key}")
    for button, key in ((refresh, "refresh"), (prepare, "prepare"), (push, "push")):
        bind(button, value=f"results.{key}")

    parts = RatingsTab(service, study, language, passed, answer, details, table, download, pushing, token, note, allow)
    everything = [study, language, passed, answer, details, table, pushing, note]
    for event in (tab.select, refresh.click, study.input, language.input, passed.input, tag.change):
        event(bound(show, parts), [study, language, passed, tag, session], everything, **EVENTS)
    events = (tab.select, refresh.click, study.input, tag.change)
    build_reading(service, localised, tag, texts, session, study, events)
    build_adjudication(organising.adjudication, localised, tag, texts, session, study, events)
    build_judge(organising.judges, organising.models, localised, tag, texts, session, study, events)
    prepare.click(bound(export, parts), [study, tag, session], [download, note], **EVENTS)
    push.click(bound(send, parts), [study, name, token, tag, session], [token, note], **EVENTS)


def show(tab: RatingsTab, slug: str | None, language: str | None, only_passed: bool, tag: str, session: str) -> Updates:
    """The results of a study; the first one that the visitor may see when ``slug`` is none of hers."""
    texts, service = catalogue(tag), tab.service
    try:
        studies = service.studies(session)
        chosen = slug if slug in {one.slug for one in studies} else None
        report = service.report(session, chosen, texts)
    except AnnotationError as error:
        return {tab.note: message(in_words(error, texts), "error")}
    names = [(one.name, one.slug) for one in studies]
    return {
        tab.study: gr.update(choices=names, value=report.study.slug, visible=len(studies) > 1),
        **of_report(tab, report, language, only_passed, texts),
        tab.push: gr.update(visible=service.organiser(session)),
        tab.note: "",
    }


def of_report(tab: RatingsTab, report: Report, language: str | None, only_passed: bool, texts: Texts) -> dict[Any, Any]:
    """Updates of the language, the box of the raters who passed, and the three panels."""
    without = report.without_failed
    analysis = without if only_passed and without is not None else report.everyone
    tags = analysis.languages
    names = [(texts("results.all_languages"), ALL), *((views.language_name(one, texts), one) for one in tags)]
    chosen = language if language in tags else ALL
    one_language = chosen if chosen != ALL else (None if len(tags) != 1 else tags[0])
    updates: dict[Any, Any] = {
        tab.language: gr.update(choices=names, value=chosen),
        tab.only_passed: gr.update(visible=without is not None, value=only_passed and without is not None),
    }
    if not analysis.answered:
        empty = message(texts("results.empty", enough=ENOUGH))
        return {**updates, tab.answer: empty, tab.details: "", tab.table: ""}
    cells = rated_cells(analysis.cells, None if chosen == ALL else chosen)
    sections = (groups, views.comparisons, views.agreement, judges, views.orders)
    compared = preferences_html.answer(report, analysis, one_language, texts)
    marked = error_spans_html.answer(report, analysis, one_language, texts)
    verdicts = report.verdicts_of(analysis)
    return {
        **updates,
        tab.answer: views.counted(report, texts)
        + compared
        + views.answer(report, analysis, one_language, verdicts, texts)
        + looks(report, texts),
        tab.details: marked + "".join(section(report, analysis, one_language, texts) for section in sections),
        tab.table: summary_table(cells, report, texts) if cells else "",
    }


def export(tab: RatingsTab, slug: str | None, tag: str, session: str, request: gr.Request) -> Updates:
    """The archive of a study, ready to be downloaded."""
    try:
        tab.allow("files", request)
        path = str(tab.service.download(session, slug))
    except AnnotationError as error:
        return {tab.note: message(in_words(error, catalogue(tag)), "error")}
    return {tab.download: gr.update(value=path, interactive=True), tab.note: ""}


def send(tab: RatingsTab, slug: str | None, repository: str, secret: str, tag: str, session: str) -> Updates:
    """Push a study to a private data set; the token is emptied whatever came of it."""
    try:
        address = tab.service.push(session, slug, repository or "", secret)
    except AnnotationError as error:
        return {tab.push_token: "", tab.note: message(in_words(error, catalogue(tag)), "error")}
    return {tab.push_token: "", tab.note: message(catalogue(tag)("results.pushed", address=address))}
