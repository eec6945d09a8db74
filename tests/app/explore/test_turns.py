"""Turns at a model, a pool that is read in parts, and what ends a question before its answer.

Tests of `app.explore.answer`, `app.explore.handlers`, `app.explore.reading`.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.explore.answer import Thread
from app.explore.form import Form
from app.explore.handlers import ExploreHandlers
from app.explore.reading import FIRST_CANDIDATES, first_candidates, is_read, read_pool
from app.explore.service import ExploreService, Step
from app.explore.turns import Turns
from app.texts import catalogue
from core.config import ASSETS
from core.data.tasks import load_tasks
from core.records import Query

FORM = Form("Timu ilishinda mchezo.", "swh_Latn", "topic", ("swh_Latn",), ("agl",), 2)


def test_those_who_ask_one_model_wait_in_order_and_other_models_do_not() -> None:
    turns = Turns()
    with turns.join("a") as first, turns.join("a") as second, turns.join("b") as other:
        assert list(first.wait(0.0)) == []
        assert list(other.wait(0.0)) == []
        waiting = second.wait(0.0)
        assert next(waiting) == 1
        with turns.join("a") as third:
            assert next(third.wait(0.0)) == 2
    with turns.join("a") as later:  # whoever left, also while waiting, holds nobody up
        assert list(later.wait(0.0)) == []


@pytest.fixture
def unread(explore: ExploreService) -> ExploreService:
    """The tiny model with a pool that it has not read."""
    service = ExploreService(None)
    workbench = explore.models.open("tiny", "auto")
    workbench_of = service.models.workbench
    fresh = workbench_of(explore.models.config("tiny", "auto"))
    assert fresh is not workbench
    return service


def test_an_unread_pool_is_answered_from_a_few_candidates_first_and_told_how_far_it_is(unread: ExploreService) -> None:
    steps = list(unread.ask(FORM))
    stages = [step.stage for step in steps]
    first = stages.index("explore.step_read")
    assert steps[first - 1].predictions[0].answers  # an answer is there before the pool is read
    assert all(step.partial_pool == FIRST_CANDIDATES for step in steps[1 : first + 1])
    counts = [int(step.values["done"].replace(",", "")) for step in steps if step.stage == "explore.step_read"]
    assert counts == sorted(counts)
    assert steps[-1].response is not None
    assert steps[-1].predictions[0].selection.candidates > FIRST_CANDIDATES
    assert "explore.step_read" not in [step.stage for step in unread.ask(FORM)]  # once read, it stays so


def test_a_visitor_who_leaves_ends_the_reading_and_the_turn(unread: ExploreService) -> None:
    asking = unread.ask(FORM)
    for step in asking:
        if step.stage == "explore.step_read":
            break
    asking.close()
    assert not is_read(unread.predictor(FORM).index)
    assert not unread.turns._lines
    reading = read_pool(unread.predictor(FORM).index)
    next(reading)
    reading.close()


def test_first_candidates_hold_no_translation_of_the_query(explore: ExploreService) -> None:
    predictor = explore.predictor(FORM)
    own = predictor.index.pool.examples[0]
    few = first_candidates(predictor, Query(own.text, own.language))
    assert few is not None
    examples = few.index.pool.examples
    assert own.item not in {example.item for example in examples}
    assert {example.label for example in examples} == set(predictor.task.labels)
    assert len({example.language for example in examples}) == len({e.language for e in predictor.index.pool.examples})


class Endless:
    """A service that goes on until somebody closes it."""

    def ask(self, form: Form, answered: Any = None) -> Iterator[Step]:
        while True:
            yield Step((), "explore.step_choose", {}, 0.5)


def test_a_newer_question_of_the_same_page_ends_the_older_one(page_parts: Any) -> None:
    handlers = ExploreHandlers(Endless(), {}, None, lambda *_: None, page_parts)  # type: ignore[arg-type]
    page = SimpleNamespace(session_hash="page")
    older = handlers.stream(FORM, Thread(), "en", page)  # type: ignore[arg-type]
    next(older)
    next(older)
    newer = handlers.stream(FORM, Thread(), "en", page)  # type: ignore[arg-type]
    next(newer)
    assert list(older) == []
    other = handlers.stream(FORM, Thread(), "en", SimpleNamespace(session_hash="another"))  # type: ignore[arg-type]
    next(other)
    assert page_parts.status in next(newer)


def test_an_answer_under_way_is_shown_as_it_grows(explore: ExploreService, page_parts: Any) -> None:
    handlers = ExploreHandlers(explore, load_tasks(ASSETS), None, lambda *_: None, page_parts)  # type: ignore[arg-type]
    page = SimpleNamespace(session_hash="page")
    updates = list(handlers.follow(explore.ask(FORM), FORM, Thread(), catalogue("en"), page))  # type: ignore[arg-type]
    shown = [update[page_parts.results] for update in updates if page_parts.results in update]
    assert shown[0].count('<tr class="waiting">') == 1  # the demonstrations are there before the answer is
    assert 'data-answer=""' in shown[0]
    assert '<tr class="waiting">' not in shown[-1]
    assert 'data-answer=""' not in shown[-1]


@pytest.fixture
def page_parts() -> Any:
    """Components by name, without a page."""

    class Parts:
        inputs: dict[str, str] = {}

        @property
        def why(self) -> dict[str, str]:
            names = (
                "strategy",
                "language",
                "labels",
                "tokens",
                "order",
                "coherence",
                "map",
                "map_note",
                "prompt",
                "details",
            )
            return {name: f"why-{name}" for name in names}

        def __getattr__(self, name: str) -> str:
            return name

    return Parts()


def test_a_detected_language_is_told_with_its_certainty(explore: ExploreService, tmp_path: Path) -> None:
    form = Form("Der Torwart hielt zwei Elfmeter im Finale.", "detect", strategies=("zero-shot",))
    *_, last = explore.ask(form)
    assert last.response is not None
    assert last.response.detected is not None
    assert last.response.form.language == "deu_Latn"
    assert last.response.detected.certainty > 0.5
