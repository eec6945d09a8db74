"""What stands before a rater's first item and after her last, as the raters' page asks for it: consent, questions, the platform's code."""

from collections.abc import Mapping
from typing import Any

from annotation.participation_records import Consent, Outstanding, Question
from annotation.records import Rater, Study
from annotation.store import RatingStore
from app.rate.item import Json, in_language, spoken_by
from app.rate.preparation import attempt_json, feedback_json, preparation_json
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

    def preparation(self, token: str | None, sent: Mapping[str, Any]) -> Json:
        """Practice and test that are still open."""
        rater, study = self._store.rater_and_study(token or "")
        return {"preparation": self.preparation_of(rater, study, spoken_by(sent.get("tag"), rater.language))}

    def preparation_of(self, rater: Rater, study: Study, texts: Texts) -> Json | None:
        """The same, for the page's first look at a session."""
        preparation = self._store.preparation(rater.id)
        failed = preparation is not None and preparation.stage == "failed"
        return preparation_json(preparation, study, texts, self.completion(rater.id) if failed else None)

    def practise(self, token: str | None, sent: Mapping[str, Any]) -> Json:
        """What one practised answer should have been. Raises InvalidRating."""
        rater = self._store.rater_of_token(token or "")
        key = sent.get("key")
        feedback, why = self._store.practise(rater.id, key if isinstance(key, str) else "", sent.get("values"))
        return feedback_json(feedback, why, rater.language)

    def test(self, token: str | None, sent: Mapping[str, Any]) -> Json:
        """Takes the test, all answers at once. A retry under the same id gets the first result. Raises InvalidRating."""
        rater = self._store.rater_of_token(token or "")
        attempt = self._store.take_test(rater.id, sent.get("id", ""), sent.get("answers"))
        return {**attempt_json(attempt), **self.preparation(token, sent)}

    def completion(self, rater_id: int) -> Json | None:
        """The code for the platform that sent her, once her last item is saved; None before, and where there is no platform."""
        done = self._store.completion(rater_id)
        return (
            None if done is None else {"code": done.code, "redirect": done.redirect, "screened_out": done.screened_out}
        )
