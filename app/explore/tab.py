"""Layout of Explore, and which event calls which handler of ``app.explore.handlers``."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from app.events import QUIET
from app.explore.answer import Thread
from app.explore.controls import Offers, build_bar, build_choices
from app.explore.examples import examples
from app.explore.form import Form
from app.explore.handlers import ExploreHandlers
from app.explore.panels import progress_line
from app.explore.parts import ExploreParts
from app.explore.service import Step
from app.html import facts_line, message
from app.texts import Localised, Texts
from core.models.devices import Memory

# A press on a button of a card or a variant reaches the server as an event with what the button names.
PRESS = """element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const part = (name) => button.closest('.editor')?.querySelector(`[data-part=${name}]`)?.value ?? '';
  trigger('select', {act: button.dataset.act, id: button.dataset.id, text: part('text'), label: part('label')});
  const focus = (tries) => {  // on the candidates, once they are there
    const list = element.querySelector('.replacing select');
    if (list) list.focus(); else if (tries) setTimeout(() => focus(tries - 1), 100);
  };
  if (button.dataset.act === 'alternatives') focus(100);
})"""
# The link is put into the clipboard where the browser lets us, and stands ready to be copied by hand.
COPY = """(html) => {
  const box = new DOMParser().parseFromString(html, 'text/html').querySelector('#the-link');
  if (!box) return;
  const query = box.dataset.query, link = `${location.origin}${location.pathname}?${query}`;
  const show = (tries) => {
    const field = document.querySelector('#the-link');
    if (field?.dataset.query !== query) return tries ? setTimeout(() => show(tries - 1), 50) : null;
    field.value = link;
    field.onfocus = () => field.select();
  };
  show(40);
  navigator.clipboard?.writeText(link).catch(() => document.querySelector('#the-link')?.select());
}"""
# A file is made by the browser of what the server sent: nothing is written on the server's disk.
SAVE = """(content) => {
  if (!content) return;
  const {name, text} = JSON.parse(content);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""
MOST_AT_ONCE = 16  # questions under way, of which one at a time is answered by each model


def build_explore(offers: Offers, localised: Localised, tag: gr.State, texts: Texts) -> ExploreParts:
    """Build the tab."""
    forms = examples()
    thread = gr.State(Thread())
    bind = localised.bind
    bind(gr.Markdown(texts("explore.lead"), elem_id="explore-lead"), value="explore.lead")
    with gr.Row(elem_id="explore-top"):
        with gr.Column(scale=7, min_width=320):
            inputs = build_bar(localised, texts, offers, forms[0])
            model_facts = gr.HTML(facts_line(offers.describe(forms[0].model, texts)), elem_id="model-facts")
        with gr.Column(scale=1, min_width=130, elem_id="explore-ask"):
            ask = bind(gr.Button(texts("explore.ask"), variant="primary", elem_id="ask"), value="explore.ask")
            stop = bind(
                gr.Button(texts("explore.stop"), variant="stop", elem_id="stop", visible=False), value="explore.stop"
            )
    loading = Step((), "explore.step_load", {"megabytes": round(Memory.now().process)}, 0.05)
    with gr.Row(elem_id="explore-row"):
        with gr.Column(scale=2, min_width=290, elem_id="explore-controls"):
            inputs |= build_choices(localised, texts, offers, forms[0])
        with gr.Column(scale=7, min_width=320, elem_id="explore-content"):
            status = gr.HTML(progress_line(loading, texts), elem_id="explore-status")
            with gr.Column(elem_id="explore-answer") as answer:
                results = gr.HTML(elem_id="explore-results", js_on_load=PRESS)
                variants = gr.HTML(elem_id="explore-variants", js_on_load=PRESS)
                with gr.Row(elem_id="explore-actions"):
                    send = bind(gr.Button(texts("explore.send"), elem_id="send"), value="explore.send")
                    link = bind(gr.Button(texts("explore.copy_link"), elem_id="copy-link"), value="explore.copy_link")
                    save = bind(gr.Button(texts("explore.download"), elem_id="download-json"), value="explore.download")
                sent = gr.HTML(elem_id="explore-sent")
                take_back = bind(
                    gr.Button(texts("explore.take_back"), elem_id="take-back", visible=False, size="sm"),
                    value="explore.take_back",
                )
                saved = gr.Textbox(visible="hidden", elem_id="saved-json", label="json")
                why = build_why(localised, texts)
    gallery = _build_examples(localised, texts, forms)
    return ExploreParts(
        tag, thread, inputs, gallery, ask, stop, status, answer, results, variants, send, link, save, sent, take_back, saved, why,
        model_facts,
    )  # fmt: skip


def _build_examples(localised: Localised, texts: Texts, forms: Sequence[Form]) -> gr.Dataset:
    samples = [[form.text] for form in forms]
    gallery: gr.Dataset = localised.bind(
        gr.Dataset(
            components=["textbox"],
            label=texts("explore.examples"),
            samples=samples,
            samples_per_page=len(samples),
            type="index",
            elem_id="examples",
            layout="gallery",
        ),
        label="explore.examples",
    )
    return gallery


def build_why(localised: Localised, texts: Texts) -> dict[str, Any]:
    """The Why section by name: one tab a view; what takes time, or Plotly, waits until its tab is opened."""
    why: dict[str, Any] = {}
    bind = localised.bind
    bind(gr.Markdown(texts("explore.why"), elem_classes="agl-section"), value="explore.why")
    with gr.Row(elem_id="why-choice"):
        why["strategy"] = bind(
            gr.Radio([], label=texts("explore.strategy"), show_label=False, container=False, elem_id="why-strategy"),
            label="explore.strategy",
        )
        why["language"] = bind(
            gr.Dropdown(
                [],
                label=texts("explore.answers"),
                show_label=False,
                container=False,
                elem_id="why-language",
                min_width=120,
            ),
            label="explore.answers",
        )
    with gr.Tabs():
        with bind(gr.Tab(texts("explore.tab_labels"), render_children=True), label="explore.tab_labels"):
            why["labels"] = gr.HTML(elem_id="why-labels")
        with bind(gr.Tab(texts("tokens.tab"), render_children=True), label="tokens.tab") as why["tokens_tab"]:
            why["tokens"] = gr.HTML(elem_id="why-tokens")
            why["attribute"] = bind(gr.Button(texts("why.measure"), elem_id="why-attribute"), value="why.measure")
        with bind(gr.Tab(texts("why.tab"), render_children=True), label="why.tab") as why["order_tab"]:
            why["order"] = gr.HTML(elem_id="why-order")
            why["measure"] = bind(gr.Button(texts("why.measure"), elem_id="why-measure"), value="why.measure")
        with bind(gr.Tab(texts("explore.tab_coherence"), render_children=True), label="explore.tab_coherence"):
            why["coherence"] = gr.HTML(elem_id="why-coherence")
        with bind(gr.Tab(texts("explore.tab_map")), label="explore.tab_map") as why["map_tab"]:
            why["map_note"] = gr.HTML(elem_id="why-map-note")
            why["map"] = gr.Plot(show_label=False, visible=False, elem_id="why-map")
        with bind(gr.Tab(texts("explore.tab_prompt"), render_children=True), label="explore.tab_prompt"):
            why["prompt"] = gr.HTML(elem_id="exact-prompt")
        with bind(gr.Tab(texts("explore.tab_details"), render_children=True), label="explore.tab_details"):
            why["details"] = gr.HTML(elem_id="why-details")
    why["order"].value = message(texts("why.lead"))
    return why


def wire_explore(handlers: ExploreHandlers) -> None:
    """Connect the tab's events."""
    parts = handlers.parts
    asking: dict[str, Any] = {**QUIET, "concurrency_id": "model", "concurrency_limit": MOST_AT_ONCE}
    showing: dict[str, Any] = {**QUIET, "concurrency_id": "show"}
    controls = {parts.tag, parts.thread, *parts.inputs.values()}
    chosen = {parts.tag, parts.thread, parts.why["strategy"], parts.why["language"]}
    questions = [
        parts.ask.click(handlers.ask, controls, parts.outputs, **asking),
        parts.inputs["text"].submit(handlers.ask, controls, parts.outputs, **asking),
        parts.examples.click(
            handlers.ask_example, {parts.tag, parts.thread, parts.examples, parts.inputs["run"], parts.inputs["model"]},
            parts.outputs, **asking,
        ),
        parts.results.select(handlers.press, {parts.tag, parts.thread}, parts.outputs, **asking),
        parts.variants.select(handlers.press, {parts.tag, parts.thread}, parts.outputs, **asking),
    ]  # fmt: skip
    parts.stop.click(handlers.stop, {parts.tag, parts.thread}, parts.outputs, cancels=questions, queue=False, **QUIET)
    reasons = [parts.why[name] for name in ("labels", "tokens", "coherence", "prompt", "order", "map", "map_note")]
    for component in (parts.why["strategy"], parts.why["language"]):
        component.input(handlers.show_reasons, chosen, reasons, **showing)
    for event in (parts.why["order_tab"].select, parts.why["measure"].click):
        event(handlers.measure, chosen, parts.why["order"], **asking)
    for event in (parts.why["tokens_tab"].select, parts.why["attribute"].click):
        event(handlers.attribute, chosen, parts.why["tokens"], **asking)
    parts.why["map_tab"].select(handlers.show_map, chosen, [parts.why["map"], parts.why["map_note"]], **showing)
    sending = [parts.sent, parts.thread, parts.take_back]
    parts.send.click(handlers.sharing.send, {parts.tag, parts.thread}, sending, **showing)
    parts.take_back.click(handlers.sharing.take_back, {parts.tag, parts.thread}, sending, **showing)
    parts.inputs["model"].change(handlers.show_model, {parts.tag, parts.inputs["model"]}, parts.model_facts, **showing)
    link = parts.link.click(handlers.sharing.link, {parts.tag, parts.thread}, parts.sent, **showing)
    link.then(None, parts.sent, None, js=COPY)  # a State never reaches the browser; what is shown does
    save = parts.save.click(handlers.sharing.save, {parts.tag, parts.thread}, [parts.saved, parts.sent], **showing)
    save.then(None, parts.saved, None, js=SAVE)


def control_updates(parts: ExploreParts, values: Mapping[str, Any]) -> dict[Any, Any]:
    """Updates that make the controls show ``values``, by name."""
    return {parts.inputs[name]: value for name, value in values.items()}
