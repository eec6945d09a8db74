"""Places: who holds which item, and what a rater gets to see of it.

An item has `raters_per_item` places for each language that is rated. A rater rates the outputs in her own
language; where an item has none, but its source is in her language and all its outputs are in one other
language (translation out of her language), she rates those. A place is held from the first view; it returns
when she skips, or when the lease ends and somebody asks for an item. She can still submit later if a place is
free then.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, distinct, exists, func, literal, or_, select, update
from sqlalchemy.orm import Session

from annotation.assignments import item_order, system_order
from annotation.checks import is_id
from annotation.errors import StudyClosed, UnknownAssignment
from annotation.models import AssignmentRow, ItemRow, OutputRow, RaterRow, StudyRow, SystemRow
from annotation.queries.raters import rater_row
from annotation.queries.studies import study_row
from annotation.records import Progress


def next_assignment(session: Session, rater_id: int, now: datetime) -> int | None:
    """Id of the rater's first unfinished assignment, made if need be; None when nothing is left for her.

    Raises UnknownRater, StudyClosed.
    """
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id, lock=True)
    require_open(study)
    lease_until = now + timedelta(minutes=study.lease_minutes)
    release_expired(session, study, now)
    pending = select(AssignmentRow).where(AssignmentRow.rater_id == rater_id, AssignmentRow.state == "pending")
    for row in session.scalars(pending.order_by(AssignmentRow.position)):
        if hold_place(session, row, study):
            row.lease_expires_at = lease_until
            return row.id
    free = {found.key: found for found in session.execute(_open_items(rater, study, now))}
    for key in item_order(free, rater.seed)[:1]:
        row = _new_assignment(session, rater, free[key].item_id, key, free[key].language)
        hold_place(session, row, study)
        row.first_shown_at, row.lease_expires_at = now, lease_until
        session.add(row)
        session.flush()
        return row.id
    return None


def _new_assignment(session: Session, rater: RaterRow, item_id: int, item_key: str, language: str) -> AssignmentRow:
    """A row with the next position and the blind order of systems; times and place are still to be set."""
    outputs = select(SystemRow.key, OutputRow.id).join(OutputRow, OutputRow.system_id == SystemRow.id)
    of_item = outputs.where(OutputRow.item_id == item_id, OutputRow.language == language)
    by_system = {found.key: found.id for found in session.execute(of_item)}
    given = select(func.count()).select_from(AssignmentRow).where(AssignmentRow.rater_id == rater.id)
    return AssignmentRow(
        rater_id=rater.id,
        item_id=item_id,
        language=language,
        position=(session.scalar(given) or 0) + 1,
        place=None,
        system_order=[by_system[system] for system in system_order(by_system, rater.seed, item_key)],
        state="pending",
        seconds=0.0,
        revision=0,
        comment=None,
    )


def require_open(study: StudyRow) -> None:
    """Raises StudyClosed unless the study takes ratings."""
    if study.state != "open":
        raise StudyClosed(
            f"study '{study.slug}' is {study.state} and takes no ratings now; ask the organiser to open it."
        )


def hold_place(session: Session, row: AssignmentRow, study: StudyRow) -> bool:
    """Gives `row` a place of its item, unless it holds one; False if all are held by others."""
    if row.place is None:
        query = select(AssignmentRow.place).where(
            AssignmentRow.item_id == row.item_id,
            AssignmentRow.language == row.language,
            AssignmentRow.place.is_not(None),
        )
        held = set(session.scalars(query))
        row.place = next((place for place in range(1, study.raters_per_item + 1) if place not in held), None)
    return row.place is not None


def release_expired(session: Session, study: StudyRow, now: datetime) -> None:
    """Returns the places of all unanswered assignments whose lease has ended."""
    raters = select(RaterRow.id).where(RaterRow.study_id == study.id)
    session.execute(
        update(AssignmentRow)
        .where(
            AssignmentRow.state == "pending",
            AssignmentRow.lease_expires_at <= now,
            AssignmentRow.rater_id.in_(raters),
        )
        .values(place=None, lease_expires_at=None),
        execution_options={"synchronize_session": False},
    )


def _open_items(rater: RaterRow, study: StudyRow, now: datetime) -> Select[tuple[int, str, str]]:
    """Items she has not been given, with a free place: (item_id, key, language of the outputs she would
    rate).
    """
    of_item = OutputRow.item_id == ItemRow.id
    in_hers = exists().where(of_item, OutputRow.language == rater.language)
    languages = select(func.count(distinct(OutputRow.language))).where(of_item).correlate(ItemRow).scalar_subquery()
    single = select(func.min(OutputRow.language)).where(of_item).correlate(ItemRow).scalar_subquery()
    rated = case(
        (in_hers, literal(rater.language)),
        (and_(ItemRow.language == rater.language, languages == 1), single),
        else_=None,
    )
    given = exists().where(AssignmentRow.rater_id == rater.id, AssignmentRow.item_id == ItemRow.id)
    items = select(ItemRow.id.label("item_id"), ItemRow.key.label("key"), rated.label("language"))
    inner = items.where(ItemRow.study_id == study.id, ~given).subquery()
    held = (
        select(func.count())
        .select_from(AssignmentRow)
        .where(
            AssignmentRow.item_id == inner.c.item_id,
            AssignmentRow.language == inner.c.language,
            AssignmentRow.place.is_not(None),
            or_(AssignmentRow.state != "pending", AssignmentRow.lease_expires_at > now),
        )
        .scalar_subquery()
    )
    query = select(inner.c.item_id, inner.c.key, inner.c.language)
    return query.where(inner.c.language.is_not(None), held < study.raters_per_item)


def progress(session: Session, rater_id: int, now: datetime) -> Progress:
    """Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id)
    counts: dict[str, int] = {"done": 0, "skipped": 0, "pending": 0, "released": 0}
    holds = AssignmentRow.place.is_not(None)
    query = select(AssignmentRow.state, holds, func.count()).where(AssignmentRow.rater_id == rater_id)
    for state, held, count in session.execute(query.group_by(AssignmentRow.state, holds)):
        counts["released" if state == "pending" and not held else state] += count
    left = session.scalar(select(func.count()).select_from(_open_items(rater, study, now).subquery())) or 0
    return Progress(counts["done"], counts["skipped"], sum(counts.values()) + left, counts["released"])


def assignment_row(session: Session, rater_id: int, *where: Any) -> AssignmentRow:
    """The rater's own assignment that meets `where`.

    Raises UnknownAssignment, without telling whether it is another's.
    """
    row = session.scalar(select(AssignmentRow).where(AssignmentRow.rater_id == rater_id, *where))
    if row is None:
        raise UnknownAssignment("this item was not given to you; go to your next item.")
    return row


def assignment_at(session: Session, rater_id: int, position: int) -> int:
    """Id of what the rater was given at a place of her order (from 1).

    Raises UnknownRater, UnknownAssignment.
    """
    rater_row(session, rater_id)
    if not is_id(position):
        raise UnknownAssignment(f"there is no item at place {position!r}; places are counted from 1.")
    return assignment_row(session, rater_id, AssignmentRow.position == position).id
