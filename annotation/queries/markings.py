"""Error spans in the database: what a rater marked so far, and records for organisers."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from annotation.database.span_tables import MarkingHistoryRow, MarkingRow, Stored
from annotation.database.tables import AssignmentRow, ItemRow, OutputRow, RaterRow, SystemRow
from annotation.orders import letter
from annotation.queries.studies import study_row
from annotation.span_records import Span, SpanChange, SpanHistoryRecord, SpanRecord, Spans
from annotation.vocabulary import ItemKind


def spans_of(stored: Stored) -> Spans:
    """As the column holds them."""
    return tuple(Span(*row) for row in stored)  # type: ignore[arg-type]


def stored(spans: Spans) -> Stored:
    """For the column."""
    return [[one.start, one.end, one.severity] for one in spans]


def markings_of(session: Session, rater_id: int, output_ids: list[int]) -> dict[int, Spans]:
    """What a rater marked in these outputs so far."""
    query = select(MarkingRow).where(MarkingRow.rater_id == rater_id, MarkingRow.output_id.in_(output_ids))
    return {row.output_id: spans_of(row.spans) for row in session.scalars(query)}


def changes(session: Session, row: AssignmentRow) -> list[SpanChange]:
    """How a rater changed the errors that she marked in one item, oldest first."""
    query = (
        select(MarkingHistoryRow, MarkingRow.output_id)
        .join(MarkingRow, MarkingRow.id == MarkingHistoryRow.marking_id)
        .where(MarkingRow.rater_id == row.rater_id, MarkingRow.output_id.in_(row.system_order))
        .order_by(MarkingHistoryRow.id)
    )
    letters = {output: letter(index) for index, output in enumerate(row.system_order)}
    before: dict[int, Spans] = {}
    result = []
    for past, output in session.execute(query):
        spans = spans_of(past.spans)
        if output in before:
            result.append(SpanChange(letters[output], before[output], spans, past.recorded_at))
        before[output] = spans
    return result


def _marked(query: Select[*tuple[Any, ...]], study_id: int, checks: bool) -> Select[*tuple[Any, ...]]:
    """Joins a query over `marking` to all that names one; attention checks only where asked for."""
    joined = (
        query.join(OutputRow, OutputRow.id == MarkingRow.output_id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .join(RaterRow, RaterRow.id == MarkingRow.rater_id)
        .where(ItemRow.study_id == study_id)
    )
    return joined if checks else joined.where(ItemRow.kind == "normal")


def error_spans(session: Session, study_id: int, *, checks: bool = False) -> list[SpanRecord]:
    """Every marked error, by item, output and rater, and a record without offsets for an output in which none was marked.

    Raises UnknownStudy.
    """
    study = study_row(session, study_id)
    query = _marked(select(MarkingRow, OutputRow, ItemRow, SystemRow, RaterRow), study_id, checks)
    return [
        _record(study.slug, span, row, output, item, system, rater)
        for row, output, item, system, rater in session.execute(query.order_by(ItemRow.id, OutputRow.id, RaterRow.id))
        for span in _or_none(spans_of(row.spans))
    ]


def _or_none(spans: Spans) -> tuple[Span | None, ...]:
    return spans or (None,)


def _record(
    study: str,
    span: Span | None,
    row: MarkingRow,
    output: OutputRow,
    item: ItemRow,
    system: SystemRow,
    rater: RaterRow,
) -> SpanRecord:
    return SpanRecord(
        study=study,
        item_key=item.key,
        item_language=item.language,
        system=system.key,
        language=output.language,
        rater=rater.pseudonym,
        start=None if span is None else span.start,
        end=None if span is None else span.end,
        severity=None if span is None else span.severity,
        marked_text=None if span is None else output.text[span.start : span.end],
        output_id=output.id,
        revision=row.revision,
        submission_id=row.submission_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        item_kind=cast(ItemKind, item.kind),
    )


def span_history(session: Session, study_id: int, *, checks: bool = False) -> list[SpanHistoryRecord]:
    """Every marking ever accepted, in order of acceptance. Raises UnknownStudy."""
    study = study_row(session, study_id)
    base = select(MarkingHistoryRow, OutputRow, ItemRow, SystemRow, RaterRow)
    query = _marked(base.join(MarkingRow, MarkingRow.id == MarkingHistoryRow.marking_id), study_id, checks)
    return [
        SpanHistoryRecord(
            study=study.slug,
            item_key=item.key,
            system=system.key,
            language=output.language,
            rater=rater.pseudonym,
            spans=tuple((one.start, one.end, one.severity) for one in spans_of(past.spans)),
            revision=past.revision,
            submission_id=past.submission_id,
            recorded_at=past.recorded_at,
            item_kind=cast(ItemKind, item.kind),
        )
        for past, output, item, system, rater in session.execute(query.order_by(MarkingHistoryRow.id))
    ]


def differ(stored: Mapping[int, Spans], sent: Mapping[int, Spans]) -> bool:
    """Whether what is sent says anything else than what is stored."""
    return any(stored.get(output) != spans for output, spans in sent.items())
