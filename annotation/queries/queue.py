"""What a rater may get next: fewest holders first, attention checks at seeded positions, counts for her progress.

Where the design balances by group, the group comes first (`annotation.shares`), then the item of it with fewest holders.

Which items a rater could still get, as statements that are built once.

Building a statement of this size takes SQLAlchemy longer than SQLite needs to answer it, and every page that a rater
opens asks. So the statements are constants, and what differs by rater is bound by name:
`rater_id`, `language` (hers), `study_id`, `now`, `slots` (raters an item may have).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    distinct,
    exists,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from annotation.attention_checks import is_check_position, kind_at
from annotation.database.tables import AssignmentRow, ItemRow, OutputRow, RaterRow, StudyRow, SystemRow
from annotation.orders import fewest_first, item_order
from annotation.queries.looks import closed_systems, nothing_open
from annotation.queries.raters import rater_row
from annotation.queries.studies import slots_of, study_row
from annotation.records import Progress
from annotation.shares import next_group, shares


def _items(kind: ColumnElement[bool]) -> Select[Any]:
    """Items of her language: id, key, kind, original, group, language of the rated outputs."""
    of_item = OutputRow.item_id == ItemRow.id
    hers: BindParameter[str] = bindparam("language")
    in_hers = exists().where(of_item, OutputRow.language == hers)
    # A check holds the outputs of one language alone, so how many there are is asked of the item that it was made from.
    of_original = OutputRow.item_id == func.coalesce(ItemRow.original_item_id, ItemRow.id)
    languages = select(func.count(distinct(OutputRow.language))).where(of_original).correlate(ItemRow).scalar_subquery()
    single = select(func.min(OutputRow.language)).where(of_item).correlate(ItemRow).scalar_subquery()
    rated = case((in_hers, hers), (and_(ItemRow.language == hers, languages == 1), single), else_=None)
    items = select(
        ItemRow.id.label("item_id"),
        ItemRow.key.label("key"),
        ItemRow.kind.label("kind"),
        ItemRow.original_item_id.label("original_item_id"),
        func.coalesce(ItemRow.group, "").label("group"),
        rated.label("language"),
    )
    inner = items.where(ItemRow.study_id == bindparam("study_id"), kind).subquery()
    return select(inner).where(inner.c.language.is_not(None))


def _new_items(kind: ColumnElement[bool]) -> Select[Any]:
    """Those that she has not been given."""
    already_assigned = exists().where(
        AssignmentRow.rater_id == bindparam("rater_id"), AssignmentRow.item_id == ItemRow.id
    )
    return _items(and_(~already_assigned, kind))


def _by_group() -> Select[Any]:
    items = _items(ItemRow.kind == "normal").subquery()
    return select(items.c.group, items.c.language, func.count()).group_by(items.c.group, items.c.language)


def _with_a_free_slot() -> Select[Any]:
    inner = _new_items(ItemRow.kind == "normal").subquery()
    held = (
        select(func.count())
        .select_from(AssignmentRow)
        .where(
            AssignmentRow.item_id == inner.c.item_id,
            AssignmentRow.language == inner.c.language,
            AssignmentRow.slot.is_not(None),
            or_(
                AssignmentRow.state != "pending",
                AssignmentRow.lease_expires_at > bindparam("now", type_=AssignmentRow.lease_expires_at.type),
            ),
        )
        .scalar_subquery()
    )
    return select(inner, held.label("held")).where(held < bindparam("slots"))


OPEN_ITEMS = _with_a_free_slot()  # columns of `queue.Candidate`
HOW_MANY_OPEN = select(func.count()).select_from(OPEN_ITEMS.subquery())
NEW_CHECKS = _new_items(ItemRow.kind != "normal")  # columns of `queue.Candidate` without `held`
HOW_MANY_BY_GROUP = _by_group()  # group, language of the rated outputs, items


def bound(rater: RaterRow, study: StudyRow, now: datetime) -> dict[str, Any]:
    """The values of this rater for the statements above."""
    return {
        "rater_id": rater.id,
        "language": rater.language,
        "study_id": study.id,
        "now": now,
        "slots": max(study.raters_per_item, *study.quotas.values()) if study.quotas else study.raters_per_item,
    }


@dataclass(frozen=True)
class Candidate:
    """An item that the rater may get, and the language of the outputs she would rate."""

    item_id: int
    key: str
    language: str
    kind: str
    group: str  # "": none
    held: int = 0  # by other raters
    original_item_id: int | None = None


_ASSIGNED = (
    select(ItemRow.kind, ItemRow.group, AssignmentRow.state, AssignmentRow.slot, AssignmentRow.lease_expires_at)
    .join(AssignmentRow, AssignmentRow.item_id == ItemRow.id)
    .where(AssignmentRow.rater_id == bindparam("rater_id"))
    .order_by(AssignmentRow.position)
)


@dataclass(frozen=True)
class Assigned:
    """An item assigned to her: its kind, how it ended so far, and whether it is still hers to answer: she
    holds a slot of it, or a lease without one, as strangers do when many come.
    """

    kind: str
    group: str  # "": none
    state: str
    holds: bool

    @property
    def released(self) -> bool:
        """Leased, not answered in time, and returned to others."""
        return self.state == "pending" and not self.holds

    @property
    def counts(self) -> bool:
        """Whether it is one of the items that she may have: no attention check, and not given to others."""
        return self.kind == "normal" and not self.released


def _candidates(session: Session, query: Select[Any], values: Mapping[str, Any]) -> list[Candidate]:
    return [Candidate(**row._mapping) for row in session.execute(query, values)]


def _open_items(session: Session, study: StudyRow, values: Mapping[str, Any]) -> list[Candidate]:
    """Items with a free slot; the statement knows the largest number of slots, a language may have fewer."""
    items = _candidates(session, OPEN_ITEMS, values)
    return [one for one in items if one.held < slots_of(study, one.language)] if study.quotas else items


def choose(session: Session, rater: RaterRow, study: StudyRow, now: datetime) -> Candidate | None:
    """The item for the rater's next position: a check where one is due, else the one with fewest holders."""
    history = _assigned(session, rater.id)
    values = bound(rater, study, now)
    free = [] if _is_full(study, history) or nothing_open(study) else _open_items(session, study, values)
    position = len(history) + 1
    due = is_check_position(position, rater.seed, study.check_every) and bool(free)
    last = study.check_every is not None and not free and {one.kind for one in history} == {"normal"}
    if due or last:
        check = _check_for(session, rater, study, position, values)
        if check is not None:
            return check
    if study.balance_groups and free:
        group = _group_for(session, rater, study, history, free, values)
        free = [one for one in free if one.group == group]
    by_key = {one.key: one for one in free}
    order = fewest_first({one.key: one.held for one in free}, rater.seed)
    return by_key[order[0]] if order else None


