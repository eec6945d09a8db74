"""The app as ``python app/main.py`` starts it, but that questions are not put to the model, which no attack here is about.

A question is checked as always, then answered with nothing; one that contains "LONG" takes its time first.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.explore.form import Form
from app.explore.service import ExploreService, Step
from app.main import main
from core.inference.predictor import checked
from core.records import Query

LONG_S = 5.0


def ask(self: ExploreService, form: Form) -> Iterator[Step]:
    checked(Query(form.text, "eng_Latn"))
    self.models.open(form.model.strip() or "embedded", form.precision, form.run) if form.model != "embedded" else None
    yield Step((), "explore.step_choose", {}, 0.1)
    if "LONG" in form.text:
        time.sleep(LONG_S)
    yield Step((), "", {}, 1.0, finished=True)


if __name__ == "__main__":
    ExploreService.ask = ask  # type: ignore[method-assign]
    sys.exit(main())
