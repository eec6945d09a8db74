"""The raters' page served alone, without Gradio and models, so that a browser test of it takes seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chromium import PATIENCE_MS
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from web_server import serving

from annotation.records import Study
from annotation.store import RatingStore
from app.rate.routes import rater_routes


@contextmanager
def raters_page(store: RatingStore) -> Iterator[str]:
    """The page's address while it is served."""
    with serving(Starlette(routes=rater_routes(store)), lifespan="off") as port:
        yield f"http://127.0.0.1:{port}/rate"


@contextmanager
def browsers(chromium: Browser, url: str) -> Iterator[Callable[..., Page]]:
    """Opens addresses below ``url``, each in a browser of its own; no page may have failed or asked elsewhere by the end."""
    contexts, errors, foreign = [], [], []

    def open_page(address: str, width: int = 1440, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("request", lambda call: None if call.url.startswith((url, "data:")) else foreign.append(call.url))
        page = context.new_page()
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert (errors, foreign) == ([], [])


@dataclass
class Served:
    """A running page over a store that the test can look into."""

    url: str
    store: RatingStore
    study: Study
    open: Callable[..., Page]

    def link(self, language: str) -> str:
        return f"{self.url}?study=topics#rater={self.store.new_rater(self.study.id, language)[1]}"
