"""Consent, questions and codes as an organiser writes them: read, refused with an example, and shown again as they were.

Tests of `app.study.written`.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from rating_examples import new_study

from annotation.errors import InvalidRecord
from annotation.participation_records import Consent, Crowd, Question
from annotation.store import RatingStore
from app.study.before_items import QUESTIONS_EXAMPLE, as_fields, consent_of, crowd_of, questions_of


def test_a_plain_consent_text_is_english_and_an_object_has_languages() -> None:
    assert consent_of(" ", "3") is None
    assert consent_of(" I agree. ", "") == Consent("1", {"en": "I agree."})
    assert consent_of('{"en": "I agree.", "sw": "Nakubali."}', " 4 ") == Consent(
        "4", {"en": "I agree.", "sw": "Nakubali."}
    )
    with pytest.raises(InvalidRecord, match="begins like JSON"):
        consent_of('{"en": ', "1")


def test_the_example_of_questions_can_be_read() -> None:
    years, region = questions_of(QUESTIONS_EXAMPLE)
    assert (years.key, years.kind, years.optional) == ("years", "number", True)
    assert [option["en"] for option in region.options] == ["at home", "at school"]
    assert questions_of("") == ()


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"key": "a"}]'])
def test_questions_that_cannot_be_read_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidRecord, match="years"):
        questions_of(text)


def test_a_platform_is_there_with_its_completion_code() -> None:
    assert crowd_of({"completion_code": "", "parameter": "PROLIFIC_PID"}) is None
    assert crowd_of({"completion_code": "C1", "parameter": ""}) == Crowd("C1", None, "PROLIFIC_PID", None)
    with pytest.raises(InvalidRecord, match="needs a completion code"):
        crowd_of({"redirect": "https://x.example"})


def test_what_is_stored_comes_back_into_the_form_as_it_was(tmp_path: Path) -> None:
    consent = Consent("2", {"en": "Yes.", "sw": "Ndiyo."})
    questions = (Question("a", {"en": "A?"}, "choice", ({"en": "1"}, {"en": "2"}), optional=False),)
    crowd = Crowd("C1", "S1", "id", "https://x.example/{code}")
    with RatingStore.open(tmp_path / "r.db") as store:
        design = replace(new_study("s"), state="draft", consent=consent, background=questions, crowd=crowd)
        fields = as_fields(store.create_study(design))
        plain = as_fields(store.create_study(new_study("plain")))
    assert consent_of(fields["consent"], fields["consent_version"]) == consent
    assert questions_of(fields["background"]) == questions
    assert crowd_of(fields) == crowd
    assert (plain["consent"], plain["background"], crowd_of(plain)) == ("", "", None)
