"""The words and scale points that raters see, in every language."""

import re
import tomllib
from pathlib import Path

import pytest

from annotation.criteria import DEFAULT_CRITERIA, FOLDER, in_language
from annotation.records import Criterion
from annotation.vocabulary import SKIP_REASONS
from app.texts import RATE_FOLDER, rater_languages, rater_words

HOLES = re.compile(r"\{(\w*)\}")
WORDS = sorted(RATE_FOLDER.glob("*.toml"))


def content(path: Path) -> dict[str, dict[str, str]]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_no_language_says_what_english_does_not_and_its_values_are_the_same(path: Path) -> None:
    """A word that is missing falls back to English; what a rater answers with is missing nowhere."""
    english, other = rater_words("en").entries, rater_words(path.stem).entries
    assert other.keys() <= english.keys()
    assert [key for key, text in other.items() if not text.strip()] == []
    for key, text in other.items():
        assert sorted(HOLES.findall(text)) == sorted(HOLES.findall(english[key])), key
    assert {f"rate.skip_{reason}" for reason in SKIP_REASONS} <= other.keys()


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_a_file_says_its_language_its_direction_and_who_wrote_it(path: Path) -> None:
    seen = content(path)
    assert seen["tag"] == path.stem
    assert seen["direction"] == ("rtl" if path.stem in {"ar", "ur", "he"} else "ltr")
    assert path.stem == "en" or "machine-written" in seen["provenance"]


def test_the_languages_of_words_and_of_scale_points_are_the_same() -> None:
    tags = {texts.tag for texts in rater_languages()}
    assert tags == {path.stem for path in FOLDER.glob("*.toml")}
    assert {"ar", "ur", "am", "hi", "sw", "zh"} <= tags
    for criterion in DEFAULT_CRITERIA:
        assert set(criterion.anchors) == set(criterion.question) == tags


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_scale_point_has_a_text_of_its_own(path: Path) -> None:
    seen = content(path)
    assert seen["version"] == "1"
    assert path.stem == "en" or "machine-written" in seen["provenance"]
    anchors = [anchor for criterion in DEFAULT_CRITERIA for anchor in seen[criterion.key]["anchors"]]
    assert len(set(anchors)) == 15
    assert max(map(len, anchors)) <= 75  # a phone shows one in two lines


def test_a_study_made_in_english_is_read_in_our_translation_but_own_words_stay() -> None:
    ours = DEFAULT_CRITERIA[0]
    old = Criterion("fluency", {"en": ours.question["en"]}, {"en": ours.anchors["en"]})
    assert in_language(old, "fr-CA") == ("fr", ours.question["fr"], ours.anchors["fr"])
    own = Criterion("fluency", {"en": "Is it readable?"}, {"en": ours.anchors["en"]})
    assert in_language(own, "fr") == ("en", "Is it readable?", ours.anchors["en"])
    newer = Criterion("fluency", {"en": ours.question["en"]}, {"en": ours.anchors["en"]}, version="2")
    assert in_language(newer, "fr")[0] == "en"


def test_an_unknown_tag_speaks_english_and_a_region_its_language() -> None:
    assert rater_words("xx").tag == "en"
    assert rater_words("").tag == "en"
    assert rater_words("zh-Hans-CN").tag == "zh"