def _group_for(
    session: Session,
    rater: RaterRow,
    study: StudyRow,
    history: list[Assigned],
    free: list[Candidate],
    values: Mapping[str, Any],
) -> str:
    """The group of her next item, by her share of every group."""
    slots: Counter[str] = Counter()
    items = 0
    for group, language, count in session.execute(HOW_MANY_BY_GROUP, values):
        slots[group] += count * slots_of(study, language)
        items += count
    plan = shares(slots, min(study.items_per_rater or items, items), _row_of(session, rater))
    had = Counter(one.group for one in history if one.counts)
    return next_group(plan, had, {one.group for one in free}, rater.seed)


def _row_of(session: Session, rater: RaterRow) -> int:
    """How many raters of her language began before her; whoever has begun keeps her place."""
    began = select(AssignmentRow.id).where(AssignmentRow.rater_id == rater.id, AssignmentRow.position == 1)
    hers = session.scalar(began)
    others = select(func.count()).select_from(AssignmentRow).join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
    others = others.where(RaterRow.study_id == rater.study_id, RaterRow.language == rater.language)
    before = others.where(AssignmentRow.position == 1, true() if hers is None else AssignmentRow.id < hers)
    return session.scalar(before) or 0


def _assigned(session: Session, rater_id: int) -> list[Assigned]:
    """Everything that she was given, by position."""
    rows = session.execute(_ASSIGNED, {"rater_id": rater_id})
    return [
        Assigned(kind, group or "", state, slot is not None or lease is not None)
        for kind, group, state, slot, lease in rows
    ]


