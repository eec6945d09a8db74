"""What is made once for the app: it ends while it still warms up, with its backup made first."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from annotation.store import RatingStore
from app.access.organiser import Authority
from app.explore.service import Step
from app.services import EXPLORE_STUDY, Services
from app.train.service import TrainingDesk


class Slow:
    """An explorer that never gets done by itself."""

    def __init__(self) -> None:
        self.began = threading.Event()

    def examples(self) -> list[Any]:
        return [None]

    def predictor(self, _: Any) -> Any:
        return SimpleNamespace(index=SimpleNamespace(prepare=self.prepare))

    def prepare(self, progress: Callable[..., None]) -> None:
        self.began.set()
        while True:
            progress(0.5, "reading the pool")

    def ask(self, _: Any) -> Iterator[Step]:
        raise AssertionError("asked before the pool was read")


def test_closing_ends_what_warms_up_after_the_store_is_closed(tmp_path: Path) -> None:
    slow, order = Slow(), []
    store = RatingStore.open("sqlite://")
    kept = SimpleNamespace(close=lambda: order.append(warming.is_alive() or "ended"), backups=None)
    services = Services(
        slow,  # type: ignore[arg-type]
        store,
        store.ensure_study(EXPLORE_STUDY),
        tmp_path,
        TrainingDesk(tmp_path / "runs"),
        Authority("an organiser's secret"),
        kept=kept,  # type: ignore[arg-type]
    )
    services.warm_up()
    assert slow.began.wait(10)
    warming = services._warming
    assert warming is not None
    services.close()
    assert order  # the backup did not wait for it
    assert not warming.is_alive()
    with pytest.raises(InterruptedError, match="closing"):
        services.opening()
    store.close()
