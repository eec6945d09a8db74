"""Fixtures of the app's tests: the embedded model with its vectors cached once, a store in memory, a running server."""

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from app_server import SECRET, Server, Visitor, free_port
from chromium import ANSWERED, PATIENCE_MS
from programs import Script

from annotation.store import RatingStore
from app.access.organiser import Authority
from app.explore.service import ExploreService
from app.services import EXPLORE_STUDY, Services
from app.train.service import TrainingService
from core.models.catalogue import TINY_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

os.environ["AGL_MODEL"] = "tiny"  # what "default" stands for, whatever is set up on this machine
ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "data" / "cache"


@pytest.fixture(scope="session")
def explore() -> ExploreService:
    if not (TINY_FOLDER / "config.json").is_file():
        pytest.skip("assets/models/lm is not there")
    return ExploreService(CACHE)


@pytest.fixture
def services(explore: ExploreService, tmp_path: Path) -> Iterator[Services]:
    store = RatingStore.open(f"sqlite:///{tmp_path / 'ratings.db'}")
    desk = TrainingService(tmp_path / "runs")
    yield Services(explore, store, store.ensure_study(EXPLORE_STUDY), tmp_path / "downloads", desk, Authority(SECRET))
    store.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app as people start it, from a foreign working directory, on its own data; runs of Train are small."""
    if not (TINY_FOLDER / "config.json").is_file():
        pytest.skip("assets/models/lm is not there")
    folder = tmp_path_factory.mktemp("app")
    port = free_port()
    arguments = ["--port", str(port), "--data", str(folder), "--cache", str(CACHE)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "AGL_ORGANISER_SECRET": SECRET}
    environment.pop("PYTHONPATH", None)
    began, log = time.monotonic(), folder / "log"
    script = ROOT / "tests" / "toys" / "small_runs_server.py"
    process = Script(script, arguments, folder=folder, environment=environment, log=log)
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
            break
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() - began < 180, log.read_text()
            time.sleep(0.2)
    yield Server(url, folder, time.monotonic() - began)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


@pytest.fixture(scope="session")
def windows(chromium: "Browser") -> "Iterator[dict[int, BrowserContext]]":
    """Browser contexts by width, filled as they are needed: each has the scripts of the page compiled after its first visit."""
    contexts: dict[int, BrowserContext] = {}
    yield contexts
    for context in contexts.values():
        context.close()


def open_page(page: "Page", url: str) -> Visitor:
    """The app opened in a page, and what goes wrong there from now on."""
    page.set_default_timeout(PATIENCE_MS)
    seen = Visitor(page, [], [])
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on(
        "request",
        lambda call: seen.foreign.append(call.url) if not call.url.startswith((url, "data:", "blob:")) else None,
    )
    page.goto(url)
    page.wait_for_selector(ANSWERED)
    return seen


def wide(chromium: "Browser", windows: "dict[int, BrowserContext]", width: int) -> "BrowserContext":
    """The browser of so many pixels."""
    if width not in windows:
        windows[width] = chromium.new_context(viewport={"width": width, "height": 900})
    return windows[width]


@pytest.fixture
def window(
    chromium: "Browser", windows: "dict[int, BrowserContext]", request: pytest.FixtureRequest
) -> "Iterator[BrowserContext]":
    """A browser that remembers nothing but its cache; parametrise it indirectly, whatever opens pages in it, with a width in pixels."""
    context = wide(chromium, windows, getattr(request, "param", 1440))
    yield context
    context.clear_cookies()


@pytest.fixture
def visitor(
    chromium: "Browser",
    windows: "dict[int, BrowserContext]",
    window: "BrowserContext",
    server: Server,
    request: pytest.FixtureRequest,
) -> Iterator[Visitor]:
    """A visitor on the opened app, with a page of her own: for tests that leave the page changed. Takes a width as well."""
    context = wide(chromium, windows, request.param) if hasattr(request, "param") else window
    page = context.new_page()
    seen = open_page(page, server.url)
    yield seen
    page.evaluate("localStorage.clear()")
    page.close()
    context.clear_cookies()
    assert seen.errors == []
    assert seen.foreign == []


@pytest.fixture(scope="module")
def kept(windows: "dict[int, BrowserContext]") -> "Iterator[dict[tuple[str, BrowserContext], Visitor]]":
    """Opened pages that tests of a file share, by what these may do and the browser. An open page costs a browser time while it idles."""
    pages: dict[tuple[str, BrowserContext], Visitor] = {}
    yield pages
    for seen in pages.values():
        seen.page.close()


def shared(
    kind: str,
    kept: "dict[tuple[str, BrowserContext], Visitor]",
    window: "BrowserContext",
    server: Server,
    request: pytest.FixtureRequest,
) -> Iterator[Visitor]:
    """A kept page, on Explore; after a failure the next test has a new one."""
    assert not hasattr(request, "param"), "a width is a parameter of window"
    key = kind, window
    if key not in kept:
        kept[key] = open_page(window.new_page(), server.url)
    seen, failed = kept[key], request.session.testsfailed
    seen.page.get_by_role("tab", name="Explore", exact=True).click()
    yield seen
    errors, foreign = list(seen.errors), list(seen.foreign)
    if request.session.testsfailed > failed or errors or foreign:
        kept.pop(key).page.close()
    assert errors == []
    assert foreign == []


@pytest.fixture
def reader(
    kept: "dict[tuple[str, BrowserContext], Visitor]",
    window: "BrowserContext",
    server: Server,
    request: pytest.FixtureRequest,
) -> Iterator[Visitor]:
    """A visitor of a page that shows the opening example in English and that tests only look at; they may open tabs."""
    yield from shared("read", kept, window, server, request)


@pytest.fixture
def asker(
    kept: "dict[tuple[str, BrowserContext], Visitor]",
    window: "BrowserContext",
    server: Server,
    request: pytest.FixtureRequest,
) -> Iterator[Visitor]:
    """A visitor of a page where tests ask questions of their own, whatever was asked before; no other control stays changed."""
    yield from shared("ask", kept, window, server, request)
