"""The components of Explore that its handlers read and change."""

from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class ExploreParts:
    """The components of the tab."""

    tag: gr.State  # language of the page
    thread: gr.State  # see ``Thread``
    inputs: dict[str, Any]  # controls by name
    examples: gr.Dataset
    ask: gr.Button
    stop: gr.Button
    status: gr.HTML
    answer: gr.Column  # everything that belongs to one response
    results: gr.HTML
    variants: gr.HTML
    send: gr.Button
    link: gr.Button
    save: gr.Button
    sent: gr.HTML
    take_back: gr.Button  # what was sent last
    saved: gr.Textbox  # what the browser makes a file of
    why: dict[str, Any]
    model_facts: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """What an answer may change."""
        sections = (
            "strategy",
            "language",
            "labels",
            "tokens",
            "order",
            "coherence",
            "map",
            "map_note",
            "prompt",
            "details",
        )
        return [
            self.thread, self.ask, self.stop, self.status, self.answer, self.results, self.variants, self.send, self.link,
            self.save, self.sent, self.take_back, self.saved, *self.inputs.values(), *(self.why[name] for name in sections),
        ]  # fmt: skip
