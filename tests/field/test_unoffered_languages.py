"""Texts in languages that are not offered: "none of these" with what it seems to be, never a sure wrong answer."""

import pandas as pd
import pytest

from core.config import ASSETS
from core.language_id import LEAST_CERTAINTY, Detection, detect, identifiable
from core.languages import language

OFFERED = sorted(path.stem for path in (ASSETS / "templates").glob("*.toml"))
SIB200 = ASSETS.parents[1] / "shared" / "data" / "sib200" / "sib200_devlangs_train_dev.parquet"


@pytest.mark.parametrize(
    ("text", "seems"),
    [
        ("Dobro jutro, kako ste danas? Sutra idemo na more.", "Croatian"),
        ("Jeg har ikke sett ham i dag, men han kommer vel i morgen.", "Norwegian"),
        ("El meu germà viu a Barcelona i treballa de metge.", "Catalan"),
        ("मलाई थाहा छैन, तर उनीहरू भोलि काठमाडौं जानेछन्।", "Nepali"),
        ("Kami telah pergi ke kedai semalam kerana hendak membeli ikan.", "Malay"),
    ],
)
def test_a_language_that_is_not_offered_is_named_and_none_of_the_offered_is_answered(text: str, seems: str) -> None:
    """Each was answered with the nearest offered language at 0.96."""
    detection = detect(text, OFFERED)
    assert detection.language is None
    assert seems in detection.seems
    assert seems in detection.sentence
    assert detection.certainty < 0.2


def test_a_close_offered_language_is_named_beside_it() -> None:
    detection = detect("Kami telah pergi ke kedai semalam kerana hendak membeli ikan.", OFFERED)
    assert (detection.reason, [code for code, _ in detection.alternatives]) == ("close", ["ind_Latn"])
    assert detection.sentence == "it seems to be Malay, which is close to Indonesian but not offered"


@pytest.mark.parametrize(
    ("text", "offered", "among"),
    [
        ("Saya tidak tahu apa yang harus dilakukan.", ["ind_Latn", "zsm_Latn", "eng_Latn"], {"ind_Latn", "zsm_Latn"}),
        ("Dobro jutro, kako ste danas?", ["hrv_Latn", "bos_Latn", "pol_Latn"], {"hrv_Latn", "bos_Latn"}),
        ("Han spiser mad med sin ven.", ["nob_Latn", "dan_Latn", "deu_Latn"], {"nob_Latn", "dan_Latn"}),
    ],
)
def test_close_pairs_that_are_offered_are_both_named(text: str, offered: list[str], among: set[str]) -> None:
    detection = detect(text, offered)
    assert {detection.language, *(code for code, _ in detection.alternatives)} == among
    assert detection.certainty >= max(certainty for _, certainty in detection.alternatives)


def test_romanised_hindi_is_not_shona() -> None:
    detection = detect("Bhai aapka isme", OFFERED)
    assert (detection.language, detection.reason) == (None, "uncertain")
    assert detection.certainty < 0.2


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("איך וויל מאָרגן גיין אין מאַרק קויפֿן ברויט און מילך פֿאַר מײַן משפּחה.", "heb_Hebr"),  # Yiddish, as Hebrew at 1.0
        ("हम काल्हि बजार जा कऽ माछ आ तरकारी कीनब, अहाँ की खायब से कहू।", "hin_Deva"),  # Maithili, as Hindi at 0.92
    ],
)
def test_a_language_that_the_identifier_never_learnt_is_not_taken_for_the_nearest_one(text: str, taken: str) -> None:
    detection = detect(text, OFFERED)
    assert (detection.language, detection.reason) == (None, "unlike")
    assert detection.certainty < 0.2
    assert [code for code, _ in detection.alternatives][:1] == [taken]
    assert detection.sentence == f"its words are hardly those of {language(taken).name}, which comes nearest"


@pytest.mark.parametrize(("text", "code"), [("你好", "zho_Hans"), ("नमस्ते", "hin_Deva"), ("שלום", "heb_Hebr")])
def test_a_short_greeting_is_not_refused_but_uncertain(text: str, code: str) -> None:
    detection = detect(text, OFFERED)
    assert detection.language == code
    assert not detection.sure
    assert detection.certainty < LEAST_CERTAINTY


def test_the_script_is_hard_evidence() -> None:
    assert detect("Комитет соберётся снова в четверг.", ["eng_Latn", "arb_Arab"]) == Detection(
        None, 0.0, reason="script"
    )
    assert detect("12 345!", OFFERED) == Detection(None, 0.0, reason="no letters")


def test_no_offered_language_is_refused_where_it_is_offered_alone() -> None:
    assert detect("The committee will meet again on Thursday.", ["eng_Latn"]).language == "eng_Latn"


@pytest.mark.slow
def test_sentences_of_languages_not_offered_are_accepted_rarely() -> None:
    """Measured on SIB-200 dev_query, 8 sentences a language: 220 of 224 of the offered are right, 2 of 560 in others that the identifier
    knows are accepted, and 72 of 576 in those that it does not know, which were 172 before their words were looked at.
    """
    if not SIB200.is_file():
        pytest.skip(f"needs ../shared/data/sib200/{SIB200.name}")
    rows = pd.read_parquet(SIB200, columns=["language", "text", "devfold"])
    rows = rows[rows["devfold"] == "dev_query"].groupby("language").head(5)
    groups = {language(code).group for code in OFFERED}
    right, accepted, unlearnt = [], [], []
    for code, text in zip(rows["language"].str.split("-").str[0], rows["text"], strict=True):
        answer = detect(text, OFFERED).language
        if code in OFFERED:
            right.append(answer == code)
        elif identifiable(code) and language(code).group not in groups:
            accepted.append(answer is not None)
        elif language(code).group not in groups:
            unlearnt.append(answer is not None)
    assert sum(right) / len(right) >= 0.97
    assert sum(accepted) / len(accepted) <= 0.02
    assert (
        sum(unlearnt) / len(unlearnt) <= 0.16
    )  # 0.3 before words counted; the rest are close relatives of offered languages
