"""The app as ``python app/main.py`` starts it, but that questions are not put to the model, which no attack here is about.

A question is checked as always, and its model, precision and run are looked for as always; then it is answered with nothing. One
that contains "LONG" takes its time first.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.explore.form import Form
from app.explore.service import ExploreService, Step
from app.main import main
from core.models.catalogue import DEFAULT
from core.records import Prediction

LONG_S = 5.0


def answer_with_nothing(self: ExploreService, form: Form, answered: Mapping[str, Prediction]) -> Iterator[Step]:
    if (form.model, form.run) != (DEFAULT, ""):
        self.predictor(form)
    yield Step((), "explore.step_choose", {}, 0.1)
    if "LONG" in form.text:
        time.sleep(LONG_S)
    yield Step((), "", {}, 1.0, finished=True)


if __name__ == "__main__":
    # What ``ask`` goes on to once a question is within its bounds.
    ExploreService._ask_here = answer_with_nothing  # type: ignore[method-assign]
    sys.exit(main())
