"""What answers are compared on, in the form of a study: chosen, written, saved, shown again, refused with a reason."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from preference_examples import OVERALL, TONE, compared_study

from annotation.criteria import DEFAULT_CRITERIA, default_questions, text_for
from annotation.errors import InvalidRecord
from annotation.export.archive import write_archive
from annotation.store import RatingStore
from app.study.archives import from_archive
from app.study.comparing import EXAMPLE, as_fields, choices, questions_of
from app.texts import available, catalogue


def test_the_questions_that_come_along_are_the_answer_as_a_whole_and_every_criterion() -> None:
    assert [one.key for one in default_questions()] == ["overall", *(one.key for one in DEFAULT_CRITERIA)]
    overall = default_questions()[0]
    assert set(overall.question) == set(overall.label) == set(DEFAULT_CRITERIA[0].question)
    for texts in available():
        names = [name for name, _ in choices(texts)]
        assert len(set(names)) == len(names) and names[0] == text_for(overall.label, texts.tag)


def test_what_is_chosen_and_written_comes_back_as_it_was(tmp_path: Path) -> None:
    own = json.dumps([{"key": "tone", "label": "Tone", "question": "Which answer is kinder?"}])
    questions = questions_of(["fluency", "overall"], own)
    assert [one.key for one in questions] == ["overall", "fluency", "tone"]
    assert questions[2] == TONE
    with RatingStore.open("sqlite://") as store:
        study = store.create_study(compared_study(preferences=questions))
        fields = as_fields(study)
        assert questions_of(fields["preferences"], fields["own_preferences"]) == questions  # type: ignore[arg-type]
        draft, _ = from_archive(write_archive(store, study, tmp_path))
        assert draft.preferences == study.preferences and draft.criteria == ()
    nothing = as_fields(replace(study, preferences=()))
    assert questions_of(nothing["preferences"], nothing["own_preferences"]) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("own", ["{", "{}", "[1]", '[{"key": "tone"}]'])
def test_what_cannot_be_read_says_so_with_an_example(own: str) -> None:
    with pytest.raises(InvalidRecord, match="write a JSON list") as caught:
        questions_of([], own)
    assert caught.value.fact == "bad_preferences"
    assert questions_of([], EXAMPLE)[0] == TONE
    assert catalogue("fr")("refusal.bad_preferences", reason="x", example=EXAMPLE) != catalogue("en")(
        "refusal.bad_preferences", reason="x", example=EXAMPLE
    )
    assert OVERALL.key == "overall"
