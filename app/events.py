"""Binds a handler of a tab, a module function, to what it works with, so that Gradio sees only what the browser sends."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

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
