"""Shares of known words and letter sequences, over what is usual for a sentence of a language."""

import pytest

from core.known_words import FEWEST_LETTERS, LEAST_USUAL, _known, familiarity
from core.language_id import LEAST_FAMILIAR, detect

SENTENCES = {
    "eng_Latn": "The committee will meet again on Thursday to discuss the new plan for the harbour.",
    "swh_Latn": "Serikali imetangaza kwamba shule zote zitafunguliwa tena wiki ijayo baada ya mvua kubwa.",
    "fra_Latn": "Le gouvernement a annoncé que toutes les écoles ouvriront de nouveau la semaine prochaine.",
    "hin_Deva": "सरकार ने कहा कि सभी स्कूल भारी बारिश के बाद अगले सप्ताह फिर से खुलेंगे।",
    "tur_Latn": "Hükümet, tüm okulların şiddetli yağmurdan sonra gelecek hafta yeniden açılacağını duyurdu.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_familiar_to_its_own_language_and_to_no_other_of_its_script(code: str) -> None:
    own = familiarity(SENTENCES[code], code)
    assert own is not None and own > LEAST_FAMILIAR + 0.1
    for other in SENTENCES:
        if other != code:
            strange = familiarity(SENTENCES[code], other)
            assert strange is not None and strange < LEAST_FAMILIAR


def test_the_share_is_that_of_words_and_sequences_over_the_usual() -> None:
    known = _known("eng_Latn")
    assert known is not None and "the" in known.words and " the" in known.sequences
    text = "the the the the the the the the the the the the the the"  # every word and sequence is known
    assert familiarity(text, "eng_Latn") == pytest.approx((1 / known.usual_words + 1 / known.usual_sequences) / 2)
    assert familiarity("qxqxqxqx " * 6, "eng_Latn") == 0.0


def test_nothing_is_said_of_a_short_text_a_script_without_blanks_and_a_language_without_sentences() -> None:
    assert familiarity("the " * ((FEWEST_LETTERS - 1) // 3), "eng_Latn") is None
    assert familiarity("政府表示大雨之后所有学校将于下周重新开放。" * 3, "zho_Hans") is None
    assert familiarity(SENTENCES["eng_Latn"], "lin_Latn") is None
    assert 0 < LEAST_USUAL < 1


def test_a_language_without_bundled_sentences_is_named_as_before() -> None:
    danish = "Regeringen har meddelt, at alle skoler åbner igen i næste uge efter den kraftige regn."
    assert detect(danish, ["dan_Latn", "deu_Latn", "eng_Latn"]).language == "dan_Latn"
