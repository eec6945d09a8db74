"""The opening example as visitors see it: growing for those who come meanwhile, whole for those who come later."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.explore.opening import Opening
from app.explore.service import Step
from core.errors import ModelUnavailable


class Gated:
    """Makes each step when it is let."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.gates = [threading.Event() for _ in range(count)]
        self.error = error

    def ask(self, _: Any) -> Iterator[Step]:
        for number, gate in enumerate(self.gates):
            assert gate.wait(60)
            yield Step((), f"step {number}", {}, 0.5)
        if self.error is not None:
            raise self.error


def begun(service: Gated) -> Opening:
    opening = Opening(service)  # type: ignore[arg-type]
    opening.start()
    return opening


def test_who_comes_early_sees_each_step_before_the_next_is_made() -> None:
    service = Gated(3)
    steps = begun(service).steps()
    for number, gate in enumerate(service.gates):
        gate.set()
        assert next(steps).stage == f"step {number}"
    assert list(steps) == []


def test_who_comes_later_sees_what_there_is_and_nothing_before_it() -> None:
    service = Gated(3)
    opening = begun(service)
    for gate in service.gates:
        gate.set()
    opening._thread.join(60)
    assert [step.stage for step in opening.steps()] == ["step 2"]
    assert [step.stage for step in opening.steps()] == ["step 2"]  # the next visitor too


def test_what_went_wrong_reaches_every_visitor() -> None:
    service = Gated(1, ModelUnavailable("It is not here."))
    opening = begun(service)
    service.gates[0].set()
    opening._thread.join(60)
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="not here"):
            next(opening.steps())


def test_an_opening_that_never_began_holds_nobody_up() -> None:
    opening = Opening(Gated(1))  # type: ignore[arg-type]
    opening.end()
    assert list(opening.steps()) == []
