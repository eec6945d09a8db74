"""Slots: who holds which item, and what a rater gets to see of it.

An item has `raters_per_item` slots for each language that is rated, or as many as the quota of that language says. A
rater rates the outputs in her own language; where an item has none, but its source is in her language and all its outputs
are in one other language (translation out of her language), she rates those. A slot is held from the first view; it returns
when she skips, or when the lease ends and somebody asks for an item. She can still submit later if a slot is
free then.
Items with fewest holders go first, ties in the rater's own order, so that ratings spread evenly while they come
in. Attention checks stand at seeded positions of her order (`attention_checks`); they have slots without limit, because
every rater meets some.
"""

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from annotation.database.tables import AssignmentRow, ItemRow, OutputRow, RaterRow, StudyRow, SubmissionRow, SystemRow
from annotation.errors import MovedItem, UnknownAssignment
from annotation.orders import item_alias, other_order, system_order
from annotation.queries.looks import closed_systems
from annotation.queries.participation import require_consent
from annotation.queries.qualification import require_prepared
from annotation.queries.queue import Candidate, choose
from annotation.queries.raters import rater_row
from annotation.queries.studies import require_open, slots_of, study_row
from annotation.value_checks import is_id

_ENDED_LEASES = (
    select(AssignmentRow.id)
    .join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
    .where(
        AssignmentRow.state == "pending",
        AssignmentRow.lease_expires_at <= bindparam("now", type_=AssignmentRow.lease_expires_at.type),
        RaterRow.study_id == bindparam("study_id"),
    )
)


STRANGERS_HOLD = 20  # slots of a study; further strangers rate without holding one, so they cannot lease all of it


def next_assignment(session: Session, now: datetime, rater_id: int) -> int | None:
    """Id of the rater's first unfinished assignment, made if need be; None when nothing is left for her.

    Raises UnknownRater, StudyClosed.
    """
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id, lock=True)
    require_open(study)
    require_consent(rater, study)
    if rater.screened_out_at is not None:
        return None
    require_prepared(rater, study)
    lease_until = now + timedelta(minutes=study.lease_minutes)
    release_expired(session, study, now)
    pending = select(AssignmentRow).where(AssignmentRow.rater_id == rater_id, AssignmentRow.state == "pending")
    holds = not _is_stranger(session, rater) or _held_by_strangers(session, study) < STRANGERS_HOLD
    for row in session.scalars(pending.order_by(AssignmentRow.position)):
        if not holds or hold_slot(session, row, study):
            row.lease_expires_at = lease_until
            return row.id
    chosen = choose(session, rater, study, now)
    if chosen is None:
        return None
    row = _new_assignment(session, rater, chosen, closed_systems(study))
    if holds:
        hold_slot(session, row, study)
    row.first_shown_at, row.lease_expires_at = now, lease_until
    session.add(row)
    session.flush()
    return row.id


def _is_stranger(session: Session, rater: RaterRow) -> bool:
    """Whether she came without an invitation and has saved nothing yet: anybody, or a program."""
    if rater.invitation_id is not None:
        return False
    saved = select(SubmissionRow.submission_id).where(SubmissionRow.rater_id == rater.id)
    return session.scalar(saved.limit(1)) is None


def _held_by_strangers(session: Session, study: StudyRow) -> int:
    """Slots that raters hold who came without an invitation and have saved nothing yet."""
    saved = exists().where(SubmissionRow.rater_id == AssignmentRow.rater_id)
    held = select(func.count()).select_from(AssignmentRow).join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
    held = held.where(RaterRow.study_id == study.id, RaterRow.invitation_id.is_(None))
    return session.scalar(held.where(AssignmentRow.state == "pending", AssignmentRow.slot.is_not(None), ~saved)) or 0


