"""Language facts, against the scripts and names that FLORES-200, Unicode and BCP 47 give."""

import pytest

from core.errors import UnknownLanguage
from core.languages import language, resolve_language

KNOWN = ("eng_Latn", "swh_Latn", "arb_Arab", "zho_Hans", "jpn_Jpan", "kor_Hang", "por_Latn", "tgl_Latn", "hin_Deva")


@pytest.mark.parametrize(
    ("code", "tag", "name", "autonym", "direction"),
    [
        ("eng_Latn", "en", "English", "English", "ltr"),
        ("swh_Latn", "sw", "Swahili", "Kiswahili", "ltr"),
        ("arb_Arab", "ar", "Arabic", "العربية", "rtl"),
        ("heb_Hebr", "he", "Hebrew", "עברית", "rtl"),
        ("urd_Arab", "ur", "Urdu", "اردو", "rtl"),
        ("pes_Arab", "fa", "Persian", "فارسی", "rtl"),
        ("jpn_Jpan", "ja", "Japanese", "日本語", "ltr"),
        ("kor_Hang", "ko", "Korean", "한국어", "ltr"),
        ("tgl_Latn", "fil", "Filipino", "Filipino", "ltr"),
    ],
)
def test_a_code_gives_tag_names_and_direction(code: str, tag: str, name: str, autonym: str, direction: str) -> None:
    found = language(code)
    assert (found.tag, found.name, found.autonym, found.direction) == (tag, name, autonym, direction)


def test_script_is_named_in_the_tag_only_where_it_is_unusual() -> None:
    assert language("srp_Cyrl").tag == "sr"
    assert language("srp_Latn").tag == "sr-Latn"
    assert language("ace_Arab").direction == "rtl"
    assert language("ace_Latn").direction == "ltr"


def test_a_variety_is_not_part_of_the_identity() -> None:
    assert language("por_Latn-BR") == language("por_Latn")


def test_every_arabic_variety_is_of_one_group_and_no_other_language_is() -> None:
    varieties = [
        "arb_Arab",
        "arb_Latn",
        "ary_Arab",
        "arz_Arab",
        "arq_Arab",
        "ars_Arab",
        "aeb_Arab",
        "acm_Arab",
        "apc_Arab",
    ]
    assert {language(code).group for code in varieties} == {"ar"}
    assert {language(code).group for code in ("zho_Hans", "zho_Hant")} == {"zh"}
    assert "ar" not in {language(code).group for code in ("arg_Latn", "pes_Arab", "heb_Hebr", "mlt_Latn")}


@pytest.mark.parametrize("code", ["en", "eng-Latn", "ENG_Latn", "eng_latn", "", "eng_Latn_US", "eng_Latn-"])
def test_malformed_codes_are_refused(code: str) -> None:
    with pytest.raises(UnknownLanguage, match=r"is not a language code; write it like 'swh_Latn'"):
        language(code)


@pytest.mark.parametrize("code", ["xyq_Latn", "eng_Zzzx"])
def test_unassigned_codes_are_refused(code: str) -> None:
    with pytest.raises(UnknownLanguage, match=r"names no language or script"):
        language(code)


@pytest.mark.parametrize(
    ("code", "text", "share"),
    [
        ("eng_Latn", "Hello, world 123!", 1.0),
        ("jpn_Jpan", "漢字かなカナ", 1.0),  # three scripts, all Japanese
        ("zho_Hans", "漢字かな", 0.5),  # kana is not Chinese
        ("kor_Hang", "한국어", 1.0),
        ("rus_Cyrl", "Привет abc", 6 / 9),
        ("hin_Deva", "नमस्ते", 1.0),  # vowel signs are marks, not letters
        ("arb_Arab", "12 !?", None),
        ("arb_Arab", "", None),
    ],
)
def test_share_of_script_counts_letters(code: str, text: str, share: float | None) -> None:
    assert language(code).share_of_script(text) == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("swh_Latn", "swh_Latn"),
        ("sw", "swh_Latn"),
        (" Swahili ", "swh_Latn"),
        ("kiswahili", "swh_Latn"),
        ("العربية", "arb_Arab"),
        ("ar", "arb_Arab"),
        ("ARABIC", "arb_Arab"),
        ("zh", "zho_Hans"),
        ("zh-Hans", "zho_Hans"),
        ("pt-BR", "por_Latn"),
        ("zh-CN", "zho_Hans"),
        ("en-GB", "eng_Latn"),
        ("ko-KR", "kor_Hang"),
        ("tl", "tgl_Latn"),
        ("fil", "tgl_Latn"),
        ("eng", "eng_Latn"),
        ("日本語", "jpn_Jpan"),
    ],
)
def test_people_name_languages_in_many_ways(text: str, code: str) -> None:
    assert resolve_language(text, KNOWN).code == code


@pytest.mark.parametrize("text", ["Klingon", "de", "", "x y z", "eng_Latn; drop", "zh-Hant", "zh-TW", "und"])
def test_languages_not_at_hand_are_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(UnknownLanguage, match=r"is not one of the languages at hand; choose one of: ar, en, fil"):
        resolve_language(text, KNOWN)
