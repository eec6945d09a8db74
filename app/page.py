"""Puts the page together from its collaborators. No work happens at import."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from app.batch.tab import BatchHandlers, build_batch
from app.downloads import LONGEST_S
from app.events import QUIET, Updates
from app.explore.answer import Thread
from app.explore.api import Public
from app.explore.api_routes import build_public_api, still_connected
from app.explore.controls import Offers, run_names, values_of
from app.explore.examples import examples
from app.explore.form import UNTRAINED
from app.explore.handlers import ExploreHandlers, Values
from app.explore.link import form_of_link
from app.explore.tab import build_explore, control_updates, wire_explore
from app.html import message
from app.light_page import Page
from app.rate.tab import build_rate
from app.results.experiments import ReportService
from app.results.experiments_tab import build_experiments
from app.results.items_tab import Askable, ItemsHandlers, build_items
from app.results.organising import organising_of
from app.results.ratings import ResultsService
from app.results.ratings_tab import build_ratings
from app.services import Services
from app.study.service import StudyService
from app.study.tab import build_study
from app.texts import ENGLISH, Localised, Texts, available, catalogue, preferred
from app.train.tab import TrainHandlers, build_train
from core.errors import CoreError
from core.models.catalogue import DEFAULT, TINY, settled_name
from core.report.readme import RESULTS
from core.workbench import POOL_OF_TASK

CACHE = (600, int(LONGEST_S))  # seconds: how often Gradio's copies of files are looked at, and how old they may be
HERE = Path(__file__).resolve().parent
SHOWING: dict[str, Any] = {**QUIET, "concurrency_id": "show"}
TO_THE_TOP = "(...values) => { window.scrollTo({top: 0, behavior: 'smooth'}); return values; }"
TURN = f"(tag) => window.aglTurn(tag, {[entry.tag for entry in available() if entry.direction == 'rtl']}.includes(tag))"
REMEMBER = "(tag) => window.aglRemember(tag)"
REMEMBERED = f"() => window.aglRemembered({[entry.tag for entry in available()]})"


def build_app(services: Services) -> gr.Blocks:
    """The whole app over ``services``."""
    localised = Localised()
    texts = catalogue(ENGLISH)
    with Page(title="AGL", analytics_enabled=False, fill_width=True, delete_cache=CACHE) as page:
        tag = gr.State(ENGLISH)
        session = gr.BrowserState("", storage_key="agl-organiser", secret="agl-organiser")  # noqa: S106 - a name
        # First, for Gradio numbers a name that is taken, and events are named after their handlers: ask would be ask_2.
        public = Public(services.explore, services.languages, still_connected)
        build_public_api(public, lambda request: services.allow("explore", request))
        with gr.Row(elem_id="agl-head"):
            with gr.Column(scale=4, min_width=260):
                localised.bind(gr.HTML(_headline(texts), elem_id="agl-tagline"), value=_headline)
            with gr.Column(scale=1, min_width=170):
                choices = [(entry.name, entry.tag) for entry in available()]
                interface = localised.bind(
                    gr.Dropdown(choices, value=ENGLISH, label=texts("app.interface"), elem_id="agl-language"),
                    label="app.interface",
                )
        with gr.Tabs(elem_id="agl-tabs") as tabs:
            with localised.bind(gr.Tab(texts("app.explore"), id="explore"), label="app.explore"):
                offers = Offers(
                    services.languages,
                    services.explore.models.offers,
                    services.explore.models.describe,
                    services.training.finished,
                )
                parts = build_explore(offers, localised, tag, texts)
                explore = ExploreHandlers(services.explore, services.tasks, services.outbox, services.allow, parts)
                wire_explore(explore)
                batch = build_batch(services.batches, services.allow, offers, localised, tag, texts)
            with localised.bind(gr.Tab(texts("app.train"), id="train"), label="app.train") as train_tab:
                train = build_train(services.training, services, localised, tag, texts, train_tab, session)
            with localised.bind(gr.Tab(texts("app.rate"), id="rate"), label="app.rate") as rate:
                build_rate(services.store, services.study.id, services.study.slug, localised, tag, texts, rate)
            with localised.bind(gr.Tab(texts("app.results"), id="results"), label="app.results") as results:
                items = _build_results(services, localised, tag, texts, results, session)
            organiser = StudyService(
                services.store,
                services.authority,
                services.folder,
                services.study.slug,
                services.backups,
                services.previews,
            )
            with localised.bind(gr.Tab(texts("app.study"), id="study"), label="app.study") as study:
                build_study(
                    organiser,
                    services.authority,
                    localised,
                    tag,
                    texts,
                    page,
                    tabs,
                    study,
                    session,
                    services.visitor,
                    services.allow_uploads,
                )
        _wire(page, PageHandlers(services, localised, explore, train, batch, items, interface, tabs))
    return page


def _headline(texts: Texts) -> str:
    """Name and purpose; the page's one heading of the first level."""
    purpose = texts("app.tagline").replace("**AGL** ", "")
    return f'<h1>AGL</h1> <p dir="{texts.direction}">{escape(purpose)}</p>'


