"""The raters' page served over a store of its own, with browsers to open it in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import PATIENCE_MS
from playwright.sync_api import Browser, Page
from rater_examples import make_study
from rater_server import Served, raters_page

from annotation.store import RatingStore


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "study.db"
    with RatingStore.open(path) as opened:
        make_study(opened)
    return path


@pytest.fixture
def served(chromium: Browser, template: Path, tmp_path: Path) -> Iterator[Served]:
    copy = shutil.copy(template, tmp_path / "ratings.db")
    with RatingStore.open(copy) as store, raters_page(store) as url:
        contexts, errors, foreign = [], [], []

        def open_page(address: str, width: int = 1440, **options: object) -> Page:
            context = chromium.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
            contexts.append(context)
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("request", lambda call: None if call.url.startswith((url, "data:")) else foreign.append(call.url))
            page.goto(address)
            return page

        yield Served(url, store, store.study("topics"), open_page)
        for context in contexts:
            context.close()
        assert (errors, foreign) == ([], [])
