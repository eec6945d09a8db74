"""What adjudicators decided, as plain records in a stable order."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from annotation.adjudication_records import (
    AdjudicatedOrderRecord,
    AdjudicatedSpansRecord,
    AdjudicationHistoryRecord,
    AdjudicationRecord,
)
from annotation.database.adjudication_tables import (
    AdjudicatedMarkingHistoryRow,
    AdjudicatedMarkingRow,
    AdjudicatedOrderHistoryRow,
    AdjudicatedOrderRow,
    AdjudicationCaseRow,
    AdjudicationHistoryRow,
    AdjudicationRow,
    AdjudicationSubmissionRow,
    AdjudicatorRow,
)
from annotation.database.tables import CriterionRow, ItemRow, OutputRow, SystemRow
from annotation.queries.markings import spans_of
from annotation.queries.studies import study_row


def adjudications(session: Session, study_id: int) -> list[AdjudicationRecord]:
    """All current values of adjudicators, by item, language, system, adjudicator and criterion. Raises UnknownStudy."""
    study = study_row(session, study_id)
    query = _named(select(AdjudicationRow, AdjudicationCaseRow.reason, *_NAMES), study_id)
    order = (ItemRow.key, OutputRow.language, SystemRow.key, AdjudicatorRow.id, CriterionRow.position)
    return [
        AdjudicationRecord(
            study=study.slug,
            item_key=item,
            system=system,
            language=language,
            criterion=criterion,
            adjudicator=name,
            value=row.value,
            not_applicable=row.value is None,
            decision_reason=reason,
            revision=row.revision,
            submission_id=row.submission_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
            output_id=row.output_id,
        )
        for row, reason, item, system, language, criterion, name in session.execute(query.order_by(*order))
    ]


def adjudication_history(session: Session, study_id: int) -> list[AdjudicationHistoryRecord]:
    """Every value of adjudicators ever accepted, in order of acceptance. Raises UnknownStudy."""
    study = study_row(session, study_id)
    past = select(AdjudicationHistoryRow, AdjudicationSubmissionRow.reason, *_NAMES)
    past = past.join(AdjudicationRow, AdjudicationRow.id == AdjudicationHistoryRow.adjudication_id)
    same = AdjudicationSubmissionRow.submission_id == AdjudicationHistoryRow.submission_id
    query = _named(past.join(AdjudicationSubmissionRow, same), study_id)
    return [
        AdjudicationHistoryRecord(
            study=study.slug,
            item_key=item,
            system=system,
            language=language,
            criterion=criterion,
            adjudicator=name,
            old_value=row.old_value,
            value=row.value,
            not_applicable=row.value is None,
            decision_reason=reason,
            revision=row.revision,
            submission_id=row.submission_id,
            recorded_at=row.recorded_at,
        )
        for row, reason, item, system, language, criterion, name in session.execute(
            query.order_by(AdjudicationHistoryRow.id)
        )
    ]


_NAMES = (ItemRow.key, SystemRow.key, OutputRow.language, CriterionRow.key, AdjudicatorRow.name)


def _named(query: Select[*tuple[Any, ...]], study_id: int) -> Select[*tuple[Any, ...]]:
    """Joins a query over `adjudication` to all that names a value, in one study."""
    return (
        query.join(AdjudicationCaseRow, AdjudicationCaseRow.id == AdjudicationRow.case_id)
        .join(AdjudicatorRow, AdjudicatorRow.id == AdjudicationRow.adjudicator_id)
        .join(OutputRow, OutputRow.id == AdjudicationRow.output_id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .join(CriterionRow, CriterionRow.id == AdjudicationRow.criterion_id)
        .where(AdjudicatorRow.study_id == study_id)
    )


def adjudicated_orders(session: Session, study_id: int) -> list[AdjudicatedOrderRecord]:
    """Every order of adjudicators ever accepted, in order of acceptance. Raises UnknownStudy."""
    study = study_row(session, study_id)
    systems = select(OutputRow.id, SystemRow.key).join(SystemRow, SystemRow.id == OutputRow.system_id)
    names = dict(session.execute(systems.where(SystemRow.study_id == study_id)).all())
    query = (
        select(AdjudicatedOrderHistoryRow, AdjudicatedOrderRow, AdjudicationCaseRow, ItemRow.key, AdjudicatorRow.name)
        .join(AdjudicatedOrderRow, AdjudicatedOrderRow.id == AdjudicatedOrderHistoryRow.order_id)
        .join(AdjudicationCaseRow, AdjudicationCaseRow.id == AdjudicatedOrderRow.case_id)
        .join(ItemRow, ItemRow.id == AdjudicationCaseRow.item_id)
        .join(AdjudicatorRow, AdjudicatorRow.id == AdjudicatedOrderRow.adjudicator_id)
        .where(AdjudicatorRow.study_id == study_id)
        .order_by(AdjudicatedOrderHistoryRow.id)
    )
    return [
        AdjudicatedOrderRecord(
            study=study.slug,
            item_key=item,
            language=case.language,
            question=row.question,
            adjudicator=name,
            systems=tuple(names[output] for output in case.system_order),
            output_ids=tuple(case.system_order),
            ranks=tuple(past.ranks),
            revision=past.revision,
            is_current=past.revision == row.revision,
            submission_id=past.submission_id,
            recorded_at=past.recorded_at,
        )
        for past, row, case, item, name in session.execute(query)
    ]


def adjudicated_spans(session: Session, study_id: int) -> list[AdjudicatedSpansRecord]:
    """Every marking of adjudicators ever accepted, in order of acceptance. Raises UnknownStudy."""
    study = study_row(session, study_id)
    query = (
        select(AdjudicatedMarkingHistoryRow, AdjudicatedMarkingRow, OutputRow.language, ItemRow.key, SystemRow.key,
               AdjudicatorRow.name)
        .join(AdjudicatedMarkingRow, AdjudicatedMarkingRow.id == AdjudicatedMarkingHistoryRow.marking_id)
        .join(OutputRow, OutputRow.id == AdjudicatedMarkingRow.output_id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .join(AdjudicatorRow, AdjudicatorRow.id == AdjudicatedMarkingRow.adjudicator_id)
        .where(AdjudicatorRow.study_id == study_id)
        .order_by(AdjudicatedMarkingHistoryRow.id)
    )  # fmt: skip
    return [
        AdjudicatedSpansRecord(
            study=study.slug,
            item_key=item,
            system=system,
            language=language,
            adjudicator=name,
            output_id=row.output_id,
            spans=tuple((one.start, one.end, one.severity) for one in spans_of(past.spans)),
            revision=past.revision,
            is_current=past.revision == row.revision,
            submission_id=past.submission_id,
            recorded_at=past.recorded_at,
        )
        for past, row, language, item, system, name in session.execute(query)
    ]
