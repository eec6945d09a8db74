"""A text in another Unicode form is the same text: a query is never shown its own translation because of how it was typed."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.data.matching import copy_form, normal_form
from core.data.pool import Pool
from core.languages import resolve_language
from core.metrics import exact_match
from core.records import Example, Query
from core.workbench import bundled_examples

ZWNJ, TATWEEL, SOFT_HYPHEN, BOM = "\u200c", "\u0640", "\u00ad", "\ufeff"


@pytest.fixture(scope="module")
def bundled() -> Pool:
    return Pool(tuple(bundled_examples("topic")))


def disguises(text: str) -> dict[str, str]:
    """Ways in which the same sentence comes in."""
    return {
        "NFD": unicodedata.normalize("NFD", text),
        "NFKD": unicodedata.normalize("NFKD", text),
        "upper case": text.upper(),
        "without joiners": text.replace(ZWNJ, "").replace("\u200d", ""),
        "with marks that nobody sees": BOM + SOFT_HYPHEN.join(text),
        "no-break spaces": text.replace(" ", "\u00a0"),
        "without its full stop": text.rstrip(".。।؟!?"),
        "other quotes and a space before the stop": "«" + text[:-1] + " " + text[-1] + "»",
    }


@pytest.mark.parametrize("form", disguises("x"))
def test_a_pool_sentence_in_any_form_is_never_shown_its_translations(form: str, bundled: Pool) -> None:
    """25 of 30 languages in NFD, and 5 of 6 Persian sentences without U+200C, were."""
    first = {e.language: e for e in bundled.examples}.values()
    persian = [e for e in bundled.examples if e.language == "pes_Arab" and ZWNJ in e.text]
    assert len(persian) > 5
    for sentence in (*first, *persian):
        text = disguises(sentence.text)[form]
        if form == "upper case" and text.lower() != sentence.text.lower():
            continue  # capitals that say less: German, Greek and Turkish have some
        usable = bundled.usable(Query(text, sentence.language))
        shown = {e.item for e, may in zip(bundled.examples, usable, strict=True) if may}
        assert sentence.item not in shown, (sentence.language, text)


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
@example("\u0345\u0130\u0301", "NFD")
@settings(max_examples=300, deadline=None)
def test_the_normal_form_is_one_for_all_unicode_forms_and_its_own(text: str, form: str) -> None:
    folded = normal_form(text)
    assert normal_form(folded) == folded
    assert normal_form(unicodedata.normalize(form, text)) == folded
    assert normal_form("\u200b".join(text)) == folded
    assert copy_form(folded) == copy_form(text)


def test_texts_are_stored_as_they_came() -> None:
    text = unicodedata.normalize("NFD", "Élan" + ZWNJ)
    pool = Pool((Example("a", "a", "fra_Latn", text, "travel"), Example("b", "b", "eng_Latn", "Zeal", "travel")))
    assert pool.examples[0].text == text


def test_marks_that_carry_vowels_stay_apart() -> None:
    assert copy_form("कि") != copy_form("कु")
    assert copy_form("resume") != copy_form("résumé")
    assert copy_form("...") == "..."


def test_answers_and_names_of_languages_match_in_any_form() -> None:
    assert exact_match(unicodedata.normalize("NFD", "São Tomé"), "São Tomé", "por_Latn") == 1.0
    assert resolve_language(unicodedata.normalize("NFD", "Español"), ["spa_Latn", "eng_Latn"]).code == "spa_Latn"
