"""Several processes of the app on one PostgreSQL database behind one proxy, each a program of its own with a data folder of its own.

The proxy is what a lab's nginx would be: requests of raters go to the processes in turn, so that one rater meets all of them; everything
else stays with the process that a cookie names, because Gradio's queue and an organiser's session live in it. A process that does not
answer is passed over.
"""

import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import uvicorn
from app_server import free_port
from programs import Script
from space_machine import ROOT
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

SECRET = "the same secret for all"
COOKIE = "process"
_PER_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}  # of one line, not of a message


class Process:
    """One process of the app."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port, self._folder = free_port(), folder
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir(parents=True)
        arguments = [
            "--public", "--port", str(self.port), "--data", str(folder / "data"), "--database", database,
            "--cache", str(ROOT / "data" / "cache"),
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "AGL_ORGANISER_SECRET": SECRET}
        script = ROOT / "app" / "main.py"
        self._process = Script(script, arguments, folder=ROOT, environment=environment, log=folder / "log")

    def ready(self) -> None:
        """Wait for the page."""
        deadline = time.monotonic() + 240
        while True:
            assert self._process.poll() is None, self.logged()
            assert time.monotonic() < deadline, self.logged()
            try:
                if httpx.get(f"{self.url}/rate", timeout=10).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)

    def logged(self) -> str:
        """What its host reads."""
        return (self._folder / "log").read_text()

    def end(self, how: signal.Signals) -> None:
        """End it, if it has not ended yet."""
        self._process.send_signal(how)
        self._process.wait(timeout=60)


class Proxy:
    """Hands requests on to processes; ``handed`` counts those that were answered, by process and by whether a rater asked."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes, self._turns = processes, itertools.count()
        self.handed: Counter[tuple[int, bool]] = Counter()
        methods = ["GET", "POST"]
        app = Starlette(routes=[Route("/{path:path}", self._hand_on, methods=methods)], lifespan=self._lines)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="error"))

    @asynccontextmanager
    async def _lines(self, _: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as self._http:
            yield

    async def _hand_on(self, request: Request) -> Response:
        rater = request.url.path.startswith("/rate")
        kept = request.cookies.get(COOKIE, "")
        first = int(kept) if kept.isdigit() and not rater else next(self._turns)
        content = await request.body()
        headers = [(name, value) for name, value in request.headers.items() if name not in _PER_HOP]
        headers += [("host", request.headers["host"]), ("x-forwarded-for", "203.0.113.7")]
        for turn in range(len(self._processes)):
            number = (first + turn) % len(self._processes)
            address = f"{self._processes[number].url}{request.url.path}?{request.url.query}"
            try:
                asked = self._http.build_request(request.method, address, headers=headers, content=content)
                answer = await self._http.send(asked, stream=True)
            except httpx.TransportError:
                continue
            self.handed[number, rater] += 1
            found = StreamingResponse(answer.aiter_raw(), answer.status_code)
            for name, value in answer.headers.multi_items():
                if name not in _PER_HOP:
                    found.headers.append(name, value)
            found.set_cookie(COOKIE, str(number))
            return found
        return PlainTextResponse("No process answers.", 502)


@contextmanager
def several(folder: Path, database: str, count: int = 2) -> Iterator[tuple[Proxy, list[Process]]]:
    """Processes started at the same time on a database that may be empty, and the proxy before them."""
    processes = [Process(folder / f"process-{number}", database) for number in range(count)]
    proxy = Proxy(processes)
    thread = threading.Thread(target=proxy.server.run, daemon=True)
    try:
        for one in processes:
            one.ready()
        thread.start()
        while not proxy.server.started:
            time.sleep(0.02)
        yield proxy, processes
    finally:
        proxy.server.should_exit = True
        if thread.is_alive():
            thread.join(timeout=30)
        for one in processes:
            one.end(signal.SIGKILL)  # nothing here is worth a last backup
