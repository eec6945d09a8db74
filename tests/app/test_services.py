"""What is made once for the app: it ends while the opening example is still under way, with its backup made first."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from annotation.store import RatingStore
from app.access.organiser import Authority
from app.explore.service import Step
from app.services import EXPLORE_STUDY, Services
from app.train.service import TrainingService


class Slow:
    """Never gets done by itself."""

    def __init__(self) -> None:
        self.began = threading.Event()

    def ask(self, _: Any) -> Iterator[Step]:
        while True:
            self.began.set()
            yield Step((), "explore.step_read", {}, 0.5)


def test_closing_ends_the_opening_example_after_the_store_is_closed(tmp_path: Path) -> None:
    slow, order = Slow(), []
    store = RatingStore.open("sqlite://")
    kept = SimpleNamespace(close=lambda: order.append(opening.is_alive() or "ended"), backups=None)
    services = Services(
        slow,  # type: ignore[arg-type]
        store,
        store.ensure_study(EXPLORE_STUDY),
        tmp_path,
        TrainingService(tmp_path / "runs"),
        Authority("an organiser's secret"),
        backed_up=kept,  # type: ignore[arg-type]
    )
    opening = services.opening._thread
    services.opening.start()
    assert slow.began.wait(10)
    services.close()
    assert order == [True]  # the backup did not wait for it
    assert not opening.is_alive()
    with pytest.raises(InterruptedError, match="closing"):
        next(services.opening.steps())
    store.close()
