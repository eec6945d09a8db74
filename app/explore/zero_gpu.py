"""The GPU of a ZeroGPU Space. Import this before anything that imports torch; anywhere else it changes nothing.

ZeroGPU lends a GPU for the length of one decorated call, which runs in a fork of this process: arguments and results are pickled, what
is remembered there is lost, and a database connection must not be used in it. The decorated function itself is inherited by the fork,
so a bound method finds its object there again. A Space of this kind does not start unless something was decorated before its launch.
The time is charged to the visitor, so the tiny model stays on the CPU, and raters, who read what is stored, never need a GPU.
"""

import importlib.util
import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

if importlib.util.find_spec("spaces") is not None:
    import spaces
else:
    spaces = None

P = ParamSpec("P")
R = TypeVar("R")
SHORTEST_S, EACH_S, LONGEST_S = 20, 8, 180  # of one call: the start, every answer of every strategy, and at most


def is_zero(environment: Any = os.environ) -> bool:
    """Whether this is a ZeroGPU Space: there is a GPU inside decorated calls, and none outside."""
    return spaces is not None and environment.get("SPACES_ZERO_GPU", "").lower() in ("true", "1")


def on_gpu(function: Callable[P, R], duration: int | Callable[..., int]) -> Callable[P, R]:
    """``function`` as it runs where the GPU is, for at most ``duration`` seconds; itself where ZeroGPU is not.

    Errors lose their words on the way out of a fork, so ``function`` returns (or yields last) those that a person should read.
    """
    if spaces is None:
        return function
    decorated: Callable[P, R] = spaces.GPU(duration=duration)(function)
    return decorated


def claimed_seconds(answers: int) -> int:
    """What a question of so many answers is given; a shorter claim waits less in the queue of the hardware."""
    return min(LONGEST_S, SHORTEST_S + EACH_S * max(1, answers))


def one_thread() -> None:
    """A fork must not wait for the threads that its parent had."""
    if is_zero():
        import torch

        torch.set_num_threads(1)