def _is_full(study: StudyRow, history: list[Assigned]) -> bool:
    """True when she has had as many items as one rater may have; those that went to others do not count."""
    return study.items_per_rater is not None and _count_items(history) >= study.items_per_rater


def _count_items(history: list[Assigned]) -> int:
    return sum(one.counts for one in history)


def _new_checks(session: Session, study: StudyRow, values: Mapping[str, Any]) -> list[Candidate]:
    """Checks that she has not met; none whose spoiled output is of a system that was closed early, none where all were."""
    gone = closed_systems(study)
    if gone and nothing_open(study):
        return []
    checks = _candidates(session, NEW_CHECKS, values)
    if not gone:
        return checks
    spoiled = select(OutputRow.item_id).join(SystemRow, SystemRow.id == OutputRow.system_id)
    spoiled = spoiled.where(SystemRow.study_id == study.id, SystemRow.key.in_(gone), OutputRow.degradation.is_not(None))
    useless = set(session.scalars(spoiled))
    return [one for one in checks if one.item_id not in useless]


def _check_for(
    session: Session, rater: RaterRow, study: StudyRow, position: int, values: Mapping[str, Any]
) -> Candidate | None:
    """A check she has not met: of the kind that is due, else of the other; a repeat only some way after its original."""
    by_kind: dict[str, dict[str, Candidate]] = {"degraded": {}, "repeat": {}}
    done = select(AssignmentRow.item_id).where(
        AssignmentRow.rater_id == rater.id,
        AssignmentRow.state == "done",
        AssignmentRow.position <= position - study.repeat_after,
    )
    ripe = set(session.scalars(done))
    for one in _new_checks(session, study, values):
        if one.kind == "degraded" or one.original_item_id in ripe:
            by_kind[one.kind][one.key] = one
    first = kind_at(position, rater.seed)
    second = "repeat" if first == "degraded" else "degraded"
    for kind in (first, second):
        for key in item_order(by_kind[kind], rater.seed)[:1]:
            return by_kind[kind][key]
    return None


def progress(session: Session, now: datetime, rater_id: int) -> Progress:
    """Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id)
    history = _assigned(session, rater_id)
    values = bound(rater, study, now)
    if nothing_open(study):
        remaining = 0
    else:
        remaining = (
            len(_open_items(session, study, values)) if study.quotas else session.scalar(HOW_MANY_OPEN, values) or 0
        )
    if study.items_per_rater is not None:
        remaining = min(remaining, max(0, study.items_per_rater - _count_items(history)))
    there = [] if study.check_every is None else _new_checks(session, study, values)
    remaining += _checks_ahead(rater, study, history, there, remaining)
    done, skipped = (sum(one.state == state for one in history) for state in ("done", "skipped"))
    return Progress(done, skipped, len(history) + remaining, sum(one.released for one in history))


def _checks_ahead(
    rater: RaterRow, study: StudyRow, history: list[Assigned], there: list[Candidate], remaining: int
) -> int:
    """How many of the checks in `there` she is expected to meet on her way through `remaining` more items."""
    if study.check_every is None:
        return 0
    degraded, repeats = (sum(one.kind == kind for one in there) for kind in ("degraded", "repeat"))
    position, ahead = len(history), 0
    while remaining:
        position += 1
        ripe = min(repeats, max(0, position - study.repeat_after))
        if is_check_position(position, rater.seed, study.check_every) and ahead < degraded + ripe:
            ahead += 1
        else:
            remaining -= 1
    checks_so_far = sum(one.kind != "normal" for one in history) + ahead
    return ahead + (1 if position and not checks_so_far and degraded else 0)
