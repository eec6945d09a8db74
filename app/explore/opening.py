"""The opening example, answered in the background so that the first visitor finds it there."""

import threading

from app.explore.answer import Response
from app.explore.examples import examples
from app.explore.service import ExploreService

LONGEST_END_S = 20  # seconds that the end waits for the step in progress


class Opening:
    """Answers the first example once; whoever opens the page meanwhile waits for it."""

    def __init__(self, explore: ExploreService) -> None:
        self._explore = explore
        self._response: Response | None = None
        self._error: Exception | None = None
        self._ready, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="opening", daemon=True)

    def start(self) -> None:
        """Begin, once the page can be had: it would slow the start."""
        self._thread.start()

    def _work(self) -> None:
        try:
            for step in self._explore.ask(examples()[0]):
                if self._closing.is_set():
                    raise InterruptedError("The app is closing.")
                self._response = step.response
        except Exception as error:
            self._error = error
        finally:
            self._ready.set()

    def response(self) -> Response | None:
        """The answered example, waiting for it if need be. Raises what went wrong."""
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self._response

    def close(self) -> None:
        """End what is under way: a thread that computes while the interpreter goes down would abort it. Harmless when repeated."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=LONGEST_END_S)
