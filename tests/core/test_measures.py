"""Adherence, calibration, metrics and the checks of a pool: worked examples and independent implementations.

Tests of `core.data.checks`.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from core.data.checks import check_demonstrations
from core.errors import InvalidConfig
from core.language_id import detect, label_adherence, language_fault, text_adherence
from core.metrics import accuracy, macro_f1
from core.records import Distribution, Example
from core.scoring.calibration import batch, contextual, kl_divergence, log_softmax
from core.workbench import bundled_examples

AMONG = ("eng_Latn", "fra_Latn", "arb_Arab", "rus_Cyrl", "swh_Latn")


def test_label_adherence_is_the_share_of_probability_on_own_words() -> None:
    # Probabilities 0.2, 0.1 (own) and 0.1 (foreign): 0.3 / 0.4. Adding a constant to all changes nothing.
    logs = np.log([0.2, 0.1, 0.1])
    assert label_adherence(logs, [True, True, False]) == pytest.approx(0.75)
    assert label_adherence(logs - 500, [True, True, False]) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The committee will meet again on Thursday morning.", "eng_Latn"),
        ("Le comité se réunira de nouveau jeudi matin.", "fra_Latn"),
        ("ستجتمع اللجنة مرة أخرى صباح يوم الخميس.", "arb_Arab"),
    ],
)
def test_text_in_the_right_language_adheres_and_in_the_wrong_does_not(text: str, code: str) -> None:
    right = text_adherence(text, code, AMONG)
    assert right is not None
    assert right > 0.9
    for other in set(AMONG) - {code}:
        wrong = text_adherence(text, other, AMONG)
        assert wrong is not None
        assert wrong < 0.1, other
    assert detect(text, AMONG).language == code


def test_text_in_a_foreign_script_has_no_adherence_at_all() -> None:
    assert text_adherence("Комитет соберётся снова в четверг.", "arb_Arab", AMONG) == 0.0


@pytest.mark.parametrize("text", ["", "12 345!", "Hola", "a b c d e"])
def test_a_text_of_few_letters_cannot_be_told(text: str) -> None:
    assert text_adherence(text, "eng_Latn", AMONG) is None
    assert detect(text, AMONG).language is None


def test_a_language_that_cannot_be_identified_is_not_judged() -> None:
    assert text_adherence("Gbɛ̀ ɔ ɖò wiwa mɛ ɖò tò ɔ mɛ.", "fon_Latn", (*AMONG, "fon_Latn")) is None


def test_adherence_is_a_probability_even_when_the_asked_language_is_not_among_the_compared() -> None:
    value = text_adherence("The committee will meet again on Thursday.", "eng_Latn", ("fra_Latn", "swh_Latn"))
    assert value is not None
    assert 0.9 < value <= 1.0


def test_contextual_calibration_worked_example() -> None:
    # p = (0.6, 0.4), content-free (0.8, 0.2): ratios 0.75 and 2, so (0.75, 2) / 2.75. The label changes.
    got = np.exp(contextual(np.log([[0.6, 0.4]]) - 7.0, np.log([0.8, 0.2]) + 3.0))
    assert got == pytest.approx(np.array([[0.75 / 2.75, 2 / 2.75]]))


def test_batch_calibration_worked_example() -> None:
    # Rows (1/2, 1/2) and (4/5, 1/5). Mean logs: log sqrt(1/2 * 4/5) = log sqrt(0.4), log sqrt(1/2 * 1/5) = log sqrt(0.1).
    # Row 1: 0.5 / sqrt(0.4) : 0.5 / sqrt(0.1) = 1 : 2. Row 2: 0.8 / sqrt(0.4) : 0.2 / sqrt(0.1) = 2 : 1.
    got = np.exp(batch(np.log([[0.5, 0.5], [0.8, 0.2]])))
    assert got == pytest.approx(np.array([[1 / 3, 2 / 3], [2 / 3, 1 / 3]]))


def test_batch_calibration_of_one_query_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="saw 1 query"):
        batch(np.zeros((1, 3)))


scores = st.lists(st.tuples(st.floats(-80, 0), st.floats(-80, 0)), min_size=1, max_size=8)


@given(scores)
def test_kl_equals_scipy_and_is_never_negative(pairs: list[tuple[float, float]]) -> None:
    first, second = np.array(pairs).T
    got = kl_divergence(first, second)
    assert got >= 0
    assert got == pytest.approx(stats.entropy(special.softmax(first), special.softmax(second)), rel=1e-6, abs=1e-9)


def test_kl_worked_example_has_a_direction() -> None:
    # KL((1/2, 1/2) || (1/4, 3/4)) = 1/2 log 2 + 1/2 log(2/3) = 0.1438; the other way 1/4 log(1/2) + 3/4 log(3/2) = 0.1308.
    assert kl_divergence(np.log([0.5, 0.5]), np.log([0.25, 0.75])) == pytest.approx(0.5 * math.log(4 / 3))
    assert kl_divergence(np.log([0.25, 0.75]), np.log([0.5, 0.5])) == pytest.approx(0.1308, abs=5e-5)


@given(scores)
def test_log_softmax_equals_scipy(pairs: list[tuple[float, float]]) -> None:
    values = np.array(pairs)
    assert log_softmax(values) == pytest.approx(special.log_softmax(values, axis=-1), abs=1e-9)


def test_a_distribution_is_normalised_over_its_labels() -> None:
    found = Distribution({"a": math.log(0.02) - 900, "b": math.log(0.06) - 900})
    assert found.probabilities == pytest.approx({"a": 0.25, "b": 0.75})
    assert found.best == "b"


def test_macro_f1_equals_a_confusion_counted_by_hand() -> None:
    gold = ["a", "a", "a", "b", "b", "c"]
    predicted = ["a", "a", "b", "b", "c", "a"]
    # a: TP 2, FP 1, FN 1: 4/6. b: TP 1, FP 1, FN 1: 2/4. c: TP 0, FP 1, FN 1: 0. Mean (2/3 + 1/2 + 0) / 3 = 7/18.
    assert macro_f1(gold, predicted, ["a", "b", "c"]) == pytest.approx(7 / 18)
    assert accuracy(gold, predicted) == pytest.approx(0.5)


def test_a_label_neither_in_gold_nor_predicted_is_left_out_of_the_mean() -> None:
    assert macro_f1(["a", "b"], ["a", "b"], ["a", "b", "never"]) == 1.0
    assert macro_f1(["a", "a"], ["b", "b"], ["a", "b"]) == 0.0
    # Always "a": F1 of a is 2 / 3 (TP 1, FP 1), of b 0.
    assert macro_f1(["a", "b"], ["a", "a"], ["a", "b"]) == pytest.approx(1 / 3)
    assert macro_f1(["a"], ["a"], ["a", "b"]) == 1.0


def test_metrics_refuse_lists_of_different_length() -> None:
    with pytest.raises(ValueError, match="zip"):
        accuracy(["a"], [])
    with pytest.raises(ValueError, match="zip"):
        macro_f1(["a"], ["a", "a"], ["a"])


# The checks of a pool ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundled() -> list[Example]:
    """The bundled topics in five languages."""
    return [example for example in bundled_examples("topic") if example.language in AMONG]


@pytest.mark.parametrize("name", ["topic", "sentiment"])
@pytest.mark.slow
def test_bundled_demonstrations_pass_all_checks(name: str) -> None:
    assert check_demonstrations(bundled_examples(name)) == []


def test_a_sound_pool_has_no_findings(bundled: list[Example]) -> None:
    assert check_demonstrations(bundled) == []


def planted(bundled: list[Example], change: dict[str, str], code: str = "fra_Latn") -> tuple[list[Example], Example]:
    """The pool with one sentence of a language changed, and that sentence."""
    place = next(i for i, example in enumerate(bundled) if example.language == code)
    return [*bundled[:place], replace(bundled[place], **change), *bundled[place + 1 :]], bundled[place]


def kinds(examples: list[Example]) -> set[tuple[str, str]]:
    return {(problem.kind, problem.where) for problem in check_demonstrations(examples)}


def test_a_sentence_in_the_wrong_script_is_found(bundled: list[Example]) -> None:
    text = "Исследователи построили небольшой датчик для питьевой воды в городе Найроби."
    examples, faulty = planted(bundled, {"text": text})
    assert ("script", faulty.id) in kinds(examples)


def test_a_sentence_without_letters_is_found(bundled: list[Example]) -> None:
    examples, faulty = planted(bundled, {"text": "1234567890 " * 7})
    assert ("script", faulty.id) in kinds(examples)


def test_a_language_that_is_not_what_it_says_is_found(bundled: list[Example]) -> None:
    """English sentences under a French name: each by itself passes the check of scripts."""
    english = {example.item: example.text for example in bundled if example.language == "eng_Latn"}
    examples = [
        replace(example, text=english[example.item]) if example.language == "fra_Latn" else example
        for example in bundled
    ]
    assert ("language", "fra_Latn") in kinds(examples)
    assert ("language", "eng_Latn") not in kinds(examples)


def test_a_duplicate_is_found_whatever_its_case(bundled: list[Example]) -> None:
    first, second = [example for example in bundled if example.language == "fra_Latn"][:2]
    examples = [replace(e, text=first.text.upper()) if e.id == second.id else e for e in bundled]
    assert ("duplicate", second.id) in kinds(examples)


def test_a_missing_item_is_found(bundled: list[Example]) -> None:
    faulty = next(example for example in bundled if example.language == "swh_Latn")
    problems = check_demonstrations([example for example in bundled if example.id != faulty.id])
    assert [(problem.kind, problem.where) for problem in problems] == [("completeness", "swh_Latn")]
    assert faulty.item in problems[0].message


def test_an_item_said_twice_or_with_two_labels_is_found(bundled: list[Example]) -> None:
    examples, faulty = planted(bundled, {"label": "cooking"})
    assert ("completeness", faulty.item) in kinds(examples)
    again = replace(bundled[0], id="again", text="Something quite different is said in this sentence here.")
    assert ("completeness", again.language) in kinds([*bundled, again])


def test_a_sentence_of_unusual_length_is_found(bundled: list[Example]) -> None:
    faulty = next(example for example in bundled if example.language == "rus_Cyrl")
    for text in (faulty.text * 4, faulty.text[: len(faulty.text) // 4]):
        examples = [replace(e, text=text) if e.id == faulty.id else e for e in bundled]
        assert ("length", faulty.id) in kinds(examples)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("... 12", "empty"),
        ("Мэр проиграл выборы вчера.", "script"),
        ("The mayor has lost the vote and the people are happy.", "language"),
        ("Le maire a perdu le vote et les gens sont contents.", ""),
    ],
)
def test_why_a_text_is_none_in_a_language_is_named(text: str, fault: str) -> None:
    assert language_fault(text, "fra_Latn", ("eng_Latn", "rus_Cyrl")) == fault
