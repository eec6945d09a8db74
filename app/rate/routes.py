"""The rating page over HTTP: one page, its files, and a few JSON endpoints that sit beside Gradio in one server.

Gradio's queue drops events that wait when a browser's line breaks, so ratings do not go through it. The routes go
in front of Gradio's own (``launch(app_kwargs={"routes": ...})``). A token travels in a header, never in an address that
the server would log. Each endpoint authorises by itself; answers are JSON with ``error`` and ``message`` when refused.
"""

import json
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from annotation.errors import (
    AnnotationError,
    ConsentMissing,
    DatabaseUnavailable,
    InvalidInvitation,
    InvalidParticipant,
    MovedItem,
    NewerAnswers,
    NoSlotLeft,
    StudyClosed,
    UnknownRater,
    UnknownStudy,
)
from annotation.store import RatingStore
from app.access.limits import TooMany
from app.rate.adjudication import PREFIX as ADJUDICATOR
from app.rate.adjudication import AdjudicationService
from app.rate.item import Json, words
from app.rate.participation import Participation
from app.rate.preview import PREFIX, Previews, PreviewService
from app.rate.service import RaterService
from app.texts import preferred, rater_languages, rater_words

FILES = Path(__file__).resolve().parent / "page"
THREADS = 16  # of the raters' own: whatever Gradio's handlers wait for, these are free
MOST_BYTES = 65_536  # of one request; a long comment in any script is a quarter of it
_SERVED = {path.name: path for path in FILES.iterdir() if path.suffix in {".js", ".css"}}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_CODES: list[tuple[type[AnnotationError], int, str]] = [
    (TooMany, 429, "slower"),  # the page tries again, here and in the next
    (DatabaseUnavailable, 503, "unavailable"),
    (InvalidParticipant, 403, "participant"),
    (InvalidInvitation, 403, "invitation"),
    (UnknownRater, 401, "link"),
    (UnknownStudy, 401, "link"),
    (ConsentMissing, 409, "before"),
    (StudyClosed, 409, "closed"),
    (NoSlotLeft, 409, "taken"),
    (NewerAnswers, 409, "newer"),
    (MovedItem, 409, "moved"),
    (AnnotationError, 422, "refused"),
]

Work = Callable[[str | None, Json], Json]
Allow = Callable[
    [str, Request], None
]  # takes one of an allowance of whoever sent the request, or raises an AnnotationError


def rater_routes(store: RatingStore, allow: Allow | None = None, previews: Previews | None = None) -> list[BaseRoute]:
    """Everything under /rate. ``allow``: asked for "rater" where somebody comes in without an invitation; ``previews``:
    those that organisers opened.
    """
    service, threads = RaterService(store), anyio.CapacityLimiter(THREADS)
    preview = PreviewService(store, previews or Previews())

    adjudication = AdjudicationService(store)

    def other(token: str | None) -> PreviewService | AdjudicationService | None:
        if token is not None and token.startswith(ADJUDICATOR):
            return adjudication
        return preview if token is not None and token.startswith(PREFIX) else None

    def of(token: str | None) -> RaterService | PreviewService | AdjudicationService:
        return other(token) or service

    def before(token: str | None) -> Participation | PreviewService | AdjudicationService:
        return other(token) or service.participation

    work: dict[str, Work] = {
        "welcome": lambda _, sent: service.welcome(sent.get("study"), sent.get("invitation"), sent.get("tag")),
        "enter": lambda own, sent: service.enter(sent, own),
        "session": lambda token, sent: of(token).session(token, sent.get("tag")),
        "agree": lambda token, sent: before(token).agree(token, sent),
        "background": lambda token, sent: before(token).background(token, sent),
        "preparation": lambda token, sent: before(token).preparation(token, sent),
        "practise": lambda token, sent: before(token).practise(token, sent),
        "test": lambda token, sent: before(token).test(token, sent),
        "next": lambda token, sent: of(token).next(token, sent.get("tag")),
        "look": lambda token, sent: of(token).look(token, sent),
        "submit": lambda token, sent: of(token).submit(token, sent),
        "skip": lambda token, sent: of(token).skip(token, sent),
    }

    def limited(request: Request, sent: Json) -> None:
        if allow is not None and not sent.get("invitation"):
            allow("rater", request)

    posts = [
        Route(f"/rate/{name}", _endpoint(one, threads, limited if name == "enter" else None), methods=["POST"])
        for name, one in work.items()
    ]
    return [Route("/rate", _page), Route("/rate/", _without_slash), Route("/rate/{name}", _file), *posts]


def _page(request: Request) -> Response:
    """The empty page with its words in the browser's language; what is rated comes only against a token."""
    texts = rater_words(preferred(request.headers.get("accept-language", ""), rater_languages()))
    spoken = json.dumps(words(texts)["words"], ensure_ascii=False).replace("<", "\\u003c")
    values = {"__TAG__": texts.tag, "__DIR__": texts.direction, "__TITLE__": escape(texts("page.title"))}
    html = (FILES / "page.html").read_text(encoding="utf-8")
    for name, value in {**values, "__WORDS__": spoken}.items():
        html = html.replace(name, value)
    return HTMLResponse(html, headers={**_HEADERS, "Cache-Control": "no-store"})


def _without_slash(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"../rate{query}", 307, headers=_HEADERS)


def _file(request: Request) -> Response:
    path = _SERVED.get(request.path_params["name"])
    if path is None:
        return JSONResponse({"error": "unknown", "message": "There is no such file."}, 404)
    kind = {".js": "text/javascript", ".css": "text/css"}[path.suffix]
    return FileResponse(path, media_type=kind, headers={**_HEADERS, "Cache-Control": "no-cache"})


def _endpoint(
    work: Work, threads: anyio.CapacityLimiter, limited: Callable[[Request, Json], None] | None
) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        sent = await _body(request)
        if sent is None:
            return _refused(422, "refused", "the request is no JSON object of at most 64 KiB; reload the page.")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if limited is not None:
                limited(request, sent)
            bearer = token if scheme == "Bearer" else None
            reply = await anyio.to_thread.run_sync(work, bearer, sent, limiter=threads)
        except AnnotationError as error:
            status, code = next((status, code) for kind, status, code in _CODES if isinstance(error, kind))
            return _refused(status, code, str(error))
        return JSONResponse(reply, headers={**_HEADERS, "Cache-Control": "no-store"})

    return answer


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": code, "message": message}, status, headers={**_HEADERS, "Cache-Control": "no-store"})


async def _body(request: Request) -> Json | None:
    """The JSON object that was sent; None if it is none, or too large."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            return None
    try:
        sent = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return sent if isinstance(sent, Mapping) and isinstance(sent, dict) else None
