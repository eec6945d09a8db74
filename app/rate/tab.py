"""The tab Rate: how much there is to rate of what was sent from Explore, and the link to the raters' own page.

Rating itself happens there: Gradio's queue drops events that wait when a browser's line breaks, the page does not.
"""

from html import escape
from typing import Any

import gradio as gr

from annotation.store import RatingStore
from app.events import QUIET, Updates, bound
from app.html import message
from app.texts import Localised, Texts, catalogue

EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "ratings"}


class RateTab:
    """The collection that Explore fills, and the panel that shows it."""

    def __init__(self, store: RatingStore, study_id: int, slug: str, panel: gr.HTML) -> None:
        self.store, self.study_id, self.slug, self.panel = store, study_id, slug, panel


def build_rate(
    store: RatingStore, study_id: int, slug: str, localised: Localised, tag: gr.State, texts: Texts, tab: gr.Tab
) -> None:
    """Build the tab; what there is to rate is counted each time it is opened."""
    localised.bind(gr.Markdown(texts("rate.lead")), value="rate.lead")
    parts = RateTab(store, study_id, slug, gr.HTML(elem_id="rate-open"))
    for event in (tab.select, tag.change):
        event(bound(show, parts), tag, parts.panel, **EVENTS)


def show(tab: RateTab, tag: str) -> Updates:
    """How many texts wait, by language, and the link; a sentence where nothing was sent yet."""
    texts, items = catalogue(tag), tab.store.stock(tab.study_id).items
    if not items:
        return {tab.panel: message(texts("rate.empty"))}
    return {tab.panel: message(texts("rate.waiting", count=sum(items.values()))) + link(tab.slug, texts)}


def link(slug: str, texts: Texts) -> str:
    """A link to the raters' page for a study that is open to all; in a tab of its own, so that nothing here is lost."""
    return (
        f'<p class="agl" dir="{texts.direction}"><a class="agl-link" target="_blank" rel="noopener" href="rate?study={escape(slug)}">'
        f"{escape(texts('rate.start'))}</a></p>"
    )
