"""What answers are compared on, as an organiser chooses it: questions that come along, and her own as JSON."""

import json
from collections.abc import Sequence

from annotation.criteria import default_questions
from annotation.errors import InvalidRecord
from annotation.preference_records import PreferenceQuestion
from annotation.records import Study
from app.criteria import question_label
from app.study.written import by_tag, json_list
from app.texts import Texts

FIELDS = ("preferences", "own_preferences")  # of the form
EXAMPLE = '[{"key": "tone", "label": "Tone", "question": "Which answer is kinder?"}]'


def choices(texts: Texts) -> list[tuple[str, str]]:
    """The questions that come along, by their names in the language of the page."""
    return [(question_label(one, texts), one.key) for one in default_questions()]


def questions_of(keys: Sequence[str] | None, own: str | None) -> tuple[PreferenceQuestion, ...]:
    """The chosen questions, those of her own last. Raises InvalidRecord."""
    chosen = tuple(one for one in default_questions() if one.key in (keys or ()))
    try:
        mine = tuple(
            PreferenceQuestion(one["key"], by_tag(one["question"]), by_tag(one.get("label") or one["key"]))
            for one in json_list(own or "")
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InvalidRecord(
            f"The comparisons of your own cannot be read ({reason}); write a JSON list like {EXAMPLE}.",
            "bad_preferences",
            reason=reason,
            example=EXAMPLE,
        ) from None
    return (*chosen, *mine)


def as_fields(study: Study) -> dict[str, object]:
    """The study's questions as the form shows them, readable by `questions_of`."""
    keys = {one.key for one in default_questions()}
    own = [
        {"key": one.key, "label": dict(one.label), "question": dict(one.question)}
        for one in study.preferences
        if one.key not in keys
    ]
    return {
        "preferences": [one.key for one in study.preferences if one.key in keys],
        "own_preferences": json.dumps(own, ensure_ascii=False, indent=1) if own else "",
    }
