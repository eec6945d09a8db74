"""Many queries at once, at the foot of Explore: what is asked, how far it is, and the table, whose rows open in Explore."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr

from app.batch.queries import MOST_CHARACTERS, text_of_file
from app.batch.service import BatchForm, BatchService
from app.batch.view import batch_view
from app.events import QUIET, Updates
from app.explore.controls import Offers
from app.explore.form import DETECT, MOST_K, Form
from app.explore.panels import progress_line
from app.explore.service import Step
from app.html import message
from app.items.rows import Choice
from app.items.view import CHOOSE
from app.strategies import strategy_title
from app.texts import Localised, Texts, catalogue
from core.errors import CoreError, InvalidData
from core.selection.strategies import STRATEGIES

SECONDS = 2.0  # between looks at a batch that goes on
EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "batch"}
Values: TypeAlias = dict[Any, Any]  # of components


@dataclass(frozen=True)
class BatchParts:
    """The components."""

    tag: gr.State
    form: dict[str, Any]  # controls by name
    start: gr.Button
    stop: gr.Button
    go_on: gr.Button
    status: gr.HTML
    result: gr.HTML
    name: gr.State  # of this page's batch
    timer: gr.Timer

    @property
    def outputs(self) -> list[Any]:
        """What a look at a batch changes."""
        return [self.start, self.stop, self.go_on, self.status, self.result, self.name, self.timer]


class BatchHandlers:
    """What the events do."""

    def __init__(self, service: BatchService, allow: Callable[[str, Any], None], parts: BatchParts) -> None:
        """``allow`` counts what a visitor asks for and raises ``CoreError`` for one too many."""
        self.service, self.allow, self.parts = service, allow, parts

    def begin(self, values: Values, request: gr.Request) -> Updates:
        """Start a batch, as the controls say it."""
        parts, texts = self.parts, catalogue(values[self.parts.tag])
        chosen = {name: values[part] for name, part in parts.form.items() if part in values}
        plain = BatchForm()
        form = BatchForm(
            chosen["task"] or plain.task,
            tuple(chosen["strategies"] or ()),
            plain.k if chosen["k"] is None else int(chosen["k"]),
            chosen["model"] or plain.model,
        )
        try:
            self.allow("batch", request)
            name = self.service.start(form, chosen["queries"] or "", chosen["language"] or DETECT)
        except CoreError as error:
            return {parts.status: message(str(error), "error")}
        return self._look(name, texts)

    def resume(self, values: Values, request: gr.Request) -> Updates:
        """Go on with this page's batch."""
        name, texts = values[self.parts.name], catalogue(values[self.parts.tag])
        try:
            self.allow("batch", request)
            self.service.go_on(name)
        except CoreError as error:
            return {self.parts.status: message(str(error), "error")}
        return self._look(name, texts)

    def end(self, values: Values) -> Updates:
        """Ask this page's batch to end."""
        state = self.service.state
        if state is not None and state.name == values[self.parts.name]:
            self.service.stop()
        return {self.parts.status: message(catalogue(values[self.parts.tag])("batch.stopping"))}

    def look(self, values: Values) -> Updates:
        """A look at this page's batch."""
        return self._look(values[self.parts.name], catalogue(values[self.parts.tag]))

    def _look(self, name: str, texts: Texts) -> Updates:
        parts, state = self.parts, self.service.state
        going = state is not None and state.name == name and state.going
        updates: Updates = {
            parts.name: name,
            parts.start: gr.update(interactive=not going),
            parts.stop: gr.update(visible=going),
            parts.go_on: gr.update(visible=False),
            parts.timer: gr.Timer(active=going),
        }
        if going and state is not None:
            title = strategy_title(texts, state.stage) if state.stage else texts("explore.step_pool")
            values = {"share": f"{state.share:.0%}", "strategy": title, "left": _left(state.seconds_left)}
            return {
                **updates,
                parts.status: progress_line(Step((), "batch.working", values, state.share), texts),
                parts.result: "",
            }
        try:
            batch = self.service.read(name)
        except CoreError as error:
            return {**updates, parts.status: message(str(error), "error")}
        failure = state.error if state is not None and state.name == name else ""
        if batch.items is None:
            note = message(failure, "error") if failure else message(texts("batch.stopped"))
            return {**updates, parts.status: note, parts.go_on: gr.update(visible=True)}
        return {
            **updates,
            parts.status: "",
            parts.result: batch_view(batch, self.service.tasks[batch.form.task], texts),
        }

    def choose(self, values: Values, event: gr.EventData) -> Updates:
        """Other rows of this page's batch."""
        parts, texts = self.parts, catalogue(values[self.parts.tag])
        try:
            batch = self.service.read(values[parts.name])
        except CoreError as error:
            return {parts.status: message(str(error), "error")}
        if batch.items is None:
            return {parts.status: ""}
        task = self.service.tasks[batch.form.task]
        return {parts.result: batch_view(batch, task, texts, Choice.of(event._data))}

    def read_file(self, path: str | None) -> Updates:
        """The text of an uploaded file into the field, where it can be looked at before it is asked."""
        parts = self.parts
        if not path:
            return {}
        try:
            with Path(path).open("rb") as file:
                content = file.read(4 * MOST_CHARACTERS + 1)  # one byte too many is refused
            return {parts.form["queries"]: text_of_file(path, content), parts.status: ""}
        except CoreError as error:
            return {parts.form["queries"]: "", parts.status: message(str(error), "error")}

    def question(self, name: str, identity: str) -> Form:
        """The question of one row, for Explore. Raises ``InvalidData`` for a row that is not there."""
        batch = self.service.read(name)
        query = next((query for query in batch.queries if query.id == identity), None)
        if query is None:
            raise InvalidData("There is no such row in this batch.")
        return batch.form.explore(query)


