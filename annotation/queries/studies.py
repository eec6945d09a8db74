"""Studies and their criteria.

What stays as it is once a study is open: design, criteria, items, outputs, attention checks.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import null, select
from sqlalchemy.orm import Session

from annotation.database.tables import AssignmentRow, CriterionRow, RaterRow, StudyRow
from annotation.errors import StudyClosed, StudyFrozen, UnknownStudy
from annotation.orders import new_seed
from annotation.participation_records import Consent, Crowd, Question
from annotation.preference_records import PreferenceQuestion
from annotation.qualification_records import Exercise, Qualification
from annotation.records import Criterion, NewStudy, Study
from annotation.scales import FIVE, Scale
from annotation.stopping import Stopping, look_of
from annotation.validation import check_study
from annotation.value_checks import is_id
from annotation.vocabulary import MATERIALS, Material, StudyState


def refuse_frozen(study: StudyRow, what: str) -> None:
    """Raises StudyFrozen for a study that was opened for good."""
    if study.frozen_at is not None:
        raise StudyFrozen(
            f"study '{study.slug}' is frozen since {study.frozen_at:%Y-%m-%d %H:%M} UTC, when it opened, and {what}; "
            "make a new study for other texts or another design.",
            "frozen",
            name=study.name,
        )


def require_draft(session: Session, study: StudyRow) -> None:
    """Raises StudyFrozen unless the study is a draft that no rater has been given anything of."""
    refuse_frozen(study, "cannot be changed")
    if study.state != "draft":
        raise StudyFrozen(
            f"study '{study.slug}' is {study.state}; only a draft can be changed. Make a new study.",
            "frozen",
            name=study.name,
        )
    assigned = select(AssignmentRow.id).join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
    if session.scalar(assigned.where(RaterRow.study_id == study.id).limit(1)) is not None:
        raise StudyFrozen(
            f"study '{study.slug}' is a draft again, but raters have seen its items; make a new study instead."
        )


_log = logging.getLogger(__name__)
DESIGN = (
    "name",
    "task",
    "raters_per_item",
    "lease_minutes",
    "items_per_rater",
    "planned_items",
    "target_difference",
    "check_every",
    "repeat_after",
    "failed_share",
)


def study_row(session: Session, study_id: int, *, lock: bool = False) -> StudyRow:
    """Raises UnknownStudy.

    `lock` makes other writers of this study wait on PostgreSQL; SQLite locks the file anyway.
    """
    row = session.get(StudyRow, study_id, with_for_update=lock or None) if is_id(study_id) else None
    if row is None:
        raise UnknownStudy(f"there is no study with the number {study_id!r}; ask studies() for those that exist.")
    return row


def criterion_rows(session: Session, study_id: int) -> Sequence[CriterionRow]:
    """The study's criteria in the order shown."""
    query = select(CriterionRow).where(CriterionRow.study_id == study_id).order_by(CriterionRow.position)
    return session.scalars(query).all()


def scale_record(row: CriterionRow) -> Scale:
    """The scale of a criterion; a study made before there were others has 1 to 5."""
    return FIVE if row.scale is None else Scale(**row.scale)


def scales(session: Session, study_id: int) -> dict[str, Scale]:
    """The scale of every criterion by its key."""
    query = select(CriterionRow.key, CriterionRow.scale).where(CriterionRow.study_id == study_id)
    return {row.key: FIVE if row.scale is None else Scale(**row.scale) for row in session.execute(query)}


def qualification_record(row: StudyRow) -> Qualification | None:
    """Practice and test of a study, None where it has none."""
    if row.qualification is None:
        return None
    exercises = (
        Exercise(**(one | {"expected": {key: (low, high) for key, (low, high) in one["expected"].items()}}))
        for one in row.qualification["exercises"]
    )
    return Qualification(tuple(exercises), row.qualification["pass_share"], row.qualification["tries"])


def slots_of(study: StudyRow, language: str) -> int:
    """How many raters an item may have whose outputs are in this language."""
    return int(study.quotas.get(language, study.raters_per_item))


def require_open(study: StudyRow) -> None:
    """Raises StudyClosed unless the study takes ratings."""
    if study.state != "open":
        raise StudyClosed(
            f"study '{study.slug}' is {study.state} and takes no ratings now; ask the organiser to open it."
        )


def criterion_ids(session: Session, study_id: int) -> dict[str, int]:
    """Row numbers by key, without the anchors in every language that a whole row brings."""
    query = select(CriterionRow.key, CriterionRow.id).where(CriterionRow.study_id == study_id)
    return {row.key: row.id for row in session.execute(query)}


