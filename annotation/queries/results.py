"""Everything an organiser reads, as plain records in a stable order.

Attention checks are left out unless `checks` is True: their answers are no scores.
"""

from typing import Any, cast

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from annotation.database.tables import (
    AssignmentRow,
    CriterionRow,
    ItemRow,
    OutputRow,
    RaterRow,
    RatingHistoryRow,
    RatingRow,
    SkipRow,
    SystemRow,
)
from annotation.queries.adjudication_records import (
    adjudicated_orders,
    adjudicated_spans,
    adjudication_history,
    adjudications,
)
from annotation.queries.attention_checks import check_results
from annotation.queries.judges import judge_scores
from annotation.queries.markings import error_spans, span_history
from annotation.queries.outputs import output_records
from annotation.queries.preferences import preference_history, preferences
from annotation.queries.progress import rater_records
from annotation.queries.studies import study_row
from annotation.records import AssignmentRecord, HistoryRecord, RatingRecord, StudyData
from annotation.vocabulary import AssignmentState, ItemKind


def _rated(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Joins a query over `rating` to all that names a rating."""
    return (
        query.join(OutputRow, OutputRow.id == RatingRow.output_id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .join(CriterionRow, CriterionRow.id == RatingRow.criterion_id)
        .join(RaterRow, RaterRow.id == RatingRow.rater_id)
    )


def _of(study_id: int, checks: bool) -> tuple[Any, ...]:
    return (ItemRow.study_id == study_id,) if checks else (ItemRow.study_id == study_id, ItemRow.kind == "normal")


def everything(session: Session, study_id: int, *, checks: bool = False) -> StudyData:
    """The lists below, preferences, all raters, scored checks and adjudications, from the caller's one transaction.

    Raises UnknownStudy.
    """
    return StudyData(
        ratings=tuple(ratings(session, study_id, checks=checks)),
        history=tuple(history(session, study_id, checks=checks)),
        outputs=tuple(output_records(session, study_id, checks=checks)),
        assignments=tuple(assignments(session, study_id, checks=checks)),
        preferences=tuple(preferences(session, study_id, checks=checks)),
        preference_history=tuple(preference_history(session, study_id, checks=checks)),
        error_spans=tuple(error_spans(session, study_id, checks=checks)),
        span_history=tuple(span_history(session, study_id, checks=checks)),
        raters=tuple(rater_records(session, study_id)),
        checks=tuple(check_results(session, study_id)),
        adjudications=tuple(adjudications(session, study_id)),
        adjudication_history=tuple(adjudication_history(session, study_id)),
        adjudicated_orders=tuple(adjudicated_orders(session, study_id)),
        adjudicated_spans=tuple(adjudicated_spans(session, study_id)),
        judge_scores=tuple(judge_scores(session, study_id)),
    )


def answered_studies(session: Session) -> frozenset[int]:
    """Ids of the studies of which a rater has done an item."""
    done = select(ItemRow.study_id).join(AssignmentRow, AssignmentRow.item_id == ItemRow.id)
    return frozenset(session.scalars(done.where(AssignmentRow.state == "done").distinct()))


def ratings(session: Session, study_id: int, *, checks: bool = False) -> list[RatingRecord]:
    """All current ratings, by item, language, system, rater and criterion. Raises UnknownStudy."""
    study = study_row(session, study_id)
    query = _rated(select(RatingRow, OutputRow, ItemRow, SystemRow, CriterionRow, RaterRow)).where(
        *_of(study_id, checks)
    )
    order = (ItemRow.key, OutputRow.language, SystemRow.key, RaterRow.id, CriterionRow.position)
    return [
        RatingRecord(
            study=study.slug,
            item_key=item.key,
            item_language=item.language,
            system=system.key,
            language=output.language,
            criterion=criterion.key,
            criterion_version=criterion.version,
            rater=rater.pseudonym,
            value=rating.value,
            revision=rating.revision,
            submission_id=rating.submission_id,
            created_at=rating.created_at,
            updated_at=rating.updated_at,
            output_id=output.id,
            item_kind=cast(ItemKind, item.kind),
            not_applicable=rating.value is None,
        )
        for rating, output, item, system, criterion, rater in session.execute(query.order_by(*order))
    ]


def history(session: Session, study_id: int, *, checks: bool = False) -> list[HistoryRecord]:
    """Every value ever accepted, in order of acceptance. Raises UnknownStudy."""
    study = study_row(session, study_id)
    base = select(RatingHistoryRow, OutputRow, ItemRow, SystemRow, CriterionRow, RaterRow)
    query = _rated(base.join(RatingRow, RatingRow.id == RatingHistoryRow.rating_id)).where(*_of(study_id, checks))
    return [
        HistoryRecord(
            study=study.slug,
            item_key=item.key,
            system=system.key,
            language=output.language,
            criterion=criterion.key,
            rater=rater.pseudonym,
            old_value=past.old_value,
            value=past.value,
            revision=past.revision,
            submission_id=past.submission_id,
            recorded_at=past.recorded_at,
            item_kind=cast(ItemKind, item.kind),
            not_applicable=past.value is None,
        )
        for past, output, item, system, criterion, rater in session.execute(query.order_by(RatingHistoryRow.id))
    ]


def assignments(session: Session, study_id: int, *, checks: bool = False) -> list[AssignmentRecord]:
    """Who was given what in which order, and how it ended, by rater and position. Raises UnknownStudy."""
    study = study_row(session, study_id)
    of_study = select(OutputRow.id, SystemRow.key).join(SystemRow, SystemRow.id == OutputRow.system_id)
    of_study = of_study.where(SystemRow.study_id == study_id)
    systems = {row.id: row.key for row in session.execute(of_study)}
    newest = select(func.max(SkipRow.id)).group_by(SkipRow.assignment_id)
    skips = select(SkipRow.assignment_id, SkipRow.reason).where(SkipRow.id.in_(newest))
    reasons = {row.assignment_id: row.reason for row in session.execute(skips)}
    query = (
        select(AssignmentRow, ItemRow.key, ItemRow.kind, RaterRow.pseudonym)
        .join(ItemRow, ItemRow.id == AssignmentRow.item_id)
        .join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
        .where(*_of(study_id, checks))
        .order_by(AssignmentRow.rater_id, AssignmentRow.position)
    )
    return [
        AssignmentRecord(
            assignment_id=row.id,
            study=study.slug,
            item_key=item_key,
            language=row.language,
            rater=pseudonym,
            position=row.position,
            output_ids=tuple(row.system_order),
            systems=tuple(systems[output] for output in row.system_order),
            state=cast(AssignmentState, row.state),
            skip_reason=reasons.get(row.id) if row.state == "skipped" else None,
            comment=row.comment,
            first_shown_at=row.first_shown_at,
            seconds=row.seconds,
            item_kind=cast(ItemKind, kind),
        )
        for row, item_key, kind, pseudonym in session.execute(query)
    ]
