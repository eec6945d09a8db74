"""What stays as it is once a study is open: design, criteria, items, outputs, attention checks."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.errors import StudyFrozen
from annotation.models import AssignmentRow, RaterRow, StudyRow


def refuse_frozen(study: StudyRow, what: str) -> None:
    """Raises StudyFrozen for a study that was opened for good."""
    if study.frozen_at is not None:
        raise StudyFrozen(
            f"study '{study.slug}' is frozen since {study.frozen_at:%Y-%m-%d %H:%M} UTC, when it opened, and {what}; "
            "make a new study for other texts or another design."
        )


def require_draft(session: Session, study: StudyRow) -> None:
    """Raises StudyFrozen unless the study is a draft that no rater has been given anything of."""
    refuse_frozen(study, "cannot be changed")
    if study.state != "draft":
        raise StudyFrozen(f"study '{study.slug}' is {study.state}; only a draft can be changed. Make a new study.")
    given = select(AssignmentRow.id).join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
    if session.scalar(given.where(RaterRow.study_id == study.id).limit(1)) is not None:
        raise StudyFrozen(
            f"study '{study.slug}' is a draft again, but raters have seen its items; make a new study instead."
        )
