"""What all events of the page share, and a tab's handler bound to what it works with, so that Gradio sees only what the browser sends."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

# For every event: no public endpoint, no progress of Gradio's (handlers show their own), and so no component to show it on. Without the
# last, the browser tells every output of an event, and all that lies in it, each change of a status that nobody sees.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "show_progress_on": ()}
Updates = dict[Any, Any]  # component -> its new value or ``gr.update``; a component that is not named stays as it is


def bound(handler: Callable[..., Any], tab: Any) -> Callable[..., Any]:
    """``handler`` without its first parameter, which is ``tab``.

    ``functools.partial`` would not do: Gradio reads the annotations of a handler to know where it wants the request
    or a profile, and a partial has none.
    """

    @functools.wraps(handler)
    def call(*values: Any) -> Any:
        return handler(tab, *values)

    signature = inspect.signature(handler)
    call.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return call
