"""The raters' page served alone, without Gradio and models, so that a browser test of it takes seconds."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from web_server import serving

from annotation.store import RatingStore
from app.rate.routes import rater_routes


@contextmanager
def raters_page(store: RatingStore) -> Iterator[str]:
    """The page's address while it is served."""
    with serving(Starlette(routes=rater_routes(store)), lifespan="off") as port:
        yield f"http://127.0.0.1:{port}/rate"