def _new_assignment(
    session: Session, rater: RaterRow, chosen: Candidate, without: Container[str] = ()
) -> AssignmentRow:
    """A row with the next position and the blind order of systems; times and slot are still to be set.

    Systems in `without` are left out, of attention checks too.
    """
    by_system = _by_system(session, chosen.item_id, chosen.language)
    by_system = {system: output for system, output in by_system.items() if system not in without}
    order = system_order(by_system, rater.seed, chosen.key)
    if chosen.kind == "repeat":
        previous = select(AssignmentRow.system_order).where(
            AssignmentRow.rater_id == rater.id, AssignmentRow.item_id == chosen.original_item_id
        )
        systems = {id_: key for key, id_ in _by_system(session, chosen.original_item_id, chosen.language).items()}
        order = other_order(order, [systems[output] for output in session.scalar(previous) or []])
    count = select(func.count()).select_from(AssignmentRow).where(AssignmentRow.rater_id == rater.id)
    return AssignmentRow(
        rater_id=rater.id,
        item_id=chosen.item_id,
        language=chosen.language,
        position=(session.scalar(count) or 0) + 1,
        slot=None,
        system_order=[by_system[system] for system in order],
        state="pending",
        seconds=0.0,
        revision=0,
        comment=None,
    )


def _by_system(session: Session, item_id: int | None, language: str) -> dict[str, int]:
    """System key -> output id, of one item in one language."""
    outputs = select(SystemRow.key, OutputRow.id).join(OutputRow, OutputRow.system_id == SystemRow.id)
    of_item = outputs.where(OutputRow.item_id == item_id, OutputRow.language == language)
    return {row.key: row.id for row in session.execute(of_item)}


def hold_slot(session: Session, row: AssignmentRow, study: StudyRow) -> bool:
    """Gives `row` a slot of its item, unless it holds one; False if all are held by others.

    An attention check has a slot for everybody.
    """
    if row.slot is None:
        query = select(AssignmentRow.slot).where(
            AssignmentRow.item_id == row.item_id,
            AssignmentRow.language == row.language,
            AssignmentRow.slot.is_not(None),
        )
        held = set(session.scalars(query))
        kind = session.scalar(select(ItemRow.kind).where(ItemRow.id == row.item_id))
        slots = slots_of(study, row.language) if kind == "normal" else len(held) + 1
        row.slot = next((slot for slot in range(1, slots + 1) if slot not in held), None)
    return row.slot is not None


def release_expired(session: Session, study: StudyRow, now: datetime) -> None:
    """Returns the slots of all unanswered assignments whose lease has ended."""
    ended = session.scalars(_ENDED_LEASES, {"study_id": study.id, "now": now}).all()
    if ended:
        session.execute(
            update(AssignmentRow).where(AssignmentRow.id.in_(ended)).values(slot=None, lease_expires_at=None),
            execution_options={"synchronize_session": False},
        )


def assignment_row(session: Session, rater_id: int, *where: Any) -> AssignmentRow:
    """The rater's own assignment that meets `where`.

    Raises UnknownAssignment, without telling whether it is another's.
    """
    row = session.scalar(select(AssignmentRow).where(AssignmentRow.rater_id == rater_id, *where))
    if row is None:
        raise UnknownAssignment("this item was not given to you; go to your next item.")
    return row


def assignment_at(session: Session, rater_id: int, position: int, name: str | None = None) -> AssignmentRow:
    """The assignment at a position of the rater's order (from 1); with `name` the one that her page calls so, wherever it is.

    Positions differ between two writers that went on from one state. Raises UnknownRater, UnknownAssignment, MovedItem.
    """
    rater = rater_row(session, rater_id)
    if not is_id(position):
        raise UnknownAssignment(f"there is no item at position {position!r}; positions are counted from 1.")
    if name is None:
        return assignment_row(session, rater_id, AssignmentRow.position == position)
    mine = select(AssignmentRow).where(AssignmentRow.rater_id == rater_id)
    seed = study_row(session, rater.study_id).seed
    for here in (AssignmentRow.position == position, AssignmentRow.position != position):
        for row in session.scalars(mine.where(here)):
            if name == name_of(seed, rater, row):
                return row
    raise MovedItem(
        f"this item is not number {position} of your list any more, for the study has moved to another machine; nothing was stored. "
        "Go on with the next item: what you saved before comes back, and if this item comes again, so do your answers."
    )


def name_of(seed: int, rater: RaterRow, row: AssignmentRow) -> str:
    """What her page calls the assignment; ``seed`` is her study's."""
    return item_alias(seed, rater.seed, row.item_id, row.system_order)
