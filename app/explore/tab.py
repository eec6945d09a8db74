"""Layout and wiring of Explore."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from app.explore.editing import pressed
from app.explore.form import build_form, form_of
from app.explore.link import query_string
from app.explore.panels import progress_line
from app.explore.service import UNTRAINED, Form, Step, send
from app.explore.view import SHOWN, Rendered, build_why, render, wire_why, write_json
from app.html import message
from app.rate.tab import link as rating_link
from app.services import Services
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError
from core.languages import language
from core.models.devices import Memory
from core.records import Prediction

# A press on a button of a card reaches the server as an event with the card's id.
PRESS = """element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (button) trigger('select', {act: button.dataset.act, id: button.dataset.id});
})"""
# The link is put into the clipboard where the browser lets us, and stands ready to be copied by hand.
COPY = """(html) => {
  const found = new DOMParser().parseFromString(html, 'text/html').querySelector('#the-link');
  const query = found.dataset.query, link = `${location.origin}${location.pathname}?${query}`;
  const show = (tries) => {
    const field = document.querySelector('#the-link');
    if (field?.dataset.query !== query) return tries ? setTimeout(() => show(tries - 1), 50) : null;
    field.value = link;
    field.onfocus = () => field.select();
  };
  show(40);
  navigator.clipboard?.writeText(link).catch(() => document.querySelector('#the-link')?.select());
}"""


@dataclass(frozen=True)
class ExploreParts:
    """What the rest of the page needs of the tab."""

    predictions: gr.State  # the predictions on show
    pinned: gr.State  # ids of pinned demonstrations
    stop: gr.Button  # cancels what the page itself asks
    shown: list[Any]  # components that ``opened`` updates
    inputs: dict[str, Any]  # controls by name


def build_explore(services: Services, localised: Localised, tag: gr.State, texts: Texts) -> ExploreParts:
    """Build the tab."""
    explorer = services.explorer
    forms = explorer.examples()
    first = forms[0]
    predictions, pinned = gr.State(()), gr.State(())
    with gr.Row(elem_id="explore-row"):
        with gr.Column(scale=2, min_width=290):
            served = explorer.engines.served is not None
            inputs = build_form(localised, texts, services.languages, first, services.training.finished, served)
            with gr.Row():
                ask = localised.bind(
                    gr.Button(texts("explore.ask"), variant="primary", elem_id="ask"), value="explore.ask"
                )
                stop = localised.bind(gr.Button(texts("explore.stop"), elem_id="stop"), value="explore.stop")
        with gr.Column(scale=7, min_width=320):
            localised.bind(gr.Markdown(texts("explore.lead"), elem_id="explore-lead"), value="explore.lead")
            waiting = progress_line(
                Step((), "explore.step_load", {"megabytes": round(Memory.now().process)}, 0.05), texts
            )
            status = gr.HTML(waiting, elem_id="explore-status")
            results = gr.HTML(elem_id="explore-results", js_on_load=PRESS)
            with gr.Row():
                to_rate = localised.bind(gr.Button(texts("explore.send"), elem_id="send"), value="explore.send")
                save = localised.bind(
                    gr.DownloadButton(texts("explore.download"), elem_id="download-json"), label="explore.download"
                )
                share = localised.bind(
                    gr.Button(texts("explore.copy_link"), elem_id="copy-link"), value="explore.copy_link"
                )
            sent = gr.HTML(elem_id="explore-sent")
            why = build_why(localised, texts)
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
    shown = [status, results, predictions, *(why[name] for name in SHOWN)]

    def run(request: gr.Request, tag_now: str, kept: tuple[str, ...], *values: Any) -> Iterator[list[Any]]:
        form = form_of(dict(zip(inputs, values, strict=True)))
        yield from stream(services, tag_now, replace(form, pinned=kept), request)

    def press(
        event: gr.EventData,
        request: gr.Request,
        tag_now: str,
        kept: tuple[str, ...],
        found: tuple[Prediction, ...],
        *values: Any,
    ) -> Iterator[list[Any]]:
        edit = pressed(str(event._data.get("act")), str(event._data.get("id")), found[0], kept) if found else None
        if edit is None:
            yield [gr.skip()] * (len(shown) + 1)
            return
        if edit.kept is None:
            marked = render(services, found, catalogue(tag_now), pinned=edit.pinned).results
            yield [edit.pinned, gr.skip(), marked, *[gr.skip()] * (len(shown) - 2)]
            return
        form = form_of(dict(zip(inputs, values, strict=True)))
        query = found[0].query  # what the cards belong to, whatever has been typed since
        form = replace(form, text=query.text, language=query.language, task=found[0].task)
        for update in stream(services, tag_now, replace(form, kept=edit.kept, pinned=edit.pinned), request):
            yield [edit.pinned, *update]

    def show_example(place: int, tag_now: str, run: str | None, request: gr.Request) -> Iterator[list[Any]]:
        form = replace(forms[place], run=run or "")
        if form.run:
            form = replace(form, strategies=("agl", UNTRAINED))
        filled = [form.text, form.language, form.task, list(form.answer_languages)]
        for update in stream(services, tag_now, form, request):
            yield [*filled, (), *update]

    started = ask.click(
        run,
        [tag, pinned, *listed],
        shown,
        concurrency_id="model",
        concurrency_limit=1,
        show_progress="hidden",
        api_visibility="private",
    )
    typed = inputs["text"].submit(
        run, [tag, pinned, *listed], shown, concurrency_id="model", show_progress="hidden", api_visibility="private"
    )
    filled = [inputs[name] for name in ("text", "language", "task", "answer_languages")]
    clicked = examples.click(
        show_example,
        [examples, tag, inputs["run"]],
        [*filled, pinned, *shown],
        concurrency_id="model",
        show_progress="hidden",
        api_visibility="private",
    )
    repeated = results.select(
        press,
        [tag, pinned, predictions, *listed],
        [pinned, *shown],
        concurrency_id="model",
        show_progress="hidden",
        api_visibility="private",
    )
    stop.click(
        lambda tag_now: message(catalogue(tag_now)("explore.stopped")),
        tag,
        status,
        cancels=[started, typed, clicked, repeated],
        queue=False,
        api_visibility="private",
    )
    wire_why(services, why, predictions, tag)
    _wire_sharing(
        services, predictions, pinned, tag, inputs, {"rate": to_rate, "save": save, "link": share, "sent": sent}
    )
    return ExploreParts(predictions, pinned, stop, shown, inputs)


def _wire_sharing(
    services: Services,
    predictions: gr.State,
    pinned: gr.State,
    tag: gr.State,
    inputs: dict[str, Any],
    parts: dict[str, Any],
) -> None:
    """What leaves Explore: outputs to Rate, a file, a link."""
    sent = parts["sent"]

    def linked(tag_now: str, kept: tuple[str, ...], *values: Any) -> str:
        return _link(tag_now, replace(form_of(dict(zip(inputs, values, strict=True))), pinned=kept))

    def to_rate(found: tuple[Prediction, ...], tag_now: str, request: gr.Request) -> str:
        return _send(services, found, catalogue(tag_now), request)

    def to_file(found: tuple[Prediction, ...], request: gr.Request) -> Any:
        try:
            services.allow("files", request)
        except CoreError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return write_json(services.folder, found)

    parts["rate"].click(to_rate, [predictions, tag], sent, api_visibility="private", concurrency_id="show")
    parts["save"].click(to_file, predictions, parts["save"], api_visibility="private", concurrency_id="show")
    copied = parts["link"].click(
        linked,
        [tag, pinned, *inputs.values()],
        sent,
        show_progress="hidden",
        api_visibility="private",
        concurrency_id="show",
    )
    copied.then(None, sent, None, js=COPY)  # a State never reaches the browser; what is shown does


def stream(services: Services, tag: str, form: Form, request: gr.Request) -> Iterator[list[Any]]:
    """Updates of (status, results, predictions, why...) as a visitor's question is answered; errors become one sentence."""
    texts = catalogue(tag)
    unchanged = [gr.skip()] * len(SHOWN)
    wanted = len(form.answer_languages) or 1
    step: Step | None = None
    try:
        services.allow("explore", request)
        for step in services.explorer.ask(form):
            if not step.finished:
                ready = step.predictions
                shown = render(services, ready, texts, wanted, form.pinned).results if ready else gr.skip()
                yield [progress_line(step, texts), shown, gr.skip(), *unchanged]
    except CoreError as error:
        yield [message(str(error), "error"), gr.skip(), gr.skip(), *unchanged]
        return
    if step is not None:
        yield opened(services, step.predictions, texts, form.pinned)


