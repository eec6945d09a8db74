"""Turns at a model: visitors who ask the same model are answered one after another, those of different models at once."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """First come, first served, by model. May be shared by threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: defaultdict[str, list[object]] = defaultdict(list)

    @contextmanager
    def join(self, model: str) -> Iterator["Turn"]:
        """Stand in the line of ``model``; whoever leaves the block, also before the turn came, leaves the line."""
        turn = Turn(self, model)
        with self._changed:
            self._lines[model].append(turn)
        try:
            yield turn
        finally:
            with self._changed:
                self._lines[model].remove(turn)
                if not self._lines[model]:
                    del self._lines[model]
                self._changed.notify_all()

    def ahead(self, turn: "Turn", seconds: float) -> int:
        """How many come before ``turn``, after waiting at most ``seconds`` for none to."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines[turn.model][0] is turn, seconds)
            return self._lines[turn.model].index(turn)


class Turn:
    """A position in the queue."""

    def __init__(self, turns: Turns, model: str) -> None:
        self._turns, self.model = turns, model

    def wait(self, seconds: float = 0.5) -> Iterator[int]:
        """Yields how many are ahead, every ``seconds``, until none is; so a visitor who leaves is noticed."""
        while ahead := self._turns.ahead(self, 0.0):
            yield ahead
            self._turns.ahead(self, seconds)
