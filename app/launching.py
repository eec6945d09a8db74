"""How the page is queued and served: arguments of Gradio's ``queue`` and ``launch`` that every start of the app uses."""

from typing import Any

from starlette.middleware import Middleware

from app.access.guard import MOST_UPLOAD, Guard
from app.explore.api_routes import api_routes
from app.rate.routes import rater_routes
from app.services import Services

# Each queue takes at most so many of the 40 threads that Gradio has, so that a full one leaves threads to the others; the
# raters' page has threads of its own. ``api_open=False``: nobody calls past a queue and its limit.
QUEUE: dict[str, Any] = {"default_concurrency_limit": 4, "max_size": 500, "api_open": False}


def served_with(services: Services) -> dict[str, Any]:
    """Arguments of ``launch``: the routes of raters and programs in front of Gradio's, the guard around both, the size of an upload."""
    guard = Middleware(Guard, access=services.access, limits=services.limits)
    return {
        "app_kwargs": {
            "routes": [*rater_routes(services.store, services.allow, services.previews), *api_routes()],
            "middleware": [guard],
        },
        "max_file_size": MOST_UPLOAD,
        "show_error": False,
    }
