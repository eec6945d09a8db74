"""Fixtures of the app's tests: the embedded model with its vectors cached once, a store in memory, a running server."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from app_server import SECRET, Server, Visitor, free_port
from chromium import PATIENCE_MS

from annotation.store import RatingStore
from app.access.organiser import Authority
from app.explore.service import ExploreService
from app.services import EXPLORE_STUDY, Services
from app.train.service import TrainingService
from core.models.catalogue import TINY_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

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
    """The app as people start it, from a foreign working directory, on its own data."""
    if not (TINY_FOLDER / "config.json").is_file():
        pytest.skip("assets/models/lm is not there")
    folder = tmp_path_factory.mktemp("app")
    port = free_port()
    command = [
        sys.executable,
        str(ROOT / "app" / "main.py"),
        "--port",
        str(port),
        "--data",
        str(folder),
        "--cache",
        str(CACHE),
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "AGL_ORGANISER_SECRET": SECRET}
    environment.pop("PYTHONPATH", None)
    began = time.monotonic()
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    assert answer.status == 200
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() - began < 180, (folder / "log").read_text()
                time.sleep(0.2)
        yield Server(url, folder, time.monotonic() - began)
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def windows(chromium: "Browser") -> "Iterator[dict[int, BrowserContext]]":
    """Browser contexts by width, filled as they are needed: each has the scripts of the page compiled after its first visit."""
    contexts: dict[int, BrowserContext] = {}
    yield contexts
    for context in contexts.values():
        context.close()


@pytest.fixture
def visitor(
    chromium: "Browser", windows: "dict[int, BrowserContext]", server: Server, request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """A visitor on the opened app of whom the browser remembers nothing but its cache; parametrise indirectly with a width in pixels."""
    width = getattr(request, "param", 1440)
    if width not in windows:
        windows[width] = chromium.new_context(viewport={"width": width, "height": 900})
    context = windows[width]
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    seen = Visitor(page, [], [])
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on(
        "request",
        lambda call: seen.foreign.append(call.url) if not call.url.startswith((server.url, "data:", "blob:")) else None,
    )
    page.goto(server.url)
    page.wait_for_selector("#explore-results .card")
    yield seen
    page.evaluate("localStorage.clear()")
    page.close()
    context.clear_cookies()
    assert seen.errors == []
    assert seen.foreign == []
