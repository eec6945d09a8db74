"""Which items a rater could still get, as statements that are built once.

Building a statement of this size takes SQLAlchemy longer than SQLite needs to answer it, and every page that a rater
opens asks. So the statements are constants, and what differs by rater is bound by name:
`rater_id`, `language` (hers), `study_id`, `now`, `places` (raters an item may have).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, case, distinct, exists, func, or_, select

from annotation.models import AssignmentRow, ItemRow, OutputRow, RaterRow, StudyRow


def _new_items(kind: ColumnElement[bool]) -> Select[Any]:
    """Items of her language that she has not been given: id, key, kind, original, language of the rated outputs."""
    of_item = OutputRow.item_id == ItemRow.id
    hers: BindParameter[str] = bindparam("language")
    in_hers = exists().where(of_item, OutputRow.language == hers)
    languages = select(func.count(distinct(OutputRow.language))).where(of_item).correlate(ItemRow).scalar_subquery()
    single = select(func.min(OutputRow.language)).where(of_item).correlate(ItemRow).scalar_subquery()
    rated = case((in_hers, hers), (and_(ItemRow.language == hers, languages == 1), single), else_=None)
    given = exists().where(AssignmentRow.rater_id == bindparam("rater_id"), AssignmentRow.item_id == ItemRow.id)
    items = select(
        ItemRow.id.label("item_id"),
        ItemRow.key.label("key"),
        ItemRow.kind.label("kind"),
        ItemRow.original_item_id.label("original_item_id"),
        rated.label("language"),
    )
    inner = items.where(ItemRow.study_id == bindparam("study_id"), ~given, kind).subquery()
    return select(inner).where(inner.c.language.is_not(None))


def _with_a_free_place() -> Select[Any]:
    inner = _new_items(ItemRow.kind == "normal").subquery()
    held = (
        select(func.count())
        .select_from(AssignmentRow)
        .where(
            AssignmentRow.item_id == inner.c.item_id,
            AssignmentRow.language == inner.c.language,
            AssignmentRow.place.is_not(None),
            or_(
                AssignmentRow.state != "pending",
                AssignmentRow.lease_expires_at > bindparam("now", type_=AssignmentRow.lease_expires_at.type),
            ),
        )
        .scalar_subquery()
    )
    return select(inner, held.label("held")).where(held < bindparam("places"))


OPEN_ITEMS = _with_a_free_place()  # columns of `queue.Candidate`
HOW_MANY_OPEN = select(func.count()).select_from(OPEN_ITEMS.subquery())
NEW_CHECKS = _new_items(ItemRow.kind != "normal")  # columns of `queue.Candidate` without `held`


def bound(rater: RaterRow, study: StudyRow, now: datetime) -> dict[str, Any]:
    """The values of this rater for the statements above."""
    return {
        "rater_id": rater.id,
        "language": rater.language,
        "study_id": study.id,
        "now": now,
        "places": study.raters_per_item,
    }
