"""The app as ``python app/main.py`` starts it, but that questions are not put to the model, which no attack here is about, and that
headers and bodies have a quarter of their time.

A question is checked as always, and its model, precision and run are looked for as always; then it is answered with nothing. One
that contains "LONG" takes its time first, and one with "HOLD" a minute, or until there is a file ``go_on`` in the working folder.
``controls.json`` there says which component is which control of Explore.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import app.page
from app.access import guard, header_time
from app.explore.form import Form
from app.explore.handlers import ExploreHandlers
from app.explore.service import ExploreService, Step
from app.explore.tab import wire_explore
from app.main import main
from core.models.catalogue import DEFAULT
from core.records import Prediction

LONG_S, HOLD_S = 5.0, 60.0


def answer_with_nothing(self: ExploreService, form: Form, answered: Mapping[str, Prediction]) -> Iterator[Step]:
    if (form.model, form.run) != (DEFAULT, ""):
        self.predictor(form)
    yield Step((), "explore.step_choose", {}, 0.1)
    if "LONG" in form.text:
        time.sleep(LONG_S)
    if "HOLD" in form.text:
        ends = time.monotonic() + HOLD_S
        while not Path("go_on").exists() and time.monotonic() < ends:
            time.sleep(0.2)
    yield Step((), "", {}, 1.0, finished=True)


def wire_and_tell(handlers: ExploreHandlers) -> None:
    names = {name: component._id for name, component in handlers.parts.inputs.items()}
    Path("controls.json").write_text(json.dumps(names), encoding="utf-8")
    wire_explore(handlers)


if __name__ == "__main__":
    guard.SECONDS /= 4
    header_time.HEADER_SECONDS /= 4
    app.page.wire_explore = wire_and_tell
    # What ``ask`` goes on to once a question is within its bounds.
    ExploreService._ask_here = answer_with_nothing  # type: ignore[method-assign]
    sys.exit(main())
