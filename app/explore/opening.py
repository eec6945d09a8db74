"""The opening example, answered in the background so that the first visitor finds it there, or sees it grow."""

import threading
from collections.abc import Iterator

from app.explore.examples import examples
from app.explore.service import ExploreService, Step

LONGEST_END_S = 20  # seconds that the end waits for the step in progress


class Opening:
    """Answers the first example once; whoever opens the page meanwhile sees what there is of it."""

    def __init__(self, explore: ExploreService) -> None:
        self._explore = explore
        self._step: Step | None = None  # the newest
        self._error: Exception | None = None
        self._ended, self._changed, self._closing = False, threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="opening", daemon=True)

    def start(self) -> None:
        """Begin, once the page can be had: it would slow the start."""
        self._thread.start()

    def _work(self) -> None:
        try:
            for step in self._explore.ask(examples()[0]):
                if self._closing.is_set():
                    raise InterruptedError("The app is closing.")
                with self._changed:
                    self._step = step
                    self._changed.notify_all()
        except Exception as error:
            self._error = error
        finally:
            self.end()

    def end(self) -> None:
        """Let nobody wait any longer: everything that will come is there."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def steps(self) -> Iterator[Step]:
        """The newest step of the answer, and each later one that is the newest when it is asked for. Raises what went wrong."""
        seen: Step | None = None
        while True:
            with self._changed:
                while not self._ended and self._step is seen:
                    self._changed.wait()
                step, ended = self._step, self._ended
            if self._error is not None:
                raise self._error
            if step is not None and step is not seen:
                yield step
            seen = step
            if ended:
                return

    def close(self) -> None:
        """End what is under way: a thread that computes while the interpreter goes down would abort it. Harmless when repeated."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=LONGEST_END_S)