def _build_results(
    services: Services,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    results: gr.Tab,
    session: gr.BrowserState,
) -> ItemsHandlers:
    """Ratings of people and records of experiments, side by side."""
    allow = services.allow
    models = services.explore.models
    askable = Askable(services.tasks, services.languages, lambda: [name for _, name in models.offers(texts)])
    with gr.Tabs():
        with localised.bind(gr.Tab(texts("reports.ratings"), id="ratings"), label="reports.ratings"):
            ratings = ResultsService(services.store, services.study.slug, services.folder, services.authority)
            organising = organising_of(services.store, services.authority, services.backups, models)
            build_ratings(ratings, organising, localised, tag, texts, results, session, allow)
        with localised.bind(gr.Tab(texts("reports.experiments"), id="experiments"), label="reports.experiments") as tab:
            data = services.folder.parent
            reports = ReportService((RESULTS, data / "evaluations", data / "runs", Path("runs")), services.folder)
            experiments = build_experiments(reports, localised, tag, texts, tab, session, allow, services.may_upload)
            return build_items(reports.tables, askable, experiments.parts.record, tag)


class PageHandlers:
    """What concerns several tabs: the opening, the language of the interface, a run that is taken to Explore."""

    def __init__(
        self,
        services: Services,
        localised: Localised,
        explore: ExploreHandlers,
        train: TrainHandlers,
        batch: BatchHandlers,
        items: ItemsHandlers,
        interface: gr.Dropdown,
        tabs: gr.Tabs,
    ) -> None:
        self.services, self.localised, self.explore, self.train = services, localised, explore, train
        self.batch, self.items = batch, items
        self.interface, self.tabs, self.tag = interface, tabs, explore.parts.tag

    def greet(self, remembered: str | None, request: gr.Request) -> Updates:
        """The interface in the language that was chosen in this browser, else in the browser's, and the runs there are now."""
        chosen = remembered or preferred(request.headers.get("accept-language", ""), available())
        runs = gr.update(choices=run_names(catalogue(chosen), self.services.training.finished()))
        run = self.explore.parts.inputs["run"]
        if chosen == ENGLISH:
            return {run: runs}
        return {
            **self._in(chosen),
            **self.explore.show_model({self.tag: chosen, self.explore.parts.inputs["model"]: DEFAULT}),
            self.interface: gr.update(value=chosen, label=catalogue(chosen)("app.interface")),
            run: runs,
        }

    def _in(self, tag: str) -> Updates:
        return {self.tag: tag, **dict(zip(self.localised.components, self.localised.updates(tag), strict=True))}

    def turn(self, values: Values) -> Updates:
        """Every word of the page in the language that was chosen, those of the answer on show among them."""
        tag = values[self.interface]
        thread: Thread = values[self.explore.parts.thread]
        parts = self.explore.parts
        updates = {**self._in(tag), **self.explore.show_model({parts.tag: tag, **values})}
        answer = self.explore.show(thread, catalogue(tag)) if thread.response is not None else {}
        for component, update in answer.items():  # a button that the answer makes visible keeps its new word
            word = updates.get(component)
            updates[component] = {**word, **update} if isinstance(word, dict) and isinstance(update, dict) else update
        return updates

    def open(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """The question of the link that was followed, else the opening example."""
        explore, services = self.explore, self.services
        parts, texts = explore.parts, catalogue(values[self.tag])
        try:
            form = form_of_link(dict(request.query_params), services.languages, tuple(POOL_OF_TASK))
            if form is None:
                example = examples()[0]
                filled = control_updates(parts, values_of(example))
                for update in explore.follow(services.opening.steps(), example, Thread(), texts, request):
                    yield {**filled, **update}
                    filled = {}
                return
        except CoreError as error:
            yield {parts.status: message(str(error), "error")}
            return
        filled = control_updates(parts, values_of(form))
        if form.run or not services.explore.models.is_ready(form.model, form.precision):
            filled |= {parts.thread: Thread(pinned=form.pinned)}  # a link alone makes this machine load nothing
            yield {**filled, parts.status: message(texts("explore.link_ready"))}
            return
        for update in explore.stream(form, Thread(pinned=form.pinned), texts.tag, request):
            yield {**filled, **update}

    def open_row(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """A row of a batch as a question of Explore."""
        parts = self.explore.parts
        try:
            form = self.batch.question(values[self.batch.parts.name], str(event._data.get("id") or ""))
        except CoreError as error:
            yield {parts.status: message(str(error), "error")}
            return
        filled = control_updates(parts, values_of(form))
        for update in self.explore.stream(form, Thread(), values[self.tag], request):
            yield {**filled, **update}

    def open_item(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """A row of a record as a question of Explore."""
        parts = self.explore.parts
        try:
            form = self.items.question(values[self.items.record], event._data)
        except CoreError as error:
            yield {self.tabs: gr.Tabs(selected="explore"), parts.status: message(str(error), "error")}
            return
        filled = control_updates(parts, values_of(form))
        for update in self.explore.stream(form, Thread(), values[self.tag], request):
            yield {self.tabs: gr.Tabs(selected="explore"), **filled, **update}

    def use_run(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """A finished run beside the model as it was: the question on show is asked again with it."""
        parts, texts = self.explore.parts, catalogue(values[self.tag])
        try:
            run = self.services.training.read(values[self.train.parts.runs])
        except CoreError as error:
            yield {self.train.parts.status: message(str(error), "error")}
            return
        names = run_names(texts, self.services.training.finished())
        model = (run.entry or {}).get("model", {})  # the one that the run learnt on, in its precision
        changed = {"run": run.name, "strategy": "agl", "compare": UNTRAINED}
        changed |= {
            "model": settled_name(str(model.get("name") or TINY)),
            "precision": str(model.get("precision") or "fp32"),
        }
        if run.config:
            changed["task"] = run.config.task
        filled = {parts.inputs[name]: value for name, value in changed.items()}
        controls = {**filled, parts.inputs["run"]: gr.update(choices=names, value=run.name)}
        changed_values = {**values, **filled}
        for update in self.explore.ask(changed_values, request):
            yield {self.tabs: gr.Tabs(selected="explore"), **controls, **update}


def _wire(page: gr.Blocks, handlers: PageHandlers) -> None:
    explore, train, interface = handlers.explore.parts, handlers.train.parts, handlers.interface
    items = handlers.items.items
    everything = [handlers.tag, explore.model_facts, *handlers.localised.components]
    inputs = {handlers.tag, explore.thread, *explore.inputs.values()}
    outputs = list(dict.fromkeys([*explore.outputs, *everything]))
    greeted = page.load(
        handlers.greet, [interface], [*everything, interface, explore.inputs["run"]], js=REMEMBERED, **SHOWING
    )
    greeted.then(None, interface, None, js=TURN)
    opening = {**QUIET, "concurrency_id": "opening", "concurrency_limit": 16}  # may wait for the example, or ask
    followed = greeted.then(handlers.open, {handlers.tag}, explore.outputs, **opening)
    explore.stop.click(None, None, None, cancels=[followed], queue=False, api_visibility="private")
    interface.input(handlers.turn, {interface, explore.thread, explore.inputs["model"]}, outputs, **SHOWING)
    interface.input(None, interface, None, js=TURN)
    interface.input(None, interface, None, js=REMEMBER)
    asking = {**QUIET, "concurrency_id": "model"}
    mine = {handlers.tag, handlers.batch.parts.name}
    handlers.batch.parts.result.select(handlers.open_row, mine, explore.outputs, js=TO_THE_TOP, **asking)
    chosen = {handlers.tag, handlers.items.record}
    items.select(handlers.open_item, chosen, [handlers.tabs, *explore.outputs], js=TO_THE_TOP, **asking)
    train.use.click(handlers.use_run, {train.runs, *inputs}, [handlers.tabs, train.status, *explore.outputs], **asking)


def look() -> dict[str, Any]:
    """Arguments of ``launch`` that make the page look and behave as it should."""
    theme = gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(  # the theme's own greys and teals have contrasts of 2.5; these have 4.5 or more
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        color_accent="*primary_700",
    )
    return {
        "theme": theme,
        "css_paths": [HERE / "style.css"],
        "head": f"<script>{(HERE / 'keys.js').read_text(encoding='utf-8')}</script>",
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
    }
