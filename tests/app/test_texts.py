"""The interface in every language.

Tests of `app.strategies`.
"""

import string
from dataclasses import replace

import pytest

from app.strategies import strategy_title
from app.texts import ENGLISH, available, catalogue
from core.selection.strategies import STRATEGIES

TAGS = [entry.tag for entry in available()]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("tag", TAGS)
def test_a_catalogue_has_no_unknown_key_and_fills_in_the_same_values(tag: str) -> None:
    english, other = catalogue(ENGLISH).entries, catalogue(tag).entries
    titles = {f"explore.strategy_{name}" for name in STRATEGIES}  # English ones stand with the strategies
    assert other.keys() - titles - english.keys() == set()
    for key, text in other.items():
        assert placeholders(text) == placeholders(english.get(key, "")), key


def test_a_word_that_a_language_lacks_is_english() -> None:
    lacking = replace(catalogue("fr"), entries={"app.train": "Entraîner"})
    assert lacking("app.train") == "Entraîner"
    assert lacking("explore.sent", added=1, known=2) == catalogue(ENGLISH)("explore.sent", added=1, known=2)
    assert lacking.knows("explore.ask")
    assert not lacking.knows("explore.nothing_of_the_kind")


def test_a_strategy_without_a_translation_goes_by_its_own_title() -> None:
    assert strategy_title(catalogue(ENGLISH), "knn") == STRATEGIES["knn"].title == "Nearest neighbours (encoder)"
    assert strategy_title(catalogue("fr"), "knn") == "Plus proches voisins (encodeur)"
    french = catalogue("fr")
    without = replace(french, entries={key: text for key, text in french.entries.items() if "knn" not in key})
    assert strategy_title(without, "knn") == "Nearest neighbours (encoder)"


def test_right_to_left_languages_say_so() -> None:
    assert catalogue("ar").direction == "rtl"
    assert catalogue("zh").direction == "ltr"


def test_an_unknown_language_falls_back_to_english() -> None:
    assert catalogue("xx")("explore.ask") == catalogue(ENGLISH)("explore.ask")


def test_chinese_has_one_word_for_a_demonstration() -> None:
    """It had two, by halves: 示例 and 示范. Ready questions are 例子."""
    texts = catalogue("zh")
    assert not [key for key, text in texts.entries.items() if "示范" in text]
    assert "示例" in texts("explore.count") and "例子" in texts("explore.examples")
