"""Where a run of Train stands: its stage, the share done, and the time that is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where the run that goes on stands, or how the last one ended."""

    run: str
    stage: str = "train.step_load"  # key of the interface texts
    done: int = 0  # iterations
    total: int = 0
    share: float = 0.02  # done, in [0, 1]
    seconds_left: float | None = None  # by the last iterations; None before the first
    going: bool = True
    error: str = ""  # one sentence


class Seconds:
    """How long iterations took, and what that says of those to come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, recent: int = 5) -> None:
        self._clock, self._recent, self._last = clock, recent, clock()
        self._took: list[float] = []
        self._first: tuple[float, float] | None = None  # share and moment of the first call of ``of_share``

    def begin(self) -> None:
        """What was before this moment counts for nothing."""
        self._last = self._clock()

    def left(self, iterations: int, counts: bool) -> float | None:
        """Seconds that so many more take at the mean of the last ones; None before the first that ``counts``."""
        now = self._clock()
        if counts:
            self._took = [*self._took, now - self._last][-self._recent :]
        self._last = now
        return iterations * sum(self._took) / len(self._took) if self._took else None

    def of_share(self, share: float) -> float | None:
        """Seconds that the rest of a stage takes, by how its ``share`` done grew since the first call; None at that call."""
        now = self._clock()
        first, began = self._first = self._first or (share, now)
        return (now - began) * (1 - share) / (share - first) if share > first else None
