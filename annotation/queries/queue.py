"""What a rater may get next: fewest holders first, attention checks at seeded places, counts for her progress.

Which items a rater could still get, as statements that are built once.

Building a statement of this size takes SQLAlchemy longer than SQLite needs to answer it, and every page that a rater
opens asks. So the statements are constants, and what differs by rater is bound by name:
`rater_id`, `language` (hers), `study_id`, `now`, `places` (raters an item may have).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, case, distinct, exists, func, or_, select
from sqlalchemy.orm import Session

from annotation.attention_checks import is_check_place, kind_at
from annotation.database.tables import AssignmentRow, ItemRow, OutputRow, RaterRow, StudyRow
from annotation.orders import fewest_first, item_order
from annotation.queries.raters import rater_row
from annotation.queries.studies import study_row
from annotation.records import Progress


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


@dataclass(frozen=True)
class Candidate:
    """An item that the rater may get, and the language of the outputs she would rate."""

    item_id: int
    key: str
    language: str
    kind: str
    held: int = 0  # by other raters
    original_item_id: int | None = None


_GIVEN = (
    select(ItemRow.kind, AssignmentRow.state, AssignmentRow.place)
    .join(AssignmentRow, AssignmentRow.item_id == ItemRow.id)
    .where(AssignmentRow.rater_id == bindparam("rater_id"))
    .order_by(AssignmentRow.position)
)


@dataclass(frozen=True)
class Given:
    """An item that she was given: its kind, how it ended so far, and whether a place of it is hers."""

    kind: str
    state: str
    holds: bool

    @property
    def released(self) -> bool:
        """Leased, not answered in time, and returned to others."""
        return self.state == "pending" and not self.holds


def _candidates(session: Session, query: Select[Any], values: Mapping[str, Any]) -> list[Candidate]:
    return [Candidate(**found._mapping) for found in session.execute(query, values)]


def choose(session: Session, rater: RaterRow, study: StudyRow, now: datetime) -> Candidate | None:
    """The item for the rater's next position: a check where one is due, else the one with fewest holders."""
    given = _given(session, rater.id)
    values = bound(rater, study, now)
    free = [] if _is_full(study, given) else _candidates(session, OPEN_ITEMS, values)
    position = len(given) + 1
    due = is_check_place(position, rater.seed, study.check_every) and bool(free)
    last = study.check_every is not None and not free and {one.kind for one in given} == {"normal"}
    if due or last:
        check = _check_for(session, rater, study, position, values)
        if check is not None:
            return check
    by_key = {one.key: one for one in free}
    order = fewest_first({one.key: one.held for one in free}, rater.seed)
    return by_key[order[0]] if order else None


def _given(session: Session, rater_id: int) -> list[Given]:
    """Everything that she was given, by position."""
    found = session.execute(_GIVEN, {"rater_id": rater_id})
    return [Given(kind, state, place is not None) for kind, state, place in found]


def _is_full(study: StudyRow, given: list[Given]) -> bool:
    """True when she has had as many items as one rater may have; those that went to others do not count."""
    return study.items_per_rater is not None and _taken(given) >= study.items_per_rater


def _taken(given: list[Given]) -> int:
    return sum(one.kind == "normal" and not one.released for one in given)


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
    for one in _candidates(session, NEW_CHECKS, values):
        if one.kind == "degraded" or one.original_item_id in ripe:
            by_kind[one.kind][one.key] = one
    first = kind_at(position, rater.seed)
    second = "repeat" if first == "degraded" else "degraded"
    for kind in (first, second):
        for key in item_order(by_kind[kind], rater.seed)[:1]:
            return by_kind[kind][key]
    return None


def progress(session: Session, rater_id: int, now: datetime) -> Progress:
    """Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id)
    given = _given(session, rater_id)
    values = bound(rater, study, now)
    left = session.scalar(HOW_MANY_OPEN, values) or 0
    if study.items_per_rater is not None:
        left = min(left, max(0, study.items_per_rater - _taken(given)))
    there = [] if study.check_every is None else _candidates(session, NEW_CHECKS, values)
    left += _checks_ahead(rater, study, given, there, left)
    done, skipped = (sum(one.state == state for one in given) for state in ("done", "skipped"))
    return Progress(done, skipped, len(given) + left, sum(one.released for one in given))


def _checks_ahead(rater: RaterRow, study: StudyRow, given: list[Given], there: list[Candidate], left: int) -> int:
    """How many of the attention checks that are `there` she meets on her way through `left` more items, as far as it can be told."""
    if study.check_every is None:
        return 0
    degraded, repeats = (sum(one.kind == kind for one in there) for kind in ("degraded", "repeat"))
    position, ahead = len(given), 0
    while left:
        position += 1
        ripe = min(repeats, max(0, position - study.repeat_after))
        if is_check_place(position, rater.seed, study.check_every) and ahead < degraded + ripe:
            ahead += 1
        else:
            left -= 1
    met = sum(one.kind != "normal" for one in given) + ahead
    return ahead + (1 if position and not met and degraded else 0)
