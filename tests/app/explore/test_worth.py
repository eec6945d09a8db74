"""What is said of certainty: what was counted, under the settings that it was counted with, and otherwise nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.explore.form import Form
from app.explore.panels import result_panels
from app.explore.service import ExploreService
from app.explore.worth import worth_of
from app.texts import catalogue
from core.data.tasks import load_tasks
from core.inference.certainty import Certainty, bin_of
from core.models.loading import ASSETS
from core.records import Prediction

TEXTS = catalogue("en")


@pytest.fixture(scope="module")
def prediction(explore: ExploreService) -> Prediction:
    *_, last = explore.ask(Form("The team won the cup.", "eng_Latn", "topic", ("eng_Latn",), ("agl",), 2))
    return last.predictions[0]


@pytest.fixture
def counted(prediction: Prediction, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the record of every model hold 100 answers, 65 of them right, as certain as the one given."""
    made = prediction.provenance
    number = bin_of(prediction.answers[0].confidence or 0.0)

    def record(**changes: object) -> None:
        settings = {
            "prompt": made["prompt"],
            "calibration": made["calibration"],
            "strategies": ("agl", "knn"),
            "k": 2,
        } | changes
        certainty = Certainty({}, {("topic", "eng_Latn", number): (100, 65)}, **settings)  # type: ignore[arg-type]
        monkeypatch.setattr("app.explore.worth.certainty_of", lambda model: certainty)

    return record


def test_beside_an_answer_stands_how_many_such_answers_were_right(
    prediction: Prediction, counted: Callable[..., None]
) -> None:
    counted()
    assert worth_of(prediction) == (0.65, 100)
    html = result_panels((prediction,), load_tasks(ASSETS), TEXTS)
    assert TEXTS("verdict.worth", count="65", n="100") in html


def test_nothing_is_said_of_what_was_not_counted(prediction: Prediction, counted: Callable[..., None]) -> None:
    for changes in ({"prompt": "another"}, {"calibration": "another"}, {"strategies": ("knn",)}, {"k": 4}):
        counted(**changes)
        assert worth_of(prediction) is None
    counted()
    for made in ({"adapter": "a run"}, {"edited": "yes: a"}, {"from": "eng_Latn"}, {"model": "/some/folder"}):
        assert worth_of(replace(prediction, provenance={**prediction.provenance, **made})) is None
    assert worth_of(replace(prediction, task="sentiment")) is None
    assert worth_of(replace(prediction, answers=())) is None


def test_no_model_is_certain(prediction: Prediction) -> None:
    sure = replace(prediction.answers[0], confidence=1.0)
    html = result_panels((replace(prediction, answers=(sure,)),), load_tasks(ASSETS), TEXTS)
    assert "1.00" not in html
    assert "&gt;.99" in html or ">.99" in html
