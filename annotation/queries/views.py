"""What a rater sees of an assignment: texts and letters, no system."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.blind_records import AssignmentView, BlindChange, BlindOutput, CriterionView, Lettered
from annotation.criteria import text_for
from annotation.database.tables import (
    AssignmentRow,
    CriterionRow,
    ItemRow,
    OutputRow,
    RatingHistoryRow,
    RatingRow,
    SkipRow,
)
from annotation.orders import letter
from annotation.preference_records import PreferenceChange
from annotation.queries import markings as _markings
from annotation.queries import preferences as _preferences
from annotation.queries.assignments import assignment_at, assignment_row, name_of
from annotation.queries.raters import rater_row
from annotation.queries.studies import criterion_rows, scale_record, study_row
from annotation.scales import Answer, answer_of
from annotation.span_records import SpanChange
from annotation.vocabulary import AssignmentState


def assignment_view(session: Session, rater_id: int, assignment_id: int) -> AssignmentView:
    """Raises UnknownRater, UnknownAssignment."""
    rater = rater_row(session, rater_id)
    row = assignment_row(session, rater_id, AssignmentRow.id == assignment_id)
    item = session.get_one(ItemRow, row.item_id)
    study, criteria = study_row(session, rater.study_id), criterion_rows(session, rater.study_id)
    return AssignmentView(
        assignment_id=row.id,
        position=row.position,
        name=name_of(study.seed, rater, row),
        item_key=_visible_key(session, item),
        language=item.language,
        source_text=item.source_text,
        task=item.task or study.task,
        outputs=blind_outputs(session, row),
        criteria=tuple(
            CriterionView(
                one.key,
                text_for(one.question, rater.language),
                tuple(text_for(one.anchors, rater.language)),
                text_for(one.label, rater.language) if one.label else None,
                scale_record(one),
            )
            for one in criteria
        ),
        values=_values(session, row, criteria),
        comment=row.comment,
        state=cast(AssignmentState, row.state),
        skip_reason=standing_skip_reason(session, row),
        revision=row.revision,
        reference=item.reference if "reference" in study.materials else None,
        context=item.context if "context" in study.materials else None,
        preferences=_preferences.ranks_of(session, rater_id, item.id) if study.preferences else {},
        spans=_markings.markings_of(session, rater_id, row.system_order) if study.error_spans else {},
    )


def assignment_view_at(session: Session, rater_id: int, position: int, name: str | None = None) -> AssignmentView:
    """What she was assigned at a position of her order (from 1), with her values; `name` as for `assignment_at`, and errors."""
    return assignment_view(session, rater_id, assignment_at(session, rater_id, position, name).id)


def lettered(session: Session, rater_id: int, position: int, name: str | None = None) -> Lettered:
    """The assignment at a position of her order (from 1), without texts; `name` as for `assignment_at`, and errors."""
    row = assignment_at(session, rater_id, position, name)
    return Lettered(row.id, {letter(index): output_id for index, output_id in enumerate(row.system_order)})


def _visible_key(session: Session, item: ItemRow) -> str:
    """The item's key; of an attention check its original's, so that nothing distinguishes it from other items."""
    return item.key if item.original_item_id is None else session.get_one(ItemRow, item.original_item_id).key


def blind_outputs(session: Session, row: AssignmentRow) -> tuple[BlindOutput, ...]:
    """The outputs of an assignment in the stored order, lettered."""
    texts = {
        output.id: output for output in session.scalars(select(OutputRow).where(OutputRow.id.in_(row.system_order)))
    }
    return tuple(
        BlindOutput(output_id, letter(index), texts[output_id].text, texts[output_id].language)
        for index, output_id in enumerate(row.system_order)
    )


def changes(session: Session, rater_id: int, position: int) -> list[BlindChange]:
    """How her ratings of the item at this position were changed, oldest first. Raises UnknownRater, UnknownAssignment."""
    row = assignment_at(session, rater_id, position)
    letters = {output.output_id: output.letter for output in blind_outputs(session, row)}
    query = (
        select(RatingHistoryRow, RatingRow.output_id, CriterionRow.key)
        .join(RatingRow, RatingRow.id == RatingHistoryRow.rating_id)
        .join(CriterionRow, CriterionRow.id == RatingRow.criterion_id)
        .where(RatingRow.rater_id == rater_id, RatingRow.output_id.in_(row.system_order))
        .where(RatingHistoryRow.revision > 1)
        .order_by(RatingHistoryRow.id)
    )
    return [
        BlindChange(letters[output], key, answer_of(change.old_value), answer_of(change.value), change.recorded_at)
        for change, output, key in session.execute(query)
    ]


def preference_changes(session: Session, rater_id: int, position: int) -> list[PreferenceChange]:
    """How her preferences of the item at this position were changed. Raises UnknownRater, UnknownAssignment."""
    return _preferences.changes(session, assignment_at(session, rater_id, position))


def span_changes(session: Session, rater_id: int, position: int) -> list[SpanChange]:
    """How she changed the errors that she marked in it. Raises UnknownRater, UnknownAssignment."""
    return _markings.changes(session, assignment_at(session, rater_id, position))


def _values(session: Session, row: AssignmentRow, criteria: Sequence[CriterionRow]) -> dict[tuple[int, str], Answer]:
    keys = {one.id: one.key for one in criteria}
    query = select(RatingRow.output_id, RatingRow.criterion_id, RatingRow.value).where(
        RatingRow.rater_id == row.rater_id,
        RatingRow.output_id.in_(row.system_order),
    )
    return {(row.output_id, keys[row.criterion_id]): answer_of(row.value) for row in session.execute(query)}


def standing_skip_reason(session: Session, row: AssignmentRow) -> str | None:
    """The coded reason while the assignment is skipped; None once it was rated after all."""
    if row.state != "skipped":
        return None
    return session.scalar(
        select(SkipRow.reason).where(SkipRow.assignment_id == row.id).order_by(SkipRow.id.desc()).limit(1)
    )
