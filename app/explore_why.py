"""The Why section of Explore: one tab a view; order and labels are measured when their tab is opened."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.explore_view import measure_why, render_why
from app.explorer import Step
from app.localised import Localised
from app.services import Services
from app.texts import Texts, catalogue
from app.views.html import message
from app.views.panels import progress_line
from core.errors import CoreError


def build_why(localised: Localised, texts: Texts) -> dict[str, Any]:
    """The components by name."""
    why: dict[str, Any] = {}
    bind = localised.bind
    bind(gr.Markdown(texts("explore.why"), elem_classes="agl-section"), value="explore.why")
    with gr.Row():
        why["strategy"] = gr.Radio([], show_label=False, container=False, elem_id="why-strategy")
        why["language"] = gr.Dropdown([], show_label=False, container=False, elem_id="why-language", min_width=120)
    with gr.Tabs():
        with bind(gr.Tab(texts("explore.tab_labels"), render_children=True), label="explore.tab_labels"):
            why["labels"] = gr.Plot(show_label=False)
        with bind(gr.Tab(texts("why.tab"), render_children=True), label="why.tab") as why["order_tab"]:
            why["order"] = gr.HTML(elem_id="why-order")
            why["measure"] = bind(gr.Button(texts("why.measure"), elem_id="why-measure"), value="why.measure")
        with bind(gr.Tab(texts("explore.tab_coherence"), render_children=True), label="explore.tab_coherence"):
            why["coherence"] = gr.Plot(show_label=False)
        with bind(gr.Tab(texts("explore.tab_map"), render_children=True), label="explore.tab_map"):
            why["map"] = gr.Plot(show_label=False)
        with bind(gr.Tab(texts("explore.tab_prompt"), render_children=True), label="explore.tab_prompt"):
            why["prompt"] = gr.HTML(elem_id="exact-prompt")
        with bind(gr.Tab(texts("explore.tab_details"), render_children=True), label="explore.tab_details"):
            why["details"] = gr.HTML()
    return why


SHOWN = (
    "strategy",
    "language",
    "labels",
    "order",
    "coherence",
    "map",
    "prompt",
    "details",
)  # in the order of ``opened``


def wire_why(services: Services, why: dict[str, Any], predictions: gr.State, tag: gr.State) -> None:
    """Draw again when another strategy or language is picked; measure when the tab is opened or its button pressed."""
    chosen = [why["strategy"], why["language"]]
    options: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shown = {**options, "concurrency_id": "show"}

    def draw(found: Any, tag_now: str, strategy: str, code: str) -> tuple[Any, ...]:
        texts = catalogue(tag_now)
        return (*render_why(services, found, texts, strategy, code), message(texts("why.lead")))

    def measure(found: Any, tag_now: str, strategy: str, code: str, request: gr.Request) -> Iterator[str]:
        texts = catalogue(tag_now)
        yield progress_line(Step((), "why.working", {}, 0.5), texts)
        try:
            services.allow("explore", request)
            yield measure_why(services, found, texts, strategy, code)
        except CoreError as error:
            yield message(str(error), "error")

    drawn = [why["labels"], why["prompt"], why["coherence"], why["map"], why["order"]]
    for component in chosen:
        component.input(draw, [predictions, tag, *chosen], drawn, **shown)
    for event in (why["order_tab"].select, why["measure"].click):
        event(measure, [predictions, tag, *chosen], why["order"], concurrency_id="model", **options)
