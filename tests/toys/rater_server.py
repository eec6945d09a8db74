"""The raters' page served alone, without Gradio and models, so that a browser test of it takes seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from app_server import free_port
from starlette.applications import Starlette

from annotation.store import RatingStore
from app.rate.routes import rater_routes


@contextmanager
def raters_page(store: RatingStore) -> Iterator[str]:
    """The page's address while it is served."""
    port = free_port()
    config = uvicorn.Config(Starlette(routes=rater_routes(store)), port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}/rate"
    finally:
        server.should_exit = True
        thread.join(10)
