"""How the page is queued and served: arguments of Gradio's ``queue`` and ``launch`` that every start of the app uses."""

import sys
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from app.access.guard import MOST_UPLOAD, Guard
from app.access.header_time import bound_header_time
from app.access.own_events import OwnEvents
from app.access.queue_limits import MOST_WAITING, bound_queue
from app.explore.api_routes import api_routes
from app.rate.routes import rater_routes
from app.services import Services

if TYPE_CHECKING:
    from gradio import Blocks

# Each queue takes at most so many of the 40 threads that Gradio has, so that a full one leaves threads to the others; the
# raters' page has threads of its own. ``api_open=False``: nobody calls past a queue and its limit.
QUEUE: dict[str, Any] = {"default_concurrency_limit": 4, "max_size": MOST_WAITING, "api_open": False}

# Gradio sums up its last 10,000 events after every event, in pandas, for a page that is closed here; it keeps and sums up none.
NEVER = sys.maxsize

QUEUE_POLL_S = 0.02  # of the queue for something to do; Gradio looks 1,000 times a second, 4 % of a processor that does nothing else


def queued(page: "Blocks", services: Services) -> None:
    """Give the page its queue, and queue and connections their bounds."""
    page.queue(**QUEUE)
    page._queue.sleep_when_free = QUEUE_POLL_S
    page._queue.ANAYLTICS_CACHE_FREQUENCY, page._queue.ANALYTICS_MAX_EVENTS = NEVER, 1  # the first is spelt so
    bound_queue(page._queue, services.visitor, services.limits.active)
    bound_header_time()


def served_with(services: Services, page: "Blocks") -> dict[str, Any]:
    """Arguments of ``launch`` for a page with its queue: routes of raters and programs in front of Gradio's, guards around all, sizes."""
    guard = Middleware(Guard, access=services.access, limits=services.limits)
    return {
        "app_kwargs": {
            "routes": [*rater_routes(services.store, services.allow, services.previews), *api_routes()],
            "middleware": [guard, Middleware(OwnEvents, queue=page._queue)],
        },
        "max_file_size": MOST_UPLOAD,
        "show_error": False,
    }
