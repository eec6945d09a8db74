"""The interface in every language."""

import string

import pytest

from app.texts import ENGLISH, available, catalogue

TAGS = [entry.tag for entry in available()]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("tag", TAGS)
def test_every_catalogue_says_everything_with_the_same_values(tag: str) -> None:
    english, other = catalogue(ENGLISH).entries, catalogue(tag).entries
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert placeholders(other[key]) == placeholders(text), key


def test_right_to_left_languages_say_so() -> None:
    assert catalogue("ar").direction == "rtl"
    assert catalogue("zh").direction == "ltr"


def test_an_unknown_language_falls_back_to_english() -> None:
    assert catalogue("xx")("explore.ask") == catalogue(ENGLISH)("explore.ask")
