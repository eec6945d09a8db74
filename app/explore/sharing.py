"""What can be done with the answer on show: send it to raters and take that back, link to it, save it."""

import json
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any, TypeAlias

import gradio as gr

from annotation.errors import AnnotationError
from app.events import Updates
from app.explore.answer import Thread
from app.explore.link import query_string
from app.explore.parts import ExploreParts
from app.explore.sending import Outbox
from app.html import message
from app.rate.tab import link as rating_link
from app.texts import catalogue
from core.errors import CoreError

Values: TypeAlias = dict[Any, Any]  # of components


class SharingHandlers:
    """The handlers, with what they work with."""

    def __init__(self, outbox: Outbox, allow: Callable[[str, Any], None], parts: ExploreParts) -> None:
        """``allow``: see ``ExploreHandlers``."""
        self.outbox, self.allow, self.parts = outbox, allow, parts

    def send(self, values: Values, request: gr.Request) -> Updates:
        """Put the answers on show into the study of Explore's outputs."""
        texts, response = catalogue(values[self.parts.tag]), values[self.parts.thread].response
        if response is None:
            return {self.parts.sent: message(texts("explore.nothing_to_send"))}
        try:
            self.allow("send", request)
            report = self.outbox.send(response.predictions)
        except (AnnotationError, CoreError) as error:
            return {self.parts.sent: message(str(error), "error")}
        thread: Thread = values[self.parts.thread]
        sent = (
            report.output_ids or thread.sent
        )  # pressed again, nothing is new, and the first press can still be undone
        sentence = escape(texts("explore.sent", added=report.added, known=report.already_there))
        link = rating_link(self.outbox.slug, texts)
        note = f'<p class="message note" role="status" data-answer="{response.id}">{sentence}</p>'
        return {
            self.parts.sent: note + link,
            self.parts.thread: replace(thread, sent=sent),
            self.parts.take_back: gr.update(visible=bool(sent)),
        }

    def take_back(self, values: Values, request: gr.Request) -> Updates:
        """Undo the last press on Send."""
        texts, thread = catalogue(values[self.parts.tag]), values[self.parts.thread]
        try:
            self.allow("send", request)
            count = self.outbox.take_back(thread.sent)
        except (AnnotationError, CoreError) as error:
            return {self.parts.sent: message(str(error), "error")}
        left = len(thread.sent) - count
        sentence = texts("explore.taken_back", count=count)
        if left:
            sentence = f"{sentence} {texts('explore.taken_back_not', count=left)}"
        return {
            self.parts.sent: message(sentence),
            self.parts.thread: replace(thread, sent=()),
            self.parts.take_back: gr.update(visible=False),
        }

    def link(self, values: Values) -> Updates:
        """The link of the answer on show; the browser puts the page's own address before its parameters."""
        texts, response = catalogue(values[self.parts.tag]), values[self.parts.thread].response
        if response is None:
            return {self.parts.sent: message(texts("explore.nothing_to_send"))}
        pinned = values[self.parts.thread].pinned
        query = escape(query_string(replace(response.form, pinned=response.form.pinned or pinned)))
        box = (
            f'<input id="the-link" type="text" readonly dir="ltr" data-query="{query}" data-answer="{response.id}" '
            f'aria-label="{escape(texts("explore.copy_link"))}">'
        )
        return {self.parts.sent: f"{message(texts('explore.link_copied'))}{box}"}

    def save(self, values: Values, request: gr.Request) -> Updates:
        """The answer on show as JSON, for the browser to make a file of."""
        texts, response = catalogue(values[self.parts.tag]), values[self.parts.thread].response
        if response is None:
            return {self.parts.saved: "", self.parts.sent: message(texts("explore.nothing_to_send"))}
        try:
            self.allow("files", request)
        except CoreError as error:
            return {self.parts.saved: "", self.parts.sent: message(str(error), "error")}
        file = {"name": f"agl-{response.id}.json", "text": response.as_json()}
        return {self.parts.saved: json.dumps(file, ensure_ascii=False), self.parts.sent: ""}
