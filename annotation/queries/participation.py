"""Before the first item and after the last: consent, background questions, screening, what a crowd platform gets back."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from sqlalchemy.orm import Session

from annotation.database.tables import RaterRow, StudyRow
from annotation.errors import ConsentMissing, InvalidRecord
from annotation.participation_checks import check_answer
from annotation.participation_records import Completion, Outstanding, Question
from annotation.queries.queue import progress
from annotation.queries.raters import rater_row
from annotation.queries.studies import study_record, study_row


def agree(session: Session, now: datetime, rater_id: int, version: str) -> None:
    """Stores that a rater agreed to a version of the consent text, and when; the first time counts.

    Raises UnknownRater, InvalidRecord for another version than the study's.
    """
    rater = rater_row(session, rater_id)
    study = study_record(session, study_row(session, rater.study_id))
    if study.consent is None or study.consent.version != version:
        requirement = "asks for no consent" if study.consent is None else f"has version {study.consent.version!r}"
        raise InvalidRecord(f"the consent came for version {version!r}, and the study {requirement}; reload the page.")
    if rater.consent_version != version:
        rater.consent_version, rater.consented_at = version, now
    session.flush()


def answer_background(session: Session, rater_id: int, answers: Mapping[str, object]) -> None:
    """Stores a rater's answers to the background questions, all at once; None or a missing key is no answer.

    Raises UnknownRater, InvalidRecord for an unknown question, an answer that does not fit, or a required one missing.
    """
    rater = rater_row(session, rater_id)
    study = study_record(session, study_row(session, rater.study_id))
    questions = {one.key: one for one in study.background}
    unknown = sorted(set(answers) - set(questions))
    if unknown:
        raise InvalidRecord(f"the study has no question {unknown[0]!r}; reload the page.")
    for key, question in questions.items():
        check_answer(question, answers.get(key))
    rater.background = {key: answer for key, answer in answers.items() if answer is not None}
    session.flush()


def outstanding(session: Session, rater_id: int) -> Outstanding:
    """What a rater has still to agree to and to answer; optional questions are asked once. Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    study = study_record(session, study_row(session, rater.study_id))
    return Outstanding(
        study.consent if rater.consent_version is None else None,
        tuple(study.background) if rater.background is None else (),
    )


def require_consent(rater: RaterRow, study: StudyRow) -> None:
    """Raises ConsentMissing while a rater has not agreed, or not answered what is required."""
    if study.consent is not None and rater.consent_version is None:
        raise ConsentMissing("please read the consent text and agree to it before the first item.")
    required = [Question(**one) for one in study.background if not one["optional"]]
    if required and any(one.key not in (rater.background or {}) for one in required):
        raise ConsentMissing("please answer the questions about yourself before the first item.")


def screen_out(session: Session, now: datetime, rater_id: int) -> None:
    """Ends a rater's part: she gets no more items, and the screen-out code. Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    rater.screened_out_at = rater.screened_out_at or now
    session.flush()


def completion(session: Session, now: datetime, rater_id: int) -> Completion | None:
    """The code of the crowd platform; None before the last item is saved, and for a study without one. Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    crowd = study_record(session, study_row(session, rater.study_id)).crowd
    if crowd is None:
        return None
    if rater.screened_out_at is not None:
        code = crowd.screen_out_code
    else:
        so_far = progress(session, now, rater_id)
        finished = so_far.done > 0 and so_far.done + so_far.skipped + so_far.released >= so_far.total
        code = crowd.completion_code if finished else None
    if code is None:
        return None
    address = None if crowd.redirect is None else crowd.redirect.replace("{code}", quote(code, safe=""))
    return Completion(code, address, rater.screened_out_at is not None)
