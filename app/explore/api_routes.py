"""The endpoints that programs may call, and the page that describes them. Everything else of the app is private.

Gradio makes an endpoint of each function, describes them in ``gradio_api/openapi.json``, and offers them as MCP tools where that is
switched on. A question shares the model's queue with Explore, so that no program gets ahead of people, and raters have routes of their own.
"""

import functools
import importlib.util
import inspect
from collections.abc import Callable
from html import escape
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.context import LocalContext
from gradio.route_utils import get_root_url
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app.explore.api import Public
from core.errors import CoreError, InvalidConfig

P = ParamSpec("P")
R = TypeVar("R")
NAMES = ("languages", "strategies", "ask")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "pre{overflow-x:auto;padding:.75rem;border:1px solid #8886}dt{font-family:ui-monospace,monospace}"
    ":root{color-scheme:light dark}"
)


def build_public_api(public: Public, allow: Callable[[Any], None]) -> None:
    """Add the endpoints to the page that is being built; ``allow`` raises ``CoreError`` for a visitor's request that is one too many."""
    for name in NAMES:
        model = {"concurrency_id": "model"} if name == "ask" else {}
        gr.api(_in_a_sentence(getattr(public, name), allow if name == "ask" else None), api_name=name, **model)


def _in_a_sentence(function: Callable[P, R], allow: Callable[[Any], None] | None = None) -> Callable[P, R]:
    """Faults that a person can mend are raised as Gradio errors; the signature stays, from which Gradio takes the types."""

    @functools.wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            request = LocalContext.request.get()  # as an argument it would be part of the signature
            if allow is not None and request is not None:
                allow(request)
            return function(*args, **kwargs)
        except CoreError as error:
            raise gr.Error(escape(str(error), quote=False), print_exception=False) from error

    return answer


def still_connected() -> bool:
    """Whether the client of the call in progress still waits for it; Gradio marks the events of closed connections."""
    blocks, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if blocks is None or event_id is None:
        return True
    jobs = [event for job in blocks._queue.active_jobs if job for event in job]
    return all(event.alive for event in jobs if event._id == event_id)


def mcp_available(enabled: bool) -> bool:
    """Whether MCP is to be served. Raises ``InvalidConfig`` when it is enabled and its package is not there."""
    if enabled and importlib.util.find_spec("mcp") is None:
        raise InvalidConfig(
            "MCP is wanted, but its package is not installed; run pip install 'gradio[mcp]', or leave MCP off."
        )
    return enabled


def api_routes() -> list[BaseRoute]:
    """``/api``: what can be called, for people."""
    return [Route("/api", _page)]


def _page(request: Request) -> Response:
    """Made from the functions themselves, so that it cannot say anything else than they do."""
    root = get_root_url(request, "/api", request.app.blocks.root_path)  # as a proxy in front says
    parts = "".join(_described(getattr(Public, name), root) for name in NAMES)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>AGL for programs</title><style>{_STYLE}</style><h1>AGL for programs</h1>"
        f'<p>Machine-readable: <a href="gradio_api/openapi.json">openapi.json</a>. A call is posted, then its result is fetched.</p>'
        f"{parts}</html>",
        headers=_HEADERS,
    )


def _described(function: Callable[..., Any], root: str) -> str:
    lead, _, rest = inspect.cleandoc(function.__doc__ or "").partition("\n\nArgs:\n")
    meant = dict(line.strip().split(": ", 1) for line in rest.splitlines() if ": " in line)
    rows = ""
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        needed = parameter.default is inspect.Parameter.empty
        default = "" if needed else f" = {parameter.default!r}"
        rows += f"<dt>{escape(str(parameter))}</dt>" if needed else f"<dt>{escape(_typed(parameter) + default)}</dt>"
        rows += f"<dd>{escape(meant.get(parameter.name, ''))}</dd>"
    name = function.__name__
    body = '\'{"text": "Timu ilishinda mchezo.", "language": "swh_Latn"}\'' if name == "ask" else "'{}'"
    example = (
        f"id=$(curl -s {root}/gradio_api/call/v2/{name} -H 'Content-Type: application/json' -d {body} | cut -d'\"' -f4)\n"
        f"curl -N {root}/gradio_api/call/{name}/$id"
    )
    return f"<h2>{name}</h2><p>{escape(lead)}</p><dl>{rows}</dl><pre>{escape(example)}</pre>"


def _typed(parameter: inspect.Parameter) -> str:
    """The name of a parameter with its type, as the source has it."""
    kind = parameter.annotation
    return f"{parameter.name}: {kind.__name__ if isinstance(kind, type) and not hasattr(kind, '__args__') else kind}"
