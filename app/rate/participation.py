"""What stands before a rater's first item and after her last, as the raters' page asks for it: consent, questions, the platform's code."""

from collections.abc import Mapping
from typing import Any

from annotation.participation_records import Consent, Outstanding, Question
from annotation.store import RatingStore
from app.rate.item import Json, in_language
from app.texts import Texts


def outstanding_json(outstanding: Outstanding, texts: Texts) -> Json:
    """The consent text and the questions that are still open, in the language of the page; None and [] where there are none."""
    consent = outstanding.consent
    return {
        "consent": None if consent is None else _consent_json(consent, texts),
        "questions": [_question_json(one, texts) for one in outstanding.questions],
    }


def _consent_json(consent: Consent, texts: Texts) -> Json:
    return {"version": consent.version, **in_language(consent.texts, texts.tag)}


def _question_json(question: Question, texts: Texts) -> Json:
    return {
        "key": question.key,
        "kind": question.kind,
        "optional": question.optional,
        **in_language(question.text, texts.tag),
        "options": [in_language(option, texts.tag) for option in question.options],
    }


class Participation:
    """Consent and background answers of a rater, by her token."""

    def __init__(self, store: RatingStore) -> None:
        self._store = store

    def agree(self, token: str | None, sent: Mapping[str, Any]) -> Json:
        """Stores that she agreed to the version that she read. Raises InvalidRecord for another one."""
        rater = self._store.rater_of_token(token or "")
        version = sent.get("version")
        self._store.agree(rater.id, version if isinstance(version, str) else "")
        return {}

    def background(self, token: str | None, sent: Mapping[str, Any]) -> Json:
        """Stores her answers to the background questions, all at once. Raises InvalidRecord."""
        rater = self._store.rater_of_token(token or "")
        answers = sent.get("answers")
        self._store.answer_background(rater.id, answers if isinstance(answers, dict) else {})
        return {}

    def completion(self, rater_id: int) -> Json | None:
        """The code for the platform that sent her, once her last item is saved; None before, and where there is no platform."""
        done = self._store.completion(rater_id)
        return (
            None if done is None else {"code": done.code, "redirect": done.redirect, "screened_out": done.screened_out}
        )
