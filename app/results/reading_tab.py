"""Comments and disagreements to read, in Results, for organisers alone: raters are named by their pseudonyms and comments stand there."""

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from annotation.records import Study
from annotation.scales import NOT_APPLICABLE, Answer
from annotation.span_records import Spans
from app.criteria import criterion_label, question_label
from app.events import QUIET, Updates, bound
from app.html import message, wide
from app.rate.item import direction_json
from app.results.disagreements import Order, Reading, ReadOutput, readings
from app.results.ratings import ResultsService
from app.results.ratings_table import method_name
from app.study.board import language_name
from app.texts import Localised, Texts, catalogue

ALL = "all"
PAGE = 10  # items that are shown at first, and with each press of "more"
EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "results"}


@dataclass(frozen=True)
class ReadingTab:
    """The service and the components that handlers change."""

    service: ResultsService
    fold: gr.Accordion
    language: gr.Dropdown
    system: gr.Dropdown
    only_comments: gr.Checkbox
    items: gr.HTML
    more: gr.Button
    count: gr.State


def build_reading(
    service: ResultsService,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    session: gr.BrowserState,
    study: gr.Dropdown,
    events: tuple[Any, ...],
) -> None:
    """Build the fold; ``study`` is the one that Results shows, ``events`` are those after which it shows another state."""
    bind = localised.bind
    with gr.Accordion(texts("results.read"), open=False, visible=False, elem_id="results-read") as fold:
        bind(fold, label="results.read")
        bind(gr.Markdown(texts("results.read_hint"), elem_classes="agl-hint"), value="results.read_hint")
        with gr.Row():
            language = gr.Dropdown([], label=texts("results.language"), elem_id="read-language")
            system = gr.Dropdown([], label=texts("results.method"), elem_id="read-system")
            only = gr.Checkbox(False, label=texts("results.only_comments"), elem_id="read-comments")
        items = gr.HTML(elem_id="read-items")
        more = bind(
            gr.Button(texts("results.read_more"), visible=False, elem_id="read-more"), value="results.read_more"
        )
    for component, key in ((language, "language"), (system, "method"), (only, "only_comments")):
        bind(component, label=f"results.{key}")
    tab = ReadingTab(service, fold, language, system, only, items, more, gr.State(PAGE))
    inputs = [study, language, system, only, tag, session]
    everything = [fold, language, system, items, more, tab.count]
    for event in (*events, language.input, system.input, only.input):
        event(bound(show, tab), inputs, everything, **EVENTS)
    more.click(bound(show_more, tab), [*inputs, tab.count], everything, **EVENTS)


def show(
    tab: ReadingTab, slug: str | None, language: str, system: str, only_comments: bool, tag: str, session: str,
    count: int = PAGE,
) -> Updates:  # fmt: skip
    """The first items of a study that an organiser reads; the fold is hidden from anybody else."""
    try:
        study, data = tab.service.reading(session, slug)
    except AnnotationError:
        return {tab.fold: gr.update(visible=False), tab.items: "", tab.more: gr.update(visible=False)}
    texts = catalogue(tag)
    tags = sorted({one.language for one in data.outputs if one.item_kind == "normal"})
    systems = sorted({one.system for one in data.outputs if one.item_kind == "normal"})
    language, system = (language if language in tags else ALL), (system if system in systems else ALL)
    listed = readings(
        study,
        data,
        language=None if language == ALL else language,
        system=None if system == ALL else system,
        only_comments=bool(only_comments),
    )
    every = (texts("results.all_languages"), ALL)
    return {
        tab.fold: gr.update(visible=True),
        tab.language: gr.update(choices=[every, *((language_name(one), one) for one in tags)], value=language),
        tab.system: gr.update(
            choices=[(texts("results.all_methods"), ALL), *((method_name(one, texts), one) for one in systems)],
            value=system,
        ),
        tab.items: items_html(study, listed[:count], len(listed), texts),
        tab.more: gr.update(visible=len(listed) > count),
        tab.count: count,
    }


def show_more(
    tab: ReadingTab, slug: str | None, language: str, system: str, only_comments: bool, tag: str, session: str,
    count: int,
) -> Updates:  # fmt: skip
    """The next items below those on show."""
    return show(tab, slug, language, system, only_comments, tag, session, min(int(count), 10_000) + PAGE)


def items_html(study: Study, listed: list[Reading], total: int, texts: Texts) -> str:
    """Items as articles, each text in its own language and direction; everything is escaped."""
    if not listed:
        return message(texts("results.read_none"))
    names = {one.key: criterion_label(one, texts) for one in study.criteria}
    questions = {one.key: question_label(one, texts) for one in study.preferences}
    line = texts("results.read_count", count=len(listed), total=total)
    articles = "".join(_article(one, names, questions, texts) for one in listed)
    return f'<div class="agl reading" dir="{texts.direction}"><p class="quiet">{escape(line)}</p>{articles}</div>'


def _article(one: Reading, names: dict[str, str], questions: dict[str, str], texts: Texts) -> str:
    share = "–" if one.disagreement is None else f"{100 * one.disagreement:.0f} %"
    head = (
        f"<h3><bdi>{escape(one.item_key)}</bdi> · <bdi>{escape(language_name(one.language))}</bdi> · "
        f"{escape(texts('results.disagreement'))} <span class='figure'>{share}</span></h3>"
    )
    judges = tuple(
        dict.fromkeys(
            name
            for output in one.outputs
            for row in (*output.adjudicated.values(), output.adjudicated_marks, *one.adjudicated_orders.values())
            for name in row
        )
    )
    outputs = "".join(_output(output, one.raters, judges, names, texts) for output in one.outputs)
    outputs += _orders(one, judges, questions, texts)
    written = _written("comments", one.comments, texts) + _written("reasons", one.reasons, texts)
    return f"<article>{head}{_spoken(one.source_text, one.source_language, 'source')}{outputs}{written}</article>"