def _left(seconds: float | None) -> str:
    """As in Explore; a dash before anything was measured."""
    if seconds is None:
        return "–"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def build_batch(
    service: BatchService,
    allow: Callable[[str, Any], None],
    offers: Offers,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
) -> BatchHandlers:
    """Build it, folded until it is wanted."""
    bind = localised.bind
    with bind(gr.Accordion(texts("batch.title"), open=False, elem_id="batch"), label="batch.title"):
        bind(gr.Markdown(texts("batch.lead")), value="batch.lead")
        form = _build_form(localised, texts, offers, files=not service.strangers)
        with gr.Row():
            start = bind(gr.Button(texts("batch.start"), variant="primary", elem_id="batch-start"), value="batch.start")
            stop = bind(gr.Button(texts("explore.stop"), visible=False, elem_id="batch-stop"), value="explore.stop")
            go_on = bind(gr.Button(texts("batch.go_on"), visible=False, elem_id="batch-go-on"), value="batch.go_on")
        status = gr.HTML(elem_id="batch-status")
        result = gr.HTML(elem_id="batch-result", js_on_load=CHOOSE)
    timer = gr.Timer(SECONDS, active=False)
    parts = BatchParts(tag, form, start, stop, go_on, status, result, gr.State(""), timer)
    handlers = BatchHandlers(service, allow, parts)
    inputs, mine = {tag, *(part for name, part in form.items() if name != "file")}, {tag, parts.name}
    start.click(handlers.begin, inputs, parts.outputs, **EVENTS)
    go_on.click(handlers.resume, mine, parts.outputs, **EVENTS)
    stop.click(handlers.end, mine, status, **EVENTS)
    result.submit(handlers.choose, mine, [result, status], trigger_mode="multiple", **EVENTS)
    timer.tick(handlers.look, mine, parts.outputs, **EVENTS)
    form["file"].upload(handlers.read_file, form["file"], [form["queries"], status], **EVENTS)
    return handlers


def _build_form(localised: Localised, texts: Texts, offers: Offers, files: bool) -> dict[str, Any]:
    """The controls by name. ``files``: whether visitors may send some; where strangers come, organisers alone do."""
    bind = localised.bind

    def tasks(now: Texts) -> list[tuple[str, str]]:
        return [(now(f"explore.task_{name}"), name) for name in ("topic", "sentiment")]

    def strategies(now: Texts) -> list[tuple[str, str]]:
        return [(strategy_title(now, name), name) for name in STRATEGIES if name != "agl-untrained"]

    def languages(now: Texts) -> list[tuple[str, str]]:
        return [(now("explore.detect"), DETECT), *offers.named]

    form: dict[str, Any] = {}
    form["queries"] = bind(
        gr.Textbox(
            lines=6, max_lines=16, max_length=MOST_CHARACTERS, label=texts("batch.queries"),
            info=texts("batch.queries_hint"), elem_id="batch-queries",
        ),
        label="batch.queries",
        info="batch.queries_hint",
    )  # fmt: skip
    kinds = [".csv", ".tsv", ".jsonl", ".json", ".txt"]
    form["file"] = bind(
        gr.File(label=texts("study.file"), file_types=kinds, height=130, elem_id="batch-file", visible=files),
        label="study.file",
    )
    with gr.Row():
        lists: dict[str, tuple[str, Any, Any, bool]] = {
            "language": ("explore.language", languages, DETECT, False),
            "task": ("explore.task", tasks, "topic", False),
            "model": ("explore.model", offers.models, Form("").model, False),
        }
        for name, (key, choices, value, several) in lists.items():
            form[name] = bind(
                gr.Dropdown(
                    choices(texts), value=value, multiselect=several, label=texts(key), elem_id=f"batch-{name}"
                ),
                label=key,
                choices=choices,
            )
    with gr.Row():
        form["strategies"] = bind(
            gr.Dropdown(
                strategies(texts), value=list(BatchForm().strategies), multiselect=True, max_choices=4,
                label=texts("batch.strategies"), elem_id="batch-strategies", scale=3,
            ),
            label="batch.strategies",
            choices=strategies,
        )  # fmt: skip
        form["k"] = bind(
            gr.Slider(0, MOST_K, value=4, step=1, label=texts("explore.count"), elem_id="batch-k"),
            label="explore.count",
        )
    return form
