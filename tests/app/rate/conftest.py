"""The raters' page served over a store of its own, with browsers to open it in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from rater_examples import make_study
from rater_server import Served, browsers, raters_page

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
    with RatingStore.open(copy) as store, raters_page(store) as url, browsers(chromium, url) as open_page:
        yield Served(url, store, store.study("topics"), open_page)