def _written(key: str, remarks: tuple[tuple[str, str], ...], texts: Texts) -> str:
    """What people wrote, each under a name."""
    lines = "".join(
        f'<li><b><bdi>{escape(who)}</bdi></b> <span dir="auto">{escape(text)}</span></li>' for who, text in remarks
    )
    return f"<h4>{escape(texts(f'results.{key}'))}</h4><ul>{lines}</ul>" if lines else ""


def _spoken(text: str, tag: str, css: str) -> str:
    facts = direction_json(tag)
    return f'<p class="{css}" lang="{escape(tag)}" dir="{facts["dir"]}">{escape(text)}</p>'


def _output(
    output: ReadOutput, raters: tuple[str, ...], judges: tuple[str, ...], names: dict[str, str], texts: Texts
) -> str:
    heads = _heads(raters, judges, texts)
    rows = ""
    for key, name in names.items():
        by_rater = output.values.get(key, {})
        differ = len(set(by_rater.values())) > 1
        cells = "".join(f"<td>{_value(by_rater.get(rater), texts)}</td>" for rater in raters)
        by_judge = output.adjudicated.get(key, {})
        cells += "".join(f'<td class="decided">{_value(by_judge.get(name), texts)}</td>' for name in judges)
        rows += f'<tr class="{"differ" if differ else ""}"><th scope="row">{escape(name)}</th>{cells}</tr>'
    if output.marks:
        cells = "".join(f"<td>{_marks(output, output.marks.get(rater), texts)}</td>" for rater in raters)
        decided = output.adjudicated_marks
        cells += "".join(f'<td class="decided">{_marks(output, decided.get(name), texts)}</td>' for name in judges)
        css = "differ" if len(set(output.marks.values())) > 1 else ""
        rows += f'<tr class="{css}"><th scope="row">{escape(texts("page.marked"))}</th>{cells}</tr>'
    name = method_name(output.system, texts)
    table = wide(name, f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    system = f'<p class="system"><bdi>{escape(name)}</bdi></p>'
    return f"<section>{system}{_spoken(output.text, output.language, 'output')}{table}</section>"


def _heads(raters: tuple[str, ...], judges: tuple[str, ...], texts: Texts) -> str:
    decided = escape(texts("results.adjudicated"))
    return "".join(f'<th scope="col"><bdi>{escape(rater)}</bdi></th>' for rater in raters) + "".join(
        f'<th scope="col" class="decided">{decided}: <bdi>{escape(name)}</bdi></th>' for name in judges
    )


def _marks(output: ReadOutput, spans: Spans | None, texts: Texts) -> str:
    """The errors that one person marked, in the words of the output."""
    if not spans:
        return "–" if spans is None else escape(texts("page.mark_none"))
    return ", ".join(
        f'<bdi lang="{escape(output.language)}">{escape(output.text[one.start : one.end])}</bdi> '
        f"({escape(texts(f'page.{one.severity}'))})"
        for one in spans
    )


def _orders(one: Reading, judges: tuple[str, ...], questions: dict[str, str], texts: Texts) -> str:
    """A row for each person with her order on each question, the best system first; what was decided comes last."""
    if not one.orders:
        return ""
    keys = list(one.orders)
    differ = {key for key in keys if len({in_words(order, texts) for order in one.orders[key].values()}) > 1}
    decided = escape(texts("results.adjudicated"))
    rows = "".join(
        _row(f"<bdi>{escape(name)}</bdi>", [one.orders[key].get(name) for key in keys], "", texts)
        for name in one.raters
    ) + "".join(
        _row(
            f"{decided}: <bdi>{escape(name)}</bdi>",
            [one.adjudicated_orders.get(key, {}).get(name) for key in keys],
            "decided",
            texts,
        )
        for name in judges
    )
    heads = "".join(
        f'<th scope="col" class="{"differ" if key in differ else ""}">{escape(questions.get(key, key))}</th>'
        for key in keys
    )
    title = texts("page.compare")
    table = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<section class="orders"><p class="system">{escape(title)}</p>{wide(title, table)}</section>'


def _row(name: str, orders: list[Order | None], css: str, texts: Texts) -> str:
    cells = "".join(f"<td>{'–' if order is None else in_words(order, texts)}</td>" for order in orders)
    return f'<tr class="{css}"><th scope="row">{name}</th>{cells}</tr>'


def in_words(order: Order, texts: Texts) -> str:
    """An order as HTML, the best first: "AGL > kNN = Random", from left to right in every language."""
    systems = sorted(order, key=lambda system: (order[system], system))
    signs = ["", *(" &gt; " if order[after] > order[before] else " = " for before, after in pairwise(systems))]
    names = [f"<bdi>{escape(method_name(system, texts))}</bdi>" for system in systems]
    return f'<bdi dir="ltr">{"".join(sign + name for sign, name in zip(signs, names, strict=True))}</bdi>'


def _value(value: Answer | None, texts: Texts) -> str:
    """A point, "not applicable" in words, or a dash where nothing was answered."""
    return "–" if value is None else escape(texts("page.not_applicable")) if value == NOT_APPLICABLE else str(value)