def study_record(session: Session, row: StudyRow) -> Study:
    """The row with its criteria as a plain record."""
    criteria = tuple(
        Criterion(
            criterion.key,
            criterion.question,
            {tag: tuple(anchors) for tag, anchors in criterion.anchors.items()},
            criterion.version,
            criterion.label,
            scale_record(criterion),
        )
        for criterion in criterion_rows(session, row.id)
    )
    return Study(
        id=row.id,
        slug=row.slug,
        instructions=row.instructions,
        criteria=criteria,
        state=cast(StudyState, row.state),
        created_at=row.created_at,
        seed=row.seed,
        consent=None if row.consent is None else Consent(**row.consent),
        background=tuple(Question(**(one | {"options": tuple(one["options"])})) for one in row.background),
        crowd=None if row.crowd is None else Crowd(**row.crowd),
        qualification=qualification_record(row),
        materials=tuple(cast(list[Material], row.materials)),
        preferences=tuple(PreferenceQuestion(**one) for one in row.preferences),
        error_spans=row.error_spans,
        quotas=dict(row.quotas),
        balance_groups=row.balance_groups,
        stopping=None if row.stopping is None else Stopping(**row.stopping),
        looks=tuple(look_of(one) for one in row.looks),
        published_at=row.published_at,
        unpublished_at=row.unpublished_at,
        frozen_at=row.frozen_at,
        closed_at=row.closed_at,
        **{name: getattr(row, name) for name in DESIGN},
    )


def study_of_slug(session: Session, slug: str) -> Study:
    """The study with this slug. Raises UnknownStudy."""
    row = session.scalar(select(StudyRow).where(StudyRow.slug == slug))
    if row is None:
        raise UnknownStudy(f"there is no study called {slug!r}; ask studies() for those that exist.")
    return study_record(session, row)


def all_studies(session: Session) -> list[Study]:
    """All studies, oldest first."""
    return [study_record(session, row) for row in session.scalars(select(StudyRow).order_by(StudyRow.id))]


def ensure_study(session: Session, now: datetime, new: NewStudy) -> Study:
    """The study with this slug, made if it is not there.

    One that is there is never changed: raters saw its words.
    """
    check_study(new)
    row = session.scalar(select(StudyRow).where(StudyRow.slug == new.slug))
    if row is not None:
        study = study_record(session, row)
        changed = _differences(study, new)
        if changed:
            _log.warning(
                "study '%s' is kept as stored; the definition given differs in %s",
                new.slug,
                ", ".join(changed),
            )
        return study
    return study_record(session, insert_study(session, new, now))


def insert_study(session: Session, new: NewStudy, now: datetime) -> StudyRow:
    """A new row with its criteria; `new` was checked before."""
    row = StudyRow(
        slug=new.slug,
        instructions=dict(new.instructions),
        state=new.state,
        created_at=now,
        seed=new_seed() if new.seed is None else new.seed,
        published_at=None,
        unpublished_at=None,
        **participation(new),
        frozen_at=None,
        closed_at=now if new.state in ("closed", "withdrawn") else None,
        **{name: getattr(new, name) for name in DESIGN},
    )
    session.add(row)
    session.flush()
    insert_criteria(session, row.id, new.criteria)
    return row


def participation(new: NewStudy) -> dict[str, Any]:
    """Everything of a design but its plain values and its criteria, as columns hold it."""
    return {
        "consent": None if new.consent is None else asdict(new.consent),
        "background": [asdict(one) for one in new.background],
        "crowd": None if new.crowd is None else asdict(new.crowd),
        "qualification": None if new.qualification is None else asdict(new.qualification),
        "materials": [one for one in MATERIALS if one in new.materials],
        "preferences": [asdict(one) for one in new.preferences],
        "error_spans": new.error_spans,
        "balance_groups": new.balance_groups,
        "stopping": None if new.stopping is None else asdict(new.stopping),
        "quotas": dict(sorted(new.quotas.items())),
    }


def insert_criteria(session: Session, study_id: int, criteria: Sequence[Criterion]) -> None:
    """The criteria of a study that has none, in the order given."""
    for position, criterion in enumerate(criteria):
        session.add(
            CriterionRow(
                study_id=study_id,
                key=criterion.key,
                position=position,
                version=criterion.version,
                question=dict(criterion.question),
                anchors={tag: list(texts) for tag, texts in criterion.anchors.items()},
                label=dict(criterion.label),
                scale=null() if criterion.scale == FIVE else asdict(criterion.scale),
            )
        )
    session.flush()


def _differences(study: Study, new: NewStudy) -> list[str]:
    changed = [name for name in DESIGN if getattr(study, name) != getattr(new, name)]
    if dict(new.instructions) != study.instructions:
        changed.append("instructions")
    criteria = tuple(
        replace(
            one,
            question=dict(one.question),
            anchors={tag: tuple(texts) for tag, texts in one.anchors.items()},
            label=dict(one.label),
        )
        for one in new.criteria
    )
    return [*changed, "criteria"] if criteria != study.criteria else changed
