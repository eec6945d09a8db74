"""Letting a model grade the outputs of a study, in Results, for organisers alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from annotation.judge_records import Judge
from app.events import QUIET, Updates, bound
from app.html import bar, message
from app.refusals import in_words
from app.results.judging import JudgeService, Judging
from app.texts import Localised, Texts, catalogue

EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "results"}
SECONDS = 2.0  # between two looks at a model that grades
Offers = Callable[[Texts], list[tuple[str, str]]]  # names and values of the models that can be chosen


@dataclass(frozen=True)
class JudgeTab:
    """The service and the components that handlers change."""

    service: JudgeService
    offers: Offers
    fold: gr.Accordion
    model: gr.Dropdown
    state: gr.HTML
    listed: gr.HTML
    which: gr.Dropdown
    timer: gr.Timer

    @property
    def everything(self) -> list[Any]:
        """What the handlers change."""
        return [self.fold, self.model, self.state, self.listed, self.which, self.timer]


def build_judge(
    service: JudgeService,
    offers: Offers,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    session: gr.BrowserState,
    study: gr.Dropdown,
    events: tuple[Any, ...],
) -> None:
    """Build the fold; ``study`` is the one that Results shows, ``events`` are those after which it shows another state."""
    bind = localised.bind
    with gr.Accordion(texts("results.judge_title"), open=False, visible=False, elem_id="results-judge") as fold:
        bind(fold, label="results.judge_title")
        bind(gr.Markdown(texts("results.judge_lead"), elem_classes="agl-hint"), value="results.judge_lead")
        models = offers(texts)
        model = gr.Dropdown(
            models,
            value=models[0][1] if models else None,
            label=texts("results.judge"),
            allow_custom_value=True,
            elem_id="judge-model",
        )
        with gr.Row():
            start = gr.Button(texts("results.judge_start"), elem_id="judge-start")
            stop = gr.Button(texts("results.judge_stop"), elem_id="judge-stop")
        state, listed = gr.HTML(elem_id="judge-state"), gr.HTML(elem_id="judge-listed")
        with gr.Row():
            which = gr.Dropdown([], label=texts("results.judge_which"), elem_id="judge-which")
            remove = gr.Button(texts("results.judge_remove"), elem_id="judge-remove")
    bind(model, label="results.judge", choices=offers)
    bind(which, label="results.judge_which")
    for button, key in ((start, "judge_start"), (stop, "judge_stop"), (remove, "judge_remove")):
        bind(button, value=f"results.{key}")
    tab = JudgeTab(service, offers, fold, model, state, listed, which, gr.Timer(SECONDS, active=False))
    base = [study, tag, session]
    for event in events:
        event(bound(show, tab), base, tab.everything, **EVENTS)
    tab.timer.tick(bound(show, tab), base, tab.everything, **EVENTS)
    start.click(bound(begin, tab), [*base, model], tab.everything, **EVENTS)
    stop.click(bound(end, tab), base, tab.everything, **EVENTS)
    remove.click(bound(take_away, tab), [*base, which], tab.everything, **EVENTS)


def show(tab: JudgeTab, slug: str | None, tag: str, session: str) -> Updates:
    """The models that graded and how far one is; the fold is hidden from anybody but an organiser."""
    try:
        judges = tab.service.judges(session, slug)
        progress = tab.service.progress(session, slug)
    except AnnotationError:
        return {tab.fold: gr.update(visible=False), tab.state: "", tab.listed: "", tab.timer: gr.Timer(active=False)}
    texts = catalogue(tag)
    names = [one.name for one in judges]
    return {
        tab.fold: gr.update(visible=True),
        tab.state: state_html(progress, texts),
        tab.listed: judges_html(judges, texts),
        tab.which: gr.update(choices=names, value=names[0] if names else None),
        tab.timer: gr.Timer(active=progress is not None and progress.going),
    }


def begin(tab: JudgeTab, slug: str | None, tag: str, session: str, model: str | None) -> Updates:
    """Lets the chosen model grade; it goes on where it was."""
    return _after(tab, slug, tag, session, lambda: tab.service.start(session, slug, (model or "").strip()))


def end(tab: JudgeTab, slug: str | None, tag: str, session: str) -> Updates:
    """Asks the model that grades to stop."""
    return _after(tab, slug, tag, session, lambda: tab.service.stop(session))


def take_away(tab: JudgeTab, slug: str | None, tag: str, session: str, name: str | None) -> Updates:
    """Deletes what one model gave."""
    return _after(tab, slug, tag, session, lambda: tab.service.remove(session, slug, name or ""))


def _after(tab: JudgeTab, slug: str | None, tag: str, session: str, work: Callable[[], object]) -> Updates:
    try:
        work()
    except AnnotationError as error:
        return {**show(tab, slug, tag, session), tab.state: message(in_words(error, catalogue(tag)), "error")}
    return show(tab, slug, tag, session)


def state_html(progress: Judging | None, texts: Texts) -> str:
    """How far the model is, what stopped it, or that it is done."""
    if progress is None:
        return ""
    if progress.error:
        return message(progress.error, "error")
    values = {"model": progress.model, "done": progress.done, "total": progress.total}
    if not progress.going:
        return message(texts("results.judge_stopped" if progress.stopped else "results.judge_done", **values))
    share = progress.done / progress.total if progress.total else 0.0
    line = texts("results.judge_going", **values)
    return f'<p class="agl" role="status" dir="{texts.direction}">{bar(share)} {escape(line)}</p>'


def judges_html(judges: Sequence[Judge], texts: Texts) -> str:
    """The models, how far each is, and by which prompt."""
    lines = "".join(
        f"<li><bdi>{escape(one.name)}</bdi>: "
        + escape(
            texts(
                "results.judge_progress",
                done=one.scored,
                total=one.total,
                long=one.too_long,
                prompt=one.prompt_version,
            )
        )
        + "</li>"
        for one in judges
    )
    return f'<ul class="agl" dir="{texts.direction}">{lines}</ul>' if lines else ""
