"""What the events of Explore do. Every handler returns updates by component; all views come from the one response on show."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape
from typing import Any, TypeAlias

import gradio as gr

from app.events import Updates
from app.explore.answer import Response, Thread
from app.explore.cards import Replacing
from app.explore.controls import form_of, values_of
from app.explore.editing import pressed
from app.explore.examples import examples
from app.explore.form import UNTRAINED, Form
from app.explore.panels import progress_line, result_panels
from app.explore.parts import ExploreParts
from app.explore.sending import Outbox
from app.explore.service import ExploreService, Step
from app.explore.sharing import SharingHandlers
from app.explore.view import Reasons, draw_map, measure_tokens, measure_why, picked, reasons_of, render
from app.html import facts_line, message
from app.texts import Texts, catalogue
from core.data.tasks import Task
from core.errors import CoreError
from core.models.catalogue import DEFAULT

Values: TypeAlias = dict[Any, Any]  # of components


class ExploreHandlers:
    """The handlers, with what they work with."""

    def __init__(
        self,
        explore: ExploreService,
        tasks: Mapping[str, Task],
        outbox: Outbox,
        allow: Callable[[str, Any], None],
        parts: ExploreParts,
    ) -> None:
        """``allow`` counts what a visitor asks for and raises ``CoreError`` for one too many."""
        self.explore, self.tasks, self.allow, self.parts = explore, tasks, allow, parts
        self.sharing = SharingHandlers(outbox, allow, parts)
        self._newest: dict[str, object] = {}  # the newest question of each open page

    def ask(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """A new question, as the controls say it."""
        form = form_of({name: values[component] for name, component in self.parts.inputs.items()})
        thread: Thread = values[self.parts.thread]
        yield from self.stream(replace(form, pinned=thread.pinned), thread, values[self.parts.tag], request)

    def ask_example(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """A ready question, of the model and the run that are chosen."""
        parts = self.parts
        run = values[parts.inputs["run"]] or ""
        form = replace(examples()[int(values[parts.examples])], run=run, model=values[parts.inputs["model"]] or DEFAULT)
        if run:
            form = replace(form, strategies=("agl", UNTRAINED))
        names = ("text", "language", "task", "answer_languages")
        filled = {parts.inputs[name]: values_of(form)[name] for name in names}
        for update in self.stream(form, Thread(), values[parts.tag], request):
            yield {**filled, **update}

    def press(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """A button of a card or a variant: pin, show another variant, or ask a changed question."""
        thread, texts = values[self.parts.thread], catalogue(values[self.parts.tag])
        data = {name: str(event._data.get(name) or "") for name in ("act", "id", "text", "label")}
        if data["act"] in ("variant", "undo"):
            yield self.show(thread.undo() if data["act"] == "undo" else thread.show(data["id"]), texts)
            return
        response = thread.response
        if data["act"] == "alternatives" and response is not None:
            yield self._offer(response, thread, data["id"], texts, request)
            return
        if data["act"] == "self_test" and response is not None:
            yield from self._self_test(response, thread, data["id"], texts, request)
            return
        outcome = (
            pressed(data["act"], data["id"], response, thread.pinned, data["text"], data["label"]) if response else None
        )
        if outcome is None or response is None:
            yield {self.parts.status: ""}
            return
        pinned = replace(thread, pinned=outcome.pinned)
        if outcome.form is None:
            yield {
                self.parts.thread: pinned,
                self.parts.results: render(self.explore, self.tasks, pinned, texts).results,
            }
            return
        others = {prediction.provenance["strategy"]: prediction for prediction in response.predictions[1:]}
        yield from self.stream(
            outcome.form,
            pinned,
            texts.tag,
            request,
            lambda made: pinned.add(outcome.change, outcome.values, made),
            others,
        )

    def _offer(self, response: Response, thread: Thread, identity: str, texts: Texts, request: gr.Request) -> Updates:
        """Candidates for the place of one demonstration, under its card."""
        parts = self.parts
        try:
            self.allow("explore", request)
            replacing = Replacing(identity, self.explore.alternatives(response.predictions[0]))
        except CoreError as error:
            return {parts.status: message(str(error), "error")}
        return {parts.status: "", parts.results: render(self.explore, self.tasks, thread, texts, replacing).results}

    def _self_test(
        self, response: Response, thread: Thread, position: str, texts: Texts, request: gr.Request
    ) -> Iterator[Updates]:
        """Self-tests of one panel's directions; what is on show stays, and a newer question of the same page ends them."""
        parts, page = self.parts, str(request.session_hash)
        own = self._newest[page] = object()
        yield {parts.ask: gr.update(visible=False), parts.stop: gr.update(visible=True)}
        try:
            self.allow("explore", request)
            for step in self.explore.self_test(picked(response, position, None)[0]):
                if self._newest.get(page) is not own:
                    return
                yield {parts.status: progress_line(step, texts)}
            results = render(self.explore, self.tasks, thread, texts).results
            yield {parts.status: "", parts.results: results, **self._idle()}
        except CoreError as error:
            yield {parts.status: message(str(error), "error"), **self._idle()}
        finally:
            if self._newest.get(page) is own:
                del self._newest[page]

    def stream(
        self,
        form: Form,
        thread: Thread,
        tag: str,
        request: gr.Request,
        join: Callable[[Response], Thread] | None = None,
        answered: Mapping[str, Any] | None = None,
    ) -> Iterator[Updates]:
        """Updates as a question is answered. ``join`` puts the response into the thread (default: a new question begins).

        An error is one sentence, and what was on show before stays greyed. A newer question of the same page ends this one.
        """
        texts = catalogue(tag)
        begun = self._begun(thread, texts, new=join is None)
        try:
            yield from self.follow(self._allowed(form, answered, request), form, thread, texts, request, join, begun)
        except CoreError as error:
            yield {self.parts.status: message(str(error), "error"), **self._idle()}

    def _allowed(self, form: Form, answered: Mapping[str, Any] | None, request: gr.Request) -> Iterator[Step]:
        self.allow("explore", request)
        yield from self.explore.ask(form, answered)

    def follow(
        self,
        steps: Iterator[Step],
        form: Form,
        thread: Thread,
        texts: Texts,
        request: gr.Request,
        join: Callable[[Response], Thread] | None = None,
        begun: Updates | None = None,
    ) -> Iterator[Updates]:
        """``begun``, then updates by the steps of an answer; a newer question of the same page ends them. Raises what the steps raise."""
        page = str(request.session_hash)
        own = self._newest[page] = object()
        try:
            if begun is not None:
                yield begun
            for step in steps:
                if self._newest.get(page) is not own:
                    return
                if step.response is None:
                    yield self._going_on(step, form, thread, texts)
                else:
                    yield self.show(join(step.response) if join else thread.begin(step.response), texts)
        finally:
            if self._newest.get(page) is own:
                del self._newest[page]

    def _idle(self) -> Updates:
        return {self.parts.ask: gr.update(visible=True), self.parts.stop: gr.update(visible=False)}

    def _begun(self, thread: Thread, texts: Texts, new: bool) -> Updates:
        """A question is under way: the answer on show is greyed, and nothing that is pressed now is taken for the new one's."""
        parts = self.parts
        updates: Updates = {
            parts.status: progress_line(Step((), "explore.step_begin", {}, 0.0), texts),
            parts.answer: gr.update(elem_classes=["stale"]),
            parts.ask: gr.update(visible=False),
            parts.stop: gr.update(visible=True),
            **self._sharing(False),
        }
        if new:
            updates |= {
                parts.thread: Thread(pinned=thread.pinned),
                parts.variants: "",
                **self._reasons(Reasons(), texts),
            }
            updates |= {parts.why["details"]: ""}
        return updates

    def _going_on(self, step: Step, form: Form, thread: Thread, texts: Texts) -> Updates:
        updates: Updates = {self.parts.status: progress_line(step, texts)}
        if step.predictions:
            expected = len(form.answer_languages) or 1
            note = texts("explore.partial_pool", count=step.partial_pool) if step.partial_pool else ""
            panels = result_panels(
                step.predictions, self.tasks, texts, expected, thread.pinned, note=note, tests=self.explore.self_tests
            )
            updates |= {self.parts.results: panels, self.parts.answer: gr.update(elem_classes=["growing"])}
        return updates

    def show(self, thread: Thread, texts: Texts) -> Updates:
        """Every view of the response on show."""
        parts, view = self.parts, render(self.explore, self.tasks, thread, texts)
        choices = {"strategy": view.strategies, "language": view.languages}
        lists = {
            parts.why[name]: gr.update(choices=list(listed), value=listed[0][1] if listed else None)
            for name, listed in choices.items()
        }
        return {
            parts.thread: thread,
            parts.status: "",
            parts.answer: gr.update(elem_classes=[]),
            parts.results: view.results,
            parts.variants: view.variants,
            parts.why["details"]: view.details,
            **lists,
            **self._reasons(view.reasons, texts),
            **self._sharing(thread.response is not None),
            **self._idle(),
        }

    def _reasons(self, reasons: Reasons, texts: Texts) -> Updates:
        why = self.parts.why
        return {
            why["labels"]: reasons.labels,
            why["coherence"]: reasons.coherence,
            why["prompt"]: reasons.prompt,
            why["tokens"]: message(texts("tokens.lead")),
            why["order"]: message(texts("why.lead")),
            why["map"]: gr.update(visible=False, value=None),
            why["map_note"]: message(texts("explore.map_open")),
        }

    def _sharing(self, possible: bool) -> Updates:
        parts = self.parts
        buttons = {button: gr.update(interactive=possible) for button in (parts.send, parts.link, parts.save)}
        return {**buttons, parts.take_back: gr.update(visible=False), parts.sent: "", parts.saved: ""}

    def stop(self, values: Values, request: gr.Request) -> Updates:
        """End the question under way; what was finished before stays on show."""
        thread, texts = values[self.parts.thread], catalogue(values[self.parts.tag])
        self._newest.pop(str(request.session_hash), None)
        updates = self.show(thread, texts) if thread.response is not None else self._idle()
        return {**updates, self.parts.status: message(texts("explore.stopped"))}

    def show_reasons(self, values: Values) -> Updates:
        """Why, for another strategy or language."""
        texts, why = catalogue(values[self.parts.tag]), self.parts.why
        response = values[self.parts.thread].response
        chosen = values[why["strategy"]], values[why["language"]]
        return self._reasons(Reasons() if response is None else reasons_of(response, self.tasks, texts, *chosen), texts)

    def measure(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """Order, labels and sentences of one answer, measured now."""
        yield from self._measured("order", "why.working", measure_why, values, request)

    def attribute(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """What raised one answer over its runner-up, measured now."""
        yield from self._measured("tokens", "tokens.working", measure_tokens, values, request)

    def _measured(
        self, name: str, stage: str, measure: Callable[..., str], values: Values, request: gr.Request
    ) -> Iterator[Updates]:
        texts, why = catalogue(values[self.parts.tag]), self.parts.why
        response = values[self.parts.thread].response
        yield {why[name]: progress_line(Step((), stage, {}, 0.5), texts)}
        try:
            self.allow("explore", request)
            chosen = values[why["strategy"]], values[why["language"]]
            yield {why[name]: measure(self.explore, self.tasks, response, texts, *chosen)}
        except CoreError as error:
            yield {why[name]: message(str(error), "error")}

    def show_map(self, values: Values) -> Updates:
        """The map of the pool; Plotly is loaded by the browser when the first one is shown."""
        texts, why = catalogue(values[self.parts.tag]), self.parts.why
        response = values[self.parts.thread].response
        figure = draw_map(self.explore, self.tasks, response, texts, values[why["strategy"]])
        caption = texts("explore.map_caption" if figure is not None else "explore.map_none")
        note = f'<p class="quiet">{escape(caption)}</p>'
        return {why["map"]: gr.update(visible=figure is not None, value=figure), why["map_note"]: note}

    def show_model(self, values: Values) -> Updates:
        """What is known of the model in the field: size, licence with its terms, offline or not."""
        texts = catalogue(values[self.parts.tag])
        facts = self.explore.models.describe(str(values[self.parts.inputs["model"]] or ""), texts)
        return {self.parts.model_facts: facts_line(facts)}
