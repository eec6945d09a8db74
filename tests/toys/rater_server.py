"""The raters' page served alone, without Gradio and models, so that a browser test of it takes seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Page
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


@dataclass
class Served:
    """A running page over a store that the test can look into."""

    url: str
    store: RatingStore
    study: Study
    open: Callable[..., Page]

    def link(self, language: str) -> str:
        return f"{self.url}?study=topics#rater={self.store.new_rater(self.study.id, language)[1]}"
