"""Self-tests beside translations: run by one press, remembered by weights, strategy and direction, and shown where they belong.

Tests of `app.explore.self_test_html`.
"""

from dataclasses import replace

import pytest

from app.explore.form import Form
from app.explore.panels import result_panels
from app.explore.self_test_html import self_test_lines
from app.explore.self_tests import untested
from app.explore.service import ExploreService
from app.texts import catalogue
from core.records import Prediction

FORM = Form(
    "Mchezaji alifunga bao la ushindi.", "swh_Latn", "translation", ("eng_Latn", "fra_Latn"), ("random", "knn"), 2
)
TEXTS = catalogue("en")


@pytest.fixture(scope="module")
def predictions(explore: ExploreService) -> tuple[Prediction, ...]:
    *_, last = explore.ask(FORM)
    return last.predictions


def test_one_press_tests_every_direction_and_later_translations_show_it(
    explore: ExploreService, predictions: tuple[Prediction, ...]
) -> None:
    first, second = predictions
    assert untested(explore.self_tests, first) == ("eng_Latn", "fra_Latn")
    before = self_test_lines(first, 0, explore.self_tests, TEXTS, finished=True)
    assert 'data-act="self_test" data-id="0"' in before and "chrF" not in before.split("</span>", 1)[1]
    steps = list(explore.self_test(first))
    assert [step.values for step in steps if step.stage == "selftest.working"] == [
        {"done": 1, "total": 2},
        {"done": 2, "total": 2},
    ]
    assert untested(explore.self_tests, first) == () and untested(explore.self_tests, second) == (
        "eng_Latn",
        "fra_Latn",
    )
    assert list(explore.self_test(first)) == []  # nothing is left to test
    later = replace(first, query=replace(first.query, text="Basi linaondoka."), answers=first.answers[:1])
    result = explore.self_tests.of(later, "eng_Latn")
    assert result is not None and len(result.sentences) == 5 and 0 <= result.chrf <= 100
    line = self_test_lines(later, 0, explore.self_tests, TEXTS, finished=True)
    assert f"in a self-test of 5 sentences chrF {result.chrf:.0f}, {result.copied} copied" in line
    assert f"{result.in_language} in the right language" in line and "data-act" not in line
    assert line.count("<tr>") == 6 and "Kiswahili" in line


def test_another_strategy_number_or_model_is_another_self_test(
    explore: ExploreService, predictions: tuple[Prediction, ...]
) -> None:
    first = predictions[0]
    list(explore.self_test(first))
    assert explore.self_tests.of(first, "eng_Latn") is not None
    for changed in ({"strategy": "bm25"}, {"k": "3"}, {"fingerprint": "other"}, {"prompt": "other"}):
        assert explore.self_tests.of(replace(first, provenance={**first.provenance, **changed}), "eng_Latn") is None
    assert explore.self_tests.of(replace(first, query=replace(first.query, language="hau_Latn")), "eng_Latn") is None


def test_only_translations_have_a_self_test_and_none_while_answers_are_to_come(
    explore: ExploreService, predictions: tuple[Prediction, ...]
) -> None:
    tasks = explore.predictor(FORM).task
    second = predictions[1]
    assert 'data-act="self_test"' not in self_test_lines(second, 1, explore.self_tests, TEXTS, finished=False)
    assert self_test_lines(replace(second, task="topic"), 1, explore.self_tests, TEXTS, finished=True) == ""
    shown = result_panels(predictions, {"translation": tasks}, TEXTS, tests=explore.self_tests)
    assert 'data-act="self_test" data-id="1"' in shown
