"""What every request to the server passes before Gradio or the raters' page sees it, and what every answer carries.

In this order: is it asked under a name of this server; is it something the app uses at all; does another site's page ask; does
the visitor ask too much; has she given the password. Then the body is bounded in size and time, so that a client that sends a
byte a minute keeps nobody waiting. Gradio has routes for audio, proxies, editors and component calls that this app never uses:
what is not listed here is not there.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.limits import Limits, TooMany
from app.access.password import PasswordPage
from app.access.settings import Access, host_name

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = frozenset({"same-origin", "none"})


def from_elsewhere(method: str, headers: Mapping[str, str]) -> bool:
    """Whether the request was made by a page of another origin and may change something. Header names in lower case.

    A browser says where a request comes from: Sec-Fetch-Site, which pages cannot set, else Origin, which must name the host
    asked. A program sends neither and carries no visitor's cookie, so it passes. After the OWASP cheat sheet on cross-site
    request forgery.
    """
    if method in SAFE:
        return False
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in OWN
    if origin is None:
        return False
    hosts = {headers.get("host", "").lower(), headers.get("x-forwarded-host", "").split(",")[0].strip().lower()}
    return urlsplit(origin).netloc.lower() not in hosts - {""}


MOST_BYTES = 1024 * 1024  # of a call
MOST_UPLOAD = 40 * 1024 * 1024  # a table may have 32 MB; the rest is the form around it
MOST_RATING = 128 * 1024  # the raters' page refuses more than half of it with a sentence of its own
SECONDS, UPLOAD_SECONDS = 20.0, 300.0


def bounds(path: str) -> tuple[int, float]:
    """Bytes and seconds that the body of a request to ``path`` may take."""
    if path.startswith("/rate"):
        return MOST_RATING, SECONDS
    return (MOST_UPLOAD, UPLOAD_SECONDS) if path.rstrip("/").endswith("/upload") else (MOST_BYTES, SECONDS)


def bounded(receive: Receive, most: int, seconds: float) -> Receive:
    """``receive`` with both bounds. What is beyond them is an HTTPException in whoever reads the body: 413 or 408."""
    ends = time.monotonic() + seconds
    size, whole = 0, False

    async def next_part() -> Message:
        nonlocal size, whole
        if whole:  # what comes now is that the visitor left, whenever that may be
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, ends - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, f"The request was not complete after {seconds:.0f} s; send it again.") from None
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if size > most:
                raise HTTPException(413, f"The request has more than {most:,} bytes, which is the most allowed here.")
        return message

    return next_part


API = "/gradio_api/"
READ = (  # of Gradio, with GET; names that end in a slash stand for everything below
    "app_id", "call/", "file=", "heartbeat/", "info", "login_check", "mcp", "mcp/", "openapi.json", "queue/data",
    "queue/status", "startup-events", "theme.css", "token", "upload_progress", "user",
)  # fmt: skip
WRITTEN = ("api/", "call/", "cancel", "mcp", "mcp/", "queue/join", "reset", "run/", "upload")
CLOSED = ("/dev/", "/monitoring", "/runs", "/proxy")  # of Gradio, outside its prefix
FREE = ("/gradio_api/startup-events", "/robots.txt", "/favicon.ico")  # answered without the password: they hold nothing
QUIET = ("/assets/", "/static/", "/svelte/", "/rate")  # not counted as requests: files, and what has a rule of its own
UPLOADS = "uploads"  # what an organiser's browser may do and others may not, see `Limits.allow_for`
MOST_OPEN = 256  # requests of one visitor at one time, streams of events among them
PAGE_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'"


class Guard:
    """ASGI middleware around the whole server."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self._app, self._access, self._limits = app, access, limits
        framed = bool(access.frames)
        self._password = PasswordPage(access.password, limits, framed) if access.password else None
        self._ancestors = " ".join(("frame-ancestors 'self'", *access.frames))
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or hands it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = own_path(scope["path"], scope.get("root_path", ""))
        send = self._with_headers(send, path)
        receive = bounded(receive, *bounds(path))
        request = Request(scope, receive)
        visitor = self._limits.visitor(request, self._access.space)
        with self._counted(visitor):
            try:
                refusal = self._refusal(request, path, visitor)
                refusal = refusal or await self._without_password(request, path, visitor)
                refusal = refusal or self._strangers_file(path, visitor)
            except HTTPException as error:
                refusal = _refused(error.status_code, "refused", error.detail)
            await (refusal or self._app)(scope, receive, send)

    def _refusal(self, request: Request, path: str, visitor: str) -> Response | None:
        method = request.method
        hosts = self._access.hosts
        if hosts is not None and host_name(request.headers.get("host", "")) not in hosts:
            # A name that somebody else's DNS turns to this address: its pages would count as ours (DNS rebinding).
            return _refused(421, "host", "This server is not asked under this name; its host can name it in AGL_HOSTS.")
        if not served(method, path, self._password is not None):
            return _refused(404, "unknown", "There is nothing here.")
        if from_elsewhere(method, request.headers):
            return _refused(
                403,
                "origin",
                "This came from the page of another site; open the app itself. Behind a proxy, let it pass the Host header on.",
            )
        most, _ = bounds(path)
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            return _refused(413, "size", f"The request has more than {most:,} bytes, which is the most allowed here.")
        return self._over_allowance(request, path, visitor)

    def _over_allowance(self, request: Request, path: str, visitor: str) -> Response | None:
        limits = self._limits
        try:
            if self._open[visitor] > MOST_OPEN and limits.active:
                raise TooMany(f"More than {MOST_OPEN} requests of one visitor are open; close some pages.")
            if path.startswith("/rate"):
                limits.take("rate", visitor)
                token = request.headers.get("authorization")
                if token:
                    limits.take("token", limits.name(token))
            elif not path.startswith(QUIET):
                limits.take("request", visitor)
            if path.rstrip("/") == f"{API}queue/join":
                limits.take("join", visitor)
            if path.rstrip("/").endswith("/upload"):
                limits.take("files", visitor)
        except TooMany as error:
            return _refused(429, "slower", str(error), {"Retry-After": "5"})
        return None

    def _strangers_file(self, path: str, visitor: str) -> Response | None:
        if self._limits.active and path.rstrip("/").endswith("/upload") and not self._limits.has(UPLOADS, visitor):
            return _refused(403, "upload", "Files are taken from organisers alone; enter the page Study first.")
        return None

    async def _without_password(self, request: Request, path: str, visitor: str) -> Response | None:
        if self._password is None or path == "/rate" or path.startswith("/rate/") or path in FREE:
            return None
        if path == "/" and request.method == "POST":
            return await self._password.enter(request, visitor)
        return (
            None if self._password.passed(request) else self._password.page(request, status=200 if path == "/" else 401)
        )

    @contextlib.contextmanager
    def _counted(self, visitor: str) -> Iterator[None]:
        """Keeps count of the requests that are open."""
        self._open[visitor] += 1
        try:
            yield
        finally:
            self._open[visitor] -= 1
            if not self._open[visitor]:
                del self._open[visitor]

    def _with_headers(self, send: Send, path: str) -> Send:
        """``send`` that adds the headers of the app to every answer; a policy that a page brings is only completed."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                set_headers(message, path, self._ancestors)
            await send(message)

        return with_headers


def set_headers(message: MutableMapping[str, Any], path: str, ancestors: str) -> None:
    """Headers against framing, sniffing, and leaking an address that holds a question or an invitation."""
    headers = MutableHeaders(scope=message)
    own = headers.get("content-security-policy", PAGE_POLICY)
    headers["content-security-policy"] = f"{own}; {ancestors}"
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("referrer-policy", "same-origin")
    headers.setdefault("cross-origin-resource-policy", "same-origin")
    headers.setdefault("permissions-policy", "camera=(), microphone=(), geolocation=()")
    if "server" in headers:
        del headers["server"]
    if path.startswith(f"{API}file="):  # somebody's file: never a page of this origin
        headers["content-security-policy"] = f"sandbox; default-src 'none'; {ancestors}"


def own_path(path: str, root: str) -> str:
    """The path as the routes know it: without the one below which a proxy shows the app, and from Gradio's prefix on.

    Gradio finds its routes also behind ``--root-path`` that a proxy left in the path; a rule that looks at the beginning
    alone would let ``/below/gradio_api/file=`` pass.
    """
    root = root.rstrip("/")
    if root and path.startswith(f"{root}/"):
        path = path.removeprefix(root)
    at = path.find(API)
    return path[at:] if at > 0 else path


def served(method: str, path: str, password: bool) -> bool:
    """Whether the app uses this at all."""
    if path.startswith(API):
        name = path.removeprefix(API)
        if method not in SAFE and method != "POST" and not name.startswith("mcp"):
            return False
        if name.startswith(("file=http:", "file=https:", "file=//")):
            return False
        names = READ if method in SAFE else WRITTEN
        plain = name.rstrip("/")
        return any(plain == one or (one[-1] in "/=" and name.startswith(one)) for one in names)
    if path.startswith(CLOSED):
        return False
    if method in SAFE:
        return True
    return method == "POST" and (path.startswith("/rate/") or (password and path == "/"))


def _refused(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "message": message}, status, headers=headers)