def opened(
    services: Services, predictions: tuple[Prediction, ...], texts: Texts, pinned: tuple[str, ...] = ()
) -> list[Any]:
    """Updates that show finished predictions."""
    seen: Rendered = render(services, predictions, texts, pinned=pinned)
    return [
        "",
        seen.results,
        predictions,
        gr.update(choices=seen.strategies, value=seen.strategies[0][1] if seen.strategies else None),
        gr.update(choices=seen.languages, value=seen.languages[0][1] if seen.languages else None),
        seen.labels,
        message(texts("why.lead")),
        seen.coherence,
        seen.map,
        seen.prompt,
        seen.details,
    ]


def _link(tag: str, form: Form) -> str:
    """A form's link, for the eye; it holds the parameters, and the browser puts the page's own address before them."""
    texts, query = catalogue(tag), query_string(form)
    return (
        f'{message(texts("explore.link_copied"))}<input id="the-link" type="text" readonly dir="ltr" '
        f'data-query="{escape(query)}" aria-label="{escape(texts("explore.copy_link"))}">'
    )


def _send(services: Services, predictions: tuple[Prediction, ...], texts: Texts, request: gr.Request) -> str:
    if not predictions:
        return message(texts("explore.nothing_to_send"))
    try:
        services.allow("send", request)
        report = send(services.store, services.study.id, predictions)
    except AnnotationError as error:
        return message(str(error), "error")
    return message(texts("explore.sent", added=report.added, known=report.already_there)) + rating_link(
        services.study.slug, texts
    )
