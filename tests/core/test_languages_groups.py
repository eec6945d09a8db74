"""Facts about languages, and means that no language drops out of."""

import pytest

from core.languages import GROUPINGS, UNKNOWN, group_of, language_facts, mean_over_languages, means_by_group
from core.models.loading import ASSETS

CODES = [
    line.split(",")[0]
    for line in (ASSETS / "languages.csv").read_text(encoding="utf-8").splitlines()
    if not line.startswith(("#", "code,"))
]


def test_every_language_of_the_file_is_read_once_and_has_family_script_and_sane_numbers() -> None:
    assert len(CODES) == len(set(CODES)) >= 204
    for code in CODES:
        known = language_facts(code)
        assert UNKNOWN not in (known.family, known.genus, known.script), code
        assert known.latitude is None or (-60 < known.latitude < 75 and -180 <= (known.longitude or 0) <= 180), code
        assert known.resource_class is None or 0 <= known.resource_class <= 5, code


def test_every_bundled_language_has_an_entry_with_a_resource_class_and_a_place() -> None:
    bundled = [path.stem for path in (ASSETS / "demonstrations" / "topic").glob("*.jsonl")]
    assert len(bundled) == 30
    for code in bundled:
        assert language_facts(code).resource_class is not None, code
        assert language_facts(code).latitude is not None, code


def test_facts_that_anyone_can_check() -> None:
    """Joshi et al. name English, Spanish, German, Japanese, French, Mandarin and Arabic as the seven winners (their table 1)."""
    winners = {code for code in CODES if language_facts(code).resource_class == 5}
    assert {code.split("_")[0] for code in winners} == {"eng", "spa", "deu", "jpn", "fra", "zho", "arb"}
    assert [group_of("swh_Latn", grouping) for grouping in GROUPINGS] == [
        "Niger-Congo",
        "Bantu",
        "Latn",
        "Africa",
        "low (0-2)",
    ]
    assert group_of("hin_Deva", "resource") == "high (4-5)"
    assert group_of("por_Latn-BR", "genus") == "Romance"


def test_an_unknown_language_is_grouped_as_unknown_and_kept() -> None:
    found = means_by_group({"qqq_Latn": 0.2, "fra_Latn": 0.6, "spa_Latn": 0.8}, "family")
    assert found == {"Indo-European": (pytest.approx(0.7), ("fra_Latn", "spa_Latn")), UNKNOWN: (0.2, ("qqq_Latn",))}
    assert list(means_by_group({"qqq_Latn": 0.2}, "script")) == ["Latn"]


def test_kinds_of_arabic_weigh_as_one_language() -> None:
    """(0.2 + 0.4) / 2 = 0.3 for Arabic, then (0.3 + 0.9) / 2."""
    assert mean_over_languages({"arb_Arab": 0.2, "arz_Arab": 0.4, "heb_Hebr": 0.9}) == pytest.approx(0.6)
