"""Choosing what is adjudicated and by whom, in Results, for organisers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from annotation.adjudication_records import Adjudicator
from annotation.errors import AnnotationError, InvalidRecord
from app.events import QUIET, Updates, bound
from app.html import message
from app.refusals import in_words
from app.results.adjudication import AdjudicationService, case_id
from app.results.disagreements import Reading
from app.study.board import language_name
from app.study.running import root_of
from app.texts import Localised, Texts, catalogue

WIDEST = 20  # items that are offered first
EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "results"}


@dataclass(frozen=True)
class AdjudicationTab:
    """The service and the components that handlers change."""

    service: AdjudicationService
    fold: gr.Accordion
    items: gr.Dropdown
    name: gr.Textbox
    link: gr.Textbox
    people: gr.HTML
    note: gr.HTML


def build_adjudication(
    service: AdjudicationService,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    session: gr.BrowserState,
    study: gr.Dropdown,
    events: tuple[Any, ...],
) -> None:
    """Build the fold; ``study`` is the one that Results shows, ``events`` are those after which it shows another state."""
    bind = localised.bind
    with gr.Accordion(texts("results.adjudicate"), open=False, visible=False, elem_id="results-adjudicate") as fold:
        bind(fold, label="results.adjudicate")
        bind(gr.Markdown(texts("results.adjudicate_hint"), elem_classes="agl-hint"), value="results.adjudicate_hint")
        with gr.Row():
            count = gr.Number(
                WIDEST, label=texts("results.adjudicate_count"), precision=0, minimum=1, elem_id="adjudicate-count"
            )
            widest = gr.Button(texts("results.adjudicate_widest"), elem_id="adjudicate-widest")
        items = gr.Dropdown([], multiselect=True, label=texts("results.adjudicate_items"), elem_id="adjudicate-items")
        name = gr.Textbox(label=texts("results.adjudicator"), max_lines=1, elem_id="adjudicate-name")
        give = gr.Button(texts("results.adjudicate_give"), elem_id="adjudicate-give")
        link = gr.Textbox(
            label=texts("results.adjudicate_link"),
            visible=False,
            interactive=False,
            buttons=["copy"],
            elem_id="adjudicate-link",
        )
        note, people = gr.HTML(elem_id="adjudicate-note"), gr.HTML(elem_id="adjudicate-people")
        with gr.Row():
            typed = gr.Textbox(label=texts("results.adjudicate_typed"), max_lines=1, elem_id="adjudicate-typed")
            remove = gr.Button(texts("results.adjudicate_remove"), elem_id="adjudicate-remove")
    for component, key in ((count, "adjudicate_count"), (items, "adjudicate_items"), (name, "adjudicator"),
                           (link, "adjudicate_link"), (typed, "adjudicate_typed")):  # fmt: skip
        bind(component, label=f"results.{key}")
    for button, key in ((widest, "adjudicate_widest"), (give, "adjudicate_give"), (remove, "adjudicate_remove")):
        bind(button, value=f"results.{key}")
    tab = AdjudicationTab(service, fold, items, name, link, people, note)
    base = [study, tag, session]
    for event in events:
        event(bound(show, tab), base, [fold, items, link, people, note], **EVENTS)
    widest.click(bound(choose, tab), [*base, count], [items, note], **EVENTS)
    give.click(bound(assign, tab), [*base, name, items], [items, link, people, note], **EVENTS)
    remove.click(bound(take_away, tab), [*base, typed], [link, people, note], **EVENTS)


def show(tab: AdjudicationTab, slug: str | None, tag: str, session: str) -> Updates:
    """What can be adjudicated and who does; the fold is hidden from anybody but an organiser."""
    try:
        _, rated = tab.service.cases(session, slug)
        people = tab.service.named(session, slug)
    except AnnotationError:
        return {tab.fold: gr.update(visible=False), tab.people: "", tab.note: "", tab.link: gr.update(visible=False)}
    texts = catalogue(tag)
    return {
        tab.fold: gr.update(visible=True),
        tab.items: gr.update(choices=[(_title(one), case_id(one)) for one in rated], value=[]),
        tab.link: gr.update(value="", visible=False),
        tab.people: people_html(people, texts),
        tab.note: "",
    }


def _title(one: Reading) -> str:
    """An item by its key, language and disagreement."""
    return f"{one.item_key} · {language_name(one.language)} · {100 * (one.disagreement or 0.0):.0f} %"


def choose(tab: AdjudicationTab, slug: str | None, tag: str, session: str, count: Any) -> Updates:
    """The items with the widest spread, chosen in the list."""
    try:
        chosen = tab.service.widest(session, slug, count if type(count) is int else WIDEST)
    except AnnotationError as error:
        return {tab.note: message(in_words(error, catalogue(tag)), "error")}
    return {tab.items: gr.update(value=chosen), tab.note: ""}


def assign(
    tab: AdjudicationTab, slug: str | None, tag: str, session: str, name: str, chosen: Sequence[str] | None,
    request: gr.Request,
) -> Updates:  # fmt: skip
    """Gives the chosen items to the adjudicator of that name; her link is shown this once."""
    texts = catalogue(tag)
    try:
        if not (name or "").strip():
            raise InvalidRecord("Write a name or a role for whoever adjudicates.", "name_adjudicator")
        who, path, added = tab.service.name(session, slug, name, chosen or ())
        people = tab.service.named(session, slug)
    except AnnotationError as error:
        return {tab.note: message(in_words(error, texts), "error")}
    line = texts("results.adjudicate_given", count=added, name=who.name)
    return {
        tab.items: gr.update(value=[]),
        tab.link: gr.update(value=f"{root_of(request)}/{path}", visible=True),
        tab.people: people_html(people, texts),
        tab.note: message(line),
    }


def take_away(tab: AdjudicationTab, slug: str | None, tag: str, session: str, typed: str) -> Updates:
    """Removes the adjudicator whose name was typed, with all she decided."""
    texts = catalogue(tag)
    try:
        count = tab.service.remove(session, slug, typed)
        people = tab.service.named(session, slug)
    except AnnotationError as error:
        return {tab.note: message(in_words(error, texts), "error")}
    return {
        tab.link: gr.update(value="", visible=False),
        tab.people: people_html(people, texts),
        tab.note: message(texts("results.adjudicate_removed", name=typed.strip(), count=count)),
    }


def people_html(people: Sequence[Adjudicator], texts: Texts) -> str:
    """Who adjudicates, and how far she is."""
    lines = "".join(
        f"<li><bdi>{escape(one.name)}</bdi>: "
        f"{escape(texts('results.adjudicate_progress', done=one.decided, total=one.cases))}</li>"
        for one in people
    )
    return f'<ul class="agl" dir="{texts.direction}">{lines}</ul>' if lines else ""
