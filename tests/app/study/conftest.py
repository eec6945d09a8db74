"""The tab Study without a page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from study_page import Page


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    made = Page(tmp_path)
    yield made
    made.store.close()
