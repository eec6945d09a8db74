"""From finished predictions to everything Explore shows, without gradio.

The Why section of Explore: one tab a view; order and labels are measured when their tab is opened.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app.explore.explanation_html import why_view
from app.explore.figures import coherence_map, label_bars, pool_map
from app.explore.panels import details_view, panel_names, progress_line, prompt_view, result_panels
from app.explore.service import Step, as_json, pool_vectors
from app.html import message
from app.services import Services
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError
from core.languages import language
from core.records import Prediction


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


KEPT_S = 24 * 3600  # a file for download; the copy that a browser was given is Gradio's


@dataclass(frozen=True)
class Rendered:
    """What is on show; figures are None where there is nothing to draw."""

    results: str
    strategies: list[tuple[str, str]]
    languages: list[tuple[str, str]]
    labels: Any = None
    coherence: Any = None
    map: Any = None
    prompt: str = ""
    details: str = ""


def render(
    services: Services,
    predictions: tuple[Prediction, ...],
    texts: Texts,
    languages: int = 0,
    pinned: tuple[str, ...] = (),
) -> Rendered:
    """The whole view; with ``languages`` > 0 only the panels, with rows for the answers still to come."""
    results = result_panels(predictions, services.tasks, texts, languages, pinned)
    if languages or not predictions:
        return Rendered(results, [], [])
    strategies = [(name, str(place)) for place, name in enumerate(panel_names(predictions, texts))]
    codes = [(language(answer.language).autonym, answer.language) for answer in predictions[0].answers]
    labels, prompt, coherence, pool = render_why(services, predictions, texts, "0", codes[0][1])
    details = details_view(
        predictions, texts, [services.explorer.engines.memory(found.provenance) for found in predictions]
    )
    return Rendered(results, strategies, codes, labels, coherence, pool, prompt, details)


def render_why(
    services: Services, predictions: tuple[Prediction, ...], texts: Texts, strategy: str | None, code: str | None
) -> tuple[Any, ...]:
    """Label bars, prompt, coherence map and pool map of one strategy and language."""
    if not predictions:
        return None, "", None, None
    prediction, answer = _picked(predictions, strategy, code)
    task = services.tasks[prediction.task]
    labels = label_bars(prediction, task, answer, texts) if task.is_closed else None
    pool = None
    if not services.explorer.engines.needs_gpu(prediction.provenance["model"]):
        predictor = services.explorer.predictor_of(prediction)
        seen = pool_vectors(predictor, prediction.query)
        pool = pool_map(predictor.index.pool, *seen, prediction, task, texts) if seen else None
    coherence = coherence_map(prediction, texts) if prediction.coherence else None
    return labels, prompt_view(prediction, answer), coherence, pool


def measure_why(
    services: Services, predictions: tuple[Prediction, ...], texts: Texts, strategy: str | None, code: str | None
) -> str:
    """What order, labels and sentences do to one answer, and what its demonstrations are; measured now."""
    if not predictions:
        return message(texts("explore.nothing_to_send"))
    prediction, answer = _picked(predictions, strategy, code)
    why = services.explorer.why(prediction, answer)
    return why_view(why, prediction, answer, services.tasks[prediction.task], texts)


def _picked(predictions: tuple[Prediction, ...], strategy: str | None, code: str | None) -> tuple[Prediction, int]:
    """The prediction of a strategy's place and the place of the answer in ``code``; the first ones where there are none such."""
    place = int(strategy or 0) if (strategy or "0").isdigit() else 0
    prediction = predictions[min(place, len(predictions) - 1)]
    codes = [answer.language for answer in prediction.answers]
    return prediction, codes.index(code) if code in codes else 0


def write_json(folder: Path, predictions: tuple[Prediction, ...]) -> str | None:
    """A file with everything about the predictions, kept for a day; None when there are none."""
    if not predictions:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_dir() and time.time() - old.stat().st_mtime > KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    path = Path(tempfile.mkdtemp(dir=folder)) / "agl-predictions.json"
    path.write_text(as_json(predictions), encoding="utf-8")
    return str(path)
