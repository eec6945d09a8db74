"""What a rater sees of an assignment: texts and letters, no system."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

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
from annotation.queries.assignments import assignment_row
from annotation.queries.raters import rater_row
from annotation.queries.studies import criterion_rows
from annotation.records import AssignmentView, BlindChange, BlindOutput, CriterionView, Lettered
from annotation.vocabulary import AssignmentState


def assignment_view(session: Session, rater_id: int, assignment_id: int) -> AssignmentView:
    """Raises UnknownRater, UnknownAssignment."""
    rater = rater_row(session, rater_id)
    row = assignment_row(session, rater_id, AssignmentRow.id == assignment_id)
    item = session.get_one(ItemRow, row.item_id)
    criteria = criterion_rows(session, rater.study_id)
    return AssignmentView(
        assignment_id=row.id,
        position=row.position,
        item_key=_key_shown(session, item),
        language=item.language,
        source_text=item.source_text,
        task=item.task,
        outputs=blind_outputs(session, row),
        criteria=tuple(
            CriterionView(
                one.key,
                text_for(one.question, rater.language),
                tuple(text_for(one.anchors, rater.language)),
                text_for(one.label, rater.language) if one.label else None,
            )
            for one in criteria
        ),
        values=_values(session, row, criteria),
        comment=row.comment,
        state=cast(AssignmentState, row.state),
        skip_reason=standing_skip_reason(session, row),
    )


def lettered(session: Session, rater_id: int, assignment_id: int) -> Lettered:
    """Whose answers the letters of an assignment stand for. Raises UnknownRater, UnknownAssignment."""
    rater_row(session, rater_id)
    row = assignment_row(session, rater_id, AssignmentRow.id == assignment_id)
    return Lettered(row.id, {letter(index): output_id for index, output_id in enumerate(row.system_order)})


def _key_shown(session: Session, item: ItemRow) -> str:
    """The item's key; of an attention check its original's, so that nothing tells it from other items."""
    return item.key if item.original_item_id is None else session.get_one(ItemRow, item.original_item_id).key


def blind_outputs(session: Session, row: AssignmentRow) -> tuple[BlindOutput, ...]:
    """The outputs of an assignment in the stored order, lettered."""
    found = {
        output.id: output for output in session.scalars(select(OutputRow).where(OutputRow.id.in_(row.system_order)))
    }
    return tuple(
        BlindOutput(output_id, letter(index), found[output_id].text, found[output_id].language)
        for index, output_id in enumerate(row.system_order)
    )


def changes(session: Session, rater_id: int, assignment_id: int) -> list[BlindChange]:
    """Every accepted change of a value of this assignment, oldest first. Raises UnknownRater, UnknownAssignment."""
    row = assignment_row(session, rater_id, AssignmentRow.id == assignment_id)
    letters = {output.output_id: output.letter for output in blind_outputs(session, row)}
    query = (
        select(RatingHistoryRow, RatingRow.output_id, CriterionRow.key)
        .join(RatingRow, RatingRow.id == RatingHistoryRow.rating_id)
        .join(CriterionRow, CriterionRow.id == RatingRow.criterion_id)
        .where(RatingRow.rater_id == rater_id, RatingRow.output_id.in_(row.system_order))
        .where(RatingHistoryRow.old_value.is_not(None))
        .order_by(RatingHistoryRow.id)
    )
    return [
        BlindChange(letters[output], key, cast(int, found.old_value), found.value, found.recorded_at)
        for found, output, key in session.execute(query)
    ]


def _values(session: Session, row: AssignmentRow, criteria: Sequence[CriterionRow]) -> dict[tuple[int, str], int]:
    keys = {one.id: one.key for one in criteria}
    query = select(RatingRow.output_id, RatingRow.criterion_id, RatingRow.value).where(
        RatingRow.rater_id == row.rater_id, RatingRow.output_id.in_(row.system_order)
    )
    return {(found.output_id, keys[found.criterion_id]): found.value for found in session.execute(query)}


def standing_skip_reason(session: Session, row: AssignmentRow) -> str | None:
    """The coded reason while the assignment is skipped; None once it was rated after all."""
    if row.state != "skipped":
        return None
    return session.scalar(
        select(SkipRow.reason).where(SkipRow.assignment_id == row.id).order_by(SkipRow.id.desc()).limit(1)
    )
