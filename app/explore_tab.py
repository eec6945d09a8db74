"""Layout and wiring of Explore."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from app.explore_form import build_form, form_of
from app.explore_view import Rendered, render, render_why, write_json
from app.explorer import UNTRAINED, Form, Step, send
from app.localised import Localised
from app.services import Services
from app.texts import Texts, catalogue
from app.views.html import message
from app.views.panels import progress_line
from core.errors import CoreError
from core.languages import language
from core.records import Prediction


@dataclass(frozen=True)
class ExploreParts:
    """What the rest of the page needs of the tab."""

    predictions: gr.State  # the predictions on show
    shown: list[Any]  # components that ``opened`` updates
    inputs: dict[str, Any]  # controls by name


def build_explore(services: Services, localised: Localised, tag: gr.State, texts: Texts) -> ExploreParts:
    """Build the tab."""
    explorer = services.explorer
    forms = explorer.examples()
    first = forms[0]
    predictions = gr.State(())
    with gr.Row(elem_id="explore-row"):
        with gr.Column(scale=2, min_width=290):
            inputs = build_form(localised, texts, services.languages, first, services.training.finished)
            with gr.Row():
                ask = localised.bind(
                    gr.Button(texts("explore.ask"), variant="primary", elem_id="ask"), value="explore.ask"
                )
                stop = localised.bind(gr.Button(texts("explore.stop"), elem_id="stop"), value="explore.stop")
        with gr.Column(scale=7, min_width=320):
            localised.bind(gr.Markdown(texts("explore.lead"), elem_id="explore-lead"), value="explore.lead")
            waiting = progress_line(Step((), "explore.step_load", {}, 0.05), texts)
            status = gr.HTML(waiting, elem_id="explore-status")
            results = gr.HTML(elem_id="explore-results")
            with gr.Row():
                to_rate = localised.bind(gr.Button(texts("explore.send"), elem_id="send"), value="explore.send")
                save = localised.bind(
                    gr.DownloadButton(texts("explore.download"), elem_id="download-json"), label="explore.download"
                )
            sent = gr.HTML(elem_id="explore-sent")
            with localised.bind(gr.Accordion(texts("explore.edit"), open=False, elem_id="edit"), label="explore.edit"):
                kept = localised.bind(
                    gr.CheckboxGroup([], label=texts("explore.keep"), elem_id="keep"), label="explore.keep"
                )
                again = localised.bind(gr.Button(texts("explore.again"), elem_id="again"), value="explore.again")
            why = _why(localised, texts)
    samples = [
        [f"{texts(f'explore.task_{form.task}')} · {language(form.language).autonym}: {form.text}"] for form in forms
    ]
    examples = localised.bind(
        gr.Dataset(
            components=["textbox"],
            label=texts("explore.examples"),
            samples=samples,
            samples_per_page=11,
            type="index",
            elem_id="examples",
            layout="gallery",
        ),
        label="explore.examples",
    )
    listed = list(inputs.values())
    shown = [status, results, predictions, kept, *why.values()]

    def run(tag_now: str, *values: Any) -> Iterator[list[Any]]:
        yield from _stream(services, tag_now, form_of(dict(zip(inputs, values, strict=True))))

    def run_again(tag_now: str, chosen: list[str], *values: Any) -> Iterator[list[Any]]:
        form = form_of(dict(zip(inputs, values, strict=True)))
        yield from _stream(services, tag_now, replace(form, kept=tuple(chosen)))

    def show_example(place: int, tag_now: str, run: str | None) -> Iterator[list[Any]]:
        form = replace(forms[place], run=run or "")
        if form.run:
            form = replace(form, strategies=("agl", UNTRAINED))
        filled = [form.text, form.language, form.task, list(form.answer_languages)]
        for update in _stream(services, tag_now, form):
            yield [*filled, *update]

    started = ask.click(
        run,
        [tag, *listed],
        shown,
        concurrency_id="model",
        concurrency_limit=1,
        show_progress="hidden",
        api_visibility="private",
    )
    typed = inputs["text"].submit(
        run, [tag, *listed], shown, concurrency_id="model", show_progress="hidden", api_visibility="private"
    )
    filled = [inputs[name] for name in ("text", "language", "task", "answer_languages")]
    clicked = examples.click(
        show_example,
        [examples, tag, inputs["run"]],
        [*filled, *shown],
        concurrency_id="model",
        show_progress="hidden",
        api_visibility="private",
    )
    repeated = again.click(
        run_again, [tag, kept, *listed], shown, concurrency_id="model", show_progress="hidden", api_visibility="private"
    )
    stop.click(
        lambda tag_now: message(catalogue(tag_now)("explore.stopped")),
        tag,
        status,
        cancels=[started, typed, clicked, repeated],
        queue=False,
        api_visibility="private",
    )
    _wire_why(services, why, predictions, tag)
    to_rate.click(
        lambda found, tag_now: _send(services, found, catalogue(tag_now)),
        [predictions, tag],
        sent,
        api_visibility="private",
    )
    save.click(lambda found: write_json(services.folder, found), predictions, save, api_visibility="private")
    return ExploreParts(predictions, shown, inputs)


def _wire_why(services: Services, why: dict[str, Any], predictions: gr.State, tag: gr.State) -> None:
    """Draw again when another strategy or language is picked."""
    chosen = [why["strategy"], why["language"]]
    for component in chosen:
        component.input(
            lambda found, tag_now, strategy, code: render_why(services, found, catalogue(tag_now), strategy, code),
            [predictions, tag, *chosen],
            [why["labels"], why["prompt"], why["coherence"], why["map"]],
            show_progress="hidden",
            api_visibility="private",
        )


def _why(localised: Localised, texts: Texts) -> dict[str, Any]:
    why: dict[str, Any] = {}
    bind = localised.bind
    bind(gr.Markdown(texts("explore.why"), elem_classes="agl-section"), value="explore.why")
    with gr.Row():
        why["strategy"] = gr.Radio([], show_label=False, container=False, elem_id="why-strategy")
        why["language"] = gr.Dropdown([], show_label=False, container=False, elem_id="why-language", min_width=120)
    with gr.Tabs():
        with bind(gr.Tab(texts("explore.tab_labels"), render_children=True), label="explore.tab_labels"):
            why["labels"] = gr.Plot(show_label=False)
        with bind(gr.Tab(texts("explore.tab_coherence"), render_children=True), label="explore.tab_coherence"):
            why["coherence"] = gr.Plot(show_label=False)
        with bind(gr.Tab(texts("explore.tab_map"), render_children=True), label="explore.tab_map"):
            why["map"] = gr.Plot(show_label=False)
        with bind(gr.Tab(texts("explore.tab_prompt"), render_children=True), label="explore.tab_prompt"):
            why["prompt"] = gr.HTML(elem_id="exact-prompt")
        with bind(gr.Tab(texts("explore.tab_details"), render_children=True), label="explore.tab_details"):
            why["details"] = gr.HTML()
    return why


def _stream(services: Services, tag: str, form: Form) -> Iterator[list[Any]]:
    """Updates of (status, results, predictions, why...) as a question is answered; errors become one sentence."""
    texts = catalogue(tag)
    unchanged = [gr.skip()] * 8
    wanted = len(form.answer_languages) or 1
    step: Step | None = None
    try:
        for step in services.explorer.ask(form):
            if not step.finished:
                shown = render(services, step.predictions, texts, wanted).results if step.predictions else gr.skip()
                yield [progress_line(step, texts), shown, gr.skip(), *unchanged]
    except CoreError as error:
        yield [message(str(error), "error"), gr.skip(), gr.skip(), *unchanged]
        return
    if step is not None:
        yield opened(services, step.predictions, texts)


def opened(services: Services, predictions: tuple[Prediction, ...], texts: Texts) -> list[Any]:
    """Updates that show finished predictions."""
    seen: Rendered = render(services, predictions, texts)
    return [
        "",
        seen.results,
        predictions,
        gr.update(choices=seen.chosen, value=[identity for _, identity in seen.chosen]),
        gr.update(choices=seen.strategies, value=seen.strategies[0][1] if seen.strategies else None),
        gr.update(choices=seen.languages, value=seen.languages[0][1] if seen.languages else None),
        seen.labels,
        seen.coherence,
        seen.map,
        seen.prompt,
        seen.details,
    ]


def _send(services: Services, predictions: tuple[Prediction, ...], texts: Texts) -> str:
    if not predictions:
        return message(texts("explore.nothing_to_send"))
    try:
        report = send(services.store, services.study.id, predictions)
    except AnnotationError as error:
        return message(str(error), "error")
    return message(texts("explore.sent", added=report.added, known=report.already_there))
