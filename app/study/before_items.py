"""What comes before the first item and after the last, as an organiser writes it: consent, questions, a crowd platform's codes."""

import json
from collections.abc import Mapping
from typing import Any

from annotation.errors import InvalidRecord
from annotation.participation_records import Consent, Crowd, Question
from annotation.records import Study
from app.study.written import by_tag, json_list

CROWD = ("completion_code", "screen_out_code", "parameter", "redirect")  # fields of the form
QUESTIONS_EXAMPLE = (
    '[{"key": "years", "text": "For how many years have you read this language?", "kind": "number", "optional": true}, '
    '{"key": "region", "text": "Where did you learn it?", "kind": "choice", "options": ["at home", "at school"]}]'
)


def consent_of(text: str, version: str) -> Consent | None:
    """The consent text, plain (English) or a JSON object by BCP-47 tag; None where nothing is written. Raises InvalidRecord."""
    if not (text or "").strip():
        return None
    texts: Any = {"en": text.strip()}
    if text.lstrip().startswith("{"):
        try:
            texts = json.loads(text)
        except ValueError as error:
            raise InvalidRecord(
                f'The consent text begins like JSON and is none ({error}); write plain text, or {{"en": "...", "sw": "..."}}.',
                "bad_consent",
                reason=str(error),
            ) from None
    return Consent((version or "").strip() or "1", texts)


def questions_of(text: str) -> tuple[Question, ...]:
    """Background questions from a JSON list of {key, text, kind, options, optional}, texts plain or by tag. Raises InvalidRecord."""
    try:
        return tuple(
            Question(
                one["key"],
                by_tag(one["text"]),
                one["kind"],
                tuple(by_tag(option) for option in one.get("options", ())),
                bool(one.get("optional", True)),
            )
            for one in json_list(text)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRecord(
            f"The background questions cannot be read ({type(error).__name__}: {error}); write a JSON list like {QUESTIONS_EXAMPLE}.",
            "bad_questions",
            reason=f"{type(error).__name__}: {error}",
            example=QUESTIONS_EXAMPLE,
        ) from None


def crowd_of(fields: Mapping[str, str]) -> Crowd | None:
    """A crowd platform's codes; None without a completion code. Raises InvalidRecord where other fields stand without it."""
    values = {name: (fields.get(name) or "").strip() or None for name in CROWD}
    if values["completion_code"] is None:
        if values["screen_out_code"] or values["redirect"]:
            raise InvalidRecord(
                "A crowd platform needs a completion code; write it, or empty the fields beside it.", "no_code"
            )
        return None
    return Crowd(
        values["completion_code"], values["screen_out_code"], values["parameter"] or "PROLIFIC_PID", values["redirect"]
    )


def as_fields(study: Study) -> dict[str, str]:
    """The study's settings as the form shows them, readable by the functions above."""
    consent, crowd = study.consent, study.crowd
    plain = consent is not None and set(consent.texts) == {"en"}
    questions = [
        {
            "key": one.key,
            "text": dict(one.text),
            "kind": one.kind,
            "options": [dict(option) for option in one.options],
            "optional": one.optional,
        }
        for one in study.background
    ]
    text = (
        "" if consent is None else consent.texts["en"] if plain else json.dumps(dict(consent.texts), ensure_ascii=False)
    )
    return {
        "consent": text,
        "consent_version": "1" if consent is None else consent.version,
        "background": json.dumps(questions, ensure_ascii=False, indent=1) if questions else "",
        **{name: (getattr(crowd, name) or "") if crowd else "" for name in CROWD},
        "parameter": crowd.parameter if crowd else "PROLIFIC_PID",
    }
