"""Practice and test before a rater's first item: what is open, feedback, tries, and the end for those who do not pass.

Everything a rater does here lies in one column of her row, apart from ratings: `{"practised": [keys], "attempts": [...]}`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from annotation.database.tables import RaterRow, StudyRow
from annotation.errors import ConsentMissing, InvalidRating
from annotation.qualification_checks import exercises_for, feedback, stage_of
from annotation.qualification_records import Attempt, Exercise, Feedback, Preparation
from annotation.queries.raters import rater_row
from annotation.queries.studies import qualification_record, require_open, scales, study_row
from annotation.validation import canonical_submission_id


def preparation(session: Session, rater_id: int) -> Preparation | None:
    """Where a rater stands; None where the study has no exercises in her language. Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    return prepared(rater, study_row(session, rater.study_id))


def prepared(rater: RaterRow, study: StudyRow) -> Preparation | None:
    """The same of rows."""
    qualification = qualification_record(study)
    if qualification is None:
        return None
    stored = rater.qualification or {}
    attempts = [attempt_record(one) for one in stored.get("attempts", [])]
    return stage_of(qualification, rater.language, stored.get("practised", []), attempts)


def attempt_record(stored: Mapping[str, Any]) -> Attempt:
    """An attempt as the column holds it."""
    return Attempt(stored["id"], datetime.fromisoformat(stored["at"]), stored["right"], stored["of"], stored["passed"])


def practise(session: Session, rater_id: int, key: str, answers: object) -> tuple[list[Feedback], str]:
    """Feedback on one exercise, and the sentence why; that she had it is stored, her answers are not.

    Raises UnknownRater, StudyClosed, InvalidRating.
    """
    rater, study, exercise = _exercise(session, rater_id, key, "practice")
    result = feedback(exercise, answers, scales(session, study.id))
    stored = rater.qualification or {}
    if key not in stored.get("practised", []):
        rater.qualification = {**stored, "practised": [*stored.get("practised", []), key]}
        session.flush()
    return result, exercise.why


def take_test(session: Session, now: datetime, rater_id: int, attempt_id: str, answers: object) -> Attempt:
    """Scores a test, all its answers at once (exercise key -> criterion -> answer), and stores that it was taken.

    A repeat under the same id gets the first result. After the last try that is not passed her part is over: she is
    screened out. Raises UnknownRater, StudyClosed, ConsentMissing, InvalidRating.
    """
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id, lock=True)
    attempt_id = canonical_submission_id(attempt_id)
    before = prepared(rater, study)
    same = next((one for one in before.attempts if one.id == attempt_id), None) if before else None
    if same is not None:
        return same
    require_open(study)
    if before is None or before.stage != "test":
        raise ConsentMissing("the test cannot be taken now; reload the page.")
    if not isinstance(answers, Mapping):
        raise InvalidRating("the ratings did not come by exercise; reload the page.")
    of_criterion = scales(session, study.id)
    results = [
        one for exercise in before.exercises for one in feedback(exercise, answers.get(exercise.key), of_criterion)
    ]
    right = sum(one.right for one in results)
    attempt = Attempt(attempt_id, now, right, len(results), right >= before.needed)
    stored = rater.qualification or {}
    taken = [*stored.get("attempts", []), {**asdict(attempt), "at": now.isoformat()}]
    rater.qualification = {**stored, "attempts": taken}
    if not attempt.passed and before.tries == 1:
        rater.screened_out_at = rater.screened_out_at or now
    session.flush()
    return attempt


def require_prepared(rater: RaterRow, study: StudyRow) -> None:
    """Raises ConsentMissing while a rater has not practised or not passed; one who failed is screened out instead."""
    before = prepared(rater, study)
    if before is not None and before.stage in ("practice", "test"):
        raise ConsentMissing("please do the practice and the test before the first item.")


def _exercise(session: Session, rater_id: int, key: str, kind: str) -> tuple[RaterRow, StudyRow, Exercise]:
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id, lock=True)
    require_open(study)
    qualification = qualification_record(study)
    offered = exercises_for(qualification, rater.language, kind) if qualification else ()
    exercise = next((one for one in offered if one.key == key), None)
    if exercise is None:
        raise InvalidRating(f"there is no exercise {key!r} in this study; reload the page.")
    return rater, study, exercise
