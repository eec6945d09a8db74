"""The GPU of a ZeroGPU Space. Import this before anything that imports torch; anywhere else it changes nothing.

ZeroGPU lends a GPU for the length of one decorated call, which runs in a fork of this process: what is passed and returned is pickled,
what is remembered there is lost, and a database connection must not be used in it. So the explorer travels by its name, questions and
predictions as they are, and nothing here knows the rating store. A Space of this kind does not start without a decorated function.
The time is charged to the visitor, so the embedded model stays on the CPU, and raters, who read what is stored, never need a GPU.
"""

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from core.errors import CoreError  # light

if importlib.util.find_spec("spaces") is not None:
    import spaces
else:
    spaces = None

if TYPE_CHECKING:
    from app.explore.service import Explorer, Form, Step
    from core.inference.explanation_records import Why
    from core.records import Prediction

SHORTEST_S, EACH_S, LONGEST_S = 20, 8, 180  # of one call: the start, every answer of every strategy, and at most
_explorers: "WeakValueDictionary[str, Explorer]" = WeakValueDictionary()


def is_zero(environment: Any = os.environ) -> bool:
    """Whether this is a ZeroGPU Space: there is a GPU inside decorated calls, and none outside."""
    return spaces is not None and environment.get("SPACES_ZERO_GPU", "").lower() in ("true", "1")


def known_by_name(explorer: "Explorer") -> str:
    """The name under which a fork finds the explorer again."""
    name = f"explorer-{id(explorer)}"
    _explorers[name] = explorer
    return name


def _seconds(_: str, form: "Form", *__: Any) -> int:
    """What a question is given; a shorter claim waits less in the queue of the hardware."""
    answers = max(1, len(form.answer_languages)) * max(1, len(form.strategies))
    return min(LONGEST_S, SHORTEST_S + EACH_S * answers)


def _on_gpu(duration: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    decorate: Callable[[Callable[..., Any]], Callable[..., Any]] = (
        (lambda function: function) if spaces is None else spaces.GPU(duration=duration)
    )
    return decorate


def _one_thread() -> None:
    """A fork must not wait for the threads that its parent had."""
    if is_zero():
        import torch

        torch.set_num_threads(1)


@_on_gpu(_seconds)
def steps_on_gpu(name: str, form: "Form") -> "Iterator[Step | CoreError]":
    """Answer a form where the GPU is. A sentence for the person is the last that is given: raised, it would lose its words on the way."""
    _one_thread()
    try:
        yield from _explorers[name].ask_here(form)
    except CoreError as error:
        yield error


@_on_gpu(60)
def why_on_gpu(name: str, prediction: "Prediction", place: int) -> "Why | CoreError":
    """Measure an answer where the GPU is; see ``steps_on_gpu`` for errors."""
    _one_thread()
    try:
        return _explorers[name].why_here(prediction, place)
    except CoreError as error:
        return error
