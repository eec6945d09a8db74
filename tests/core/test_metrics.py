"""Measures of free text, by hand."""

import pytest

from core.metrics import chrf, exact_match, last_number, measured, token_f1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5 + 6 = 11. The answer is 11.", "11"),
        ("١٢ و ٣٤", "34"),  # Arabic-Indic digits
        ("উত্তর হল ১১।", "11"),
        ("答えは29です。", "29"),
        ("1,234", "1234"),
        ("1.234.567", "1234567"),
        ("3,5", "3.5"),
        ("2.50", "2.5"),
        ("\N{MINUS SIGN}7", "-7"),
        ("1 2", "2"),
        ("none", ""),
        ("100", "100"),
    ],
)
def test_the_last_number_is_read_in_any_script(text: str, number: str) -> None:
    assert last_number(text) == number


def test_an_answer_without_a_number_is_wrong_even_where_the_reference_has_none() -> None:
    assert measured("math", "none", "none", "eng_Latn") == {"exact_match": 0.0}
    assert measured("math", "It is 1,000.", "1000", "eng_Latn") == {"exact_match": 1.0}


def test_squad_measures_pass_over_case_punctuation_and_english_articles_alone() -> None:
    assert exact_match("The Panthers.", "panthers", "eng_Latn") == 1
    assert exact_match("the Panthers.", "panthers", "deu_Latn") == 0
    # Bags {denver, broncos, won} and {denver, broncos}: 2 * 2 / (3 + 2).
    assert token_f1("Denver Broncos won", "the Denver Broncos", "eng_Latn") == pytest.approx(0.8)
    assert token_f1("x", "y", "eng_Latn") == 0
    # Characters are the tokens of Chinese: two of three and two shared.
    assert token_f1("三百八", "三百", "zho_Hans") == pytest.approx(0.8)
    assert token_f1("", "", "eng_Latn") == 1


def test_chrf_of_one_answer_is_that_of_a_corpus_of_one() -> None:
    # tests/core/embedded/test_quality.py derives 100 * 7 / 18.
    assert measured("translation", "abc", "abd", "fra_Latn") == {"chrf": pytest.approx(chrf(["abc"], ["abd"]))}
