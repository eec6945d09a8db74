"""Puts the page together from its collaborators. No work happens at import."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app.explore.api import Public
from app.explore.api_routes import build_public_api
from app.explore.form import run_names, values_of
from app.explore.link import form_of_link
from app.explore.service import UNTRAINED
from app.explore.tab import ExploreParts, build_explore, opened, stream
from app.html import message
from app.rate.tab import build_rate
from app.results.experiments import ReportDesk
from app.results.ratings import ResultsService
from app.results.ratings_tab import build_ratings
from app.results.tab import build_reports
from app.services import Services
from app.study.tab import build_study, organiser_desk
from app.texts import ENGLISH, Localised, Texts, available, catalogue
from app.train.tab import TrainParts, build_train
from core.errors import CoreError
from core.report.readme import RESULTS
from core.workbench import POOL_OF_TASK

CACHE = (3600, 24 * 3600)  # seconds: how often Gradio's copies of files are looked at, and how old they may be
HERE = Path(__file__).resolve().parent


def build_app(services: Services) -> gr.Blocks:
    """The whole app over ``services``."""
    localised = Localised()
    texts = catalogue(ENGLISH)
    with gr.Blocks(title="AGL", analytics_enabled=False, fill_width=True, delete_cache=CACHE) as page:
        tag = gr.State(ENGLISH)
        session = gr.BrowserState("", storage_key="agl-organiser", secret="agl-organiser")  # noqa: S106 - a name
        with gr.Row(elem_id="agl-head"):
            with gr.Column(scale=4, min_width=260):
                localised.bind(gr.Markdown(texts("app.tagline"), elem_id="agl-tagline"), value="app.tagline")
            with gr.Column(scale=1, min_width=170):
                choices = [(entry.name, entry.tag) for entry in available()]
                interface = localised.bind(
                    gr.Dropdown(choices, value=ENGLISH, label=texts("app.interface"), elem_id="agl-language"),
                    label="app.interface",
                )
        with gr.Tabs() as tabs:
            with localised.bind(gr.Tab(texts("app.explore"), id="explore"), label="app.explore"):
                explore = build_explore(services, localised, tag, texts)
            with localised.bind(gr.Tab(texts("app.train"), id="train"), label="app.train") as train_tab:
                train = build_train(services, localised, tag, texts, train_tab, session)
            with localised.bind(gr.Tab(texts("app.rate"), id="rate"), label="app.rate") as rate:
                build_rate(services.store, services.study.id, services.study.slug, localised, tag, texts, rate)
            with localised.bind(
                gr.Tab(texts("app.results.ratings"), id="results"), label="app.results.ratings"
            ) as results:
                _build_results(services, localised, tag, texts, results, session)
            organiser = organiser_desk(services)
            with localised.bind(gr.Tab(texts("app.study"), id="study"), label="app.study") as study:
                build_study(organiser, services.authority, localised, tag, texts, study, session, services.visitor)
        build_public_api(
            Public(services.explorer, services.languages), lambda request: services.allow("explore", request)
        )
        _wire(page, services, localised, tag, interface, explore)
        _wire_runs(page, services, tag, tabs, explore, train)
    return page


def _build_results(
    services: Services,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    results: gr.Tab,
    session: gr.BrowserState,
) -> None:
    """Ratings of people and records of experiments, side by side."""
    with gr.Tabs():
        with localised.bind(gr.Tab(texts("reports.ratings"), id="ratings"), label="reports.ratings"):
            ratings = ResultsService(services.store, services.study.slug, services.folder, services.authority)
            build_ratings(ratings, localised, tag, texts, results, session)
        with localised.bind(gr.Tab(texts("reports.experiments"), id="experiments"), label="reports.experiments") as tab:
            data = services.folder.parent
            reports = ReportDesk((RESULTS, data / "evaluations", data / "runs", Path("runs")), services.folder)
            build_reports(reports, localised, tag, texts, tab)


def _wire(
    page: gr.Blocks,
    services: Services,
    localised: Localised,
    tag: gr.State,
    interface: gr.Dropdown,
    explore: ExploreParts,
) -> None:
    """The opening example, and the change of the interface's language."""
    shown, inputs = explore.shown, explore.inputs

    def show_opening(tag_now: str, request: gr.Request) -> Iterator[list[Any]]:
        """The question of the link that was followed, else the opening example."""
        texts, as_it_is = catalogue(tag_now), [gr.skip()] * (len(inputs) + 1)
        try:
            form = form_of_link(dict(request.query_params), services.languages, tuple(POOL_OF_TASK))
            if form is None:
                yield [*as_it_is, *opened(services, services.opening(), texts)]
                return
        except CoreError as error:
            yield [*as_it_is, message(str(error), "error"), *[gr.skip()] * (len(shown) - 1)]
            return
        values = values_of(form)
        filled = [*(values[name] for name in inputs), form.pinned]
        if form.model != "embedded" or form.run:  # nobody's link makes this machine load something
            yield [*filled, message(texts("explore.link_ready")), *[gr.skip()] * (len(shown) - 1)]
            return
        for update in stream(services, tag_now, form, request):
            yield [*filled, *update]

    def show_again(tag_now: str, found: Any, pinned: tuple[str, ...]) -> list[Any]:
        if not found:
            return [gr.skip()] * len(shown)
        return opened(services, found, catalogue(tag_now), pinned)

    options: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_id": "show"}
    opening = {**options, "concurrency_id": "opening"}  # may ask the model what a link says
    followed = page.load(show_opening, tag, [*inputs.values(), explore.pinned, *shown], **opening)
    explore.stop.click(None, None, None, cancels=[followed], queue=False, api_visibility="private")
    interface.input(
        lambda chosen: [chosen, *localised.updates(chosen)], interface, [tag, *localised.components], **options
    )
    right_to_left = [entry.tag for entry in available() if entry.direction == "rtl"]
    turn = f"(tag) => {{ document.body.classList.toggle('agl-rtl', {right_to_left}.includes(tag)); document.documentElement.lang = tag; }}"
    interface.input(None, interface, None, js=turn)
    tag.change(show_again, [tag, explore.predictions, explore.pinned], shown, **options)


def _wire_runs(
    page: gr.Blocks, services: Services, tag: gr.State, tabs: gr.Tabs, explore: ExploreParts, train: TrainParts
) -> None:
    """From Train to Explore: a finished run beside the model as it was. A run of another visitor shows on opening the page."""
    options: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_id": "show"}
    run, strategy, compare, task = (explore.inputs[name] for name in ("run", "strategy", "compare", "task"))

    def known(tag_now: str) -> Any:
        return gr.update(choices=run_names(catalogue(tag_now), services.training.finished()))

    def use(tag_now: str, name: str) -> list[Any]:
        try:
            seen = services.training.read(name)
        except CoreError as error:
            return [*[gr.skip()] * 5, message(str(error), "error")]
        names = run_names(catalogue(tag_now), services.training.finished())
        learnt = seen.config.task if seen.config else gr.skip()
        return [gr.Tabs(selected="explore"), gr.update(choices=names, value=name), "agl", UNTRAINED, learnt, gr.skip()]

    page.load(known, tag, run, **options)
    train.use.click(use, [tag, train.runs], [tabs, run, strategy, compare, task, train.status], **options)


def look() -> dict[str, Any]:
    """Arguments of ``launch`` that make the page look and behave as it should."""
    theme = gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
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
