"""What a rater may get next: fewest holders first, attention checks at seeded places, counts for her progress."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, distinct, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from annotation.assignments import fewest_first, item_order
from annotation.attention import is_check_place, kind_at
from annotation.models import AssignmentRow, ItemRow, OutputRow, RaterRow, StudyRow
from annotation.queries.raters import rater_row
from annotation.queries.studies import study_row
from annotation.records import Progress


@dataclass(frozen=True)
class Candidate:
    """An item that the rater may get, and the language of the outputs she would rate."""

    item_id: int
    key: str
    language: str
    kind: str
    held: int = 0  # by other raters
    original_item_id: int | None = None


def _candidates(session: Session, query: Select[Any]) -> list[Candidate]:
    return [Candidate(**found._mapping) for found in session.execute(query)]


def choose(session: Session, rater: RaterRow, study: StudyRow, now: datetime) -> Candidate | None:
    """The item for the rater's next position: a check where one is due, else the one with fewest holders."""
    given = _given(session, rater.id)
    free = [] if _is_full(study, given) else _candidates(session, open_items(rater, study, now))
    position = len(given) + 1
    due = is_check_place(position, rater.seed, study.check_every) and bool(free)
    last = study.check_every is not None and not free and {kind for kind, _ in given} == {"normal"}
    if due or last:
        check = _check_for(session, rater, study, position)
        if check is not None:
            return check
    by_key = {one.key: one for one in free}
    order = fewest_first({one.key: one.held for one in free}, rater.seed)
    return by_key[order[0]] if order else None


def _given(session: Session, rater_id: int) -> list[tuple[str, bool]]:
    """(kind, still hers) of everything the rater was given, by position."""
    query = select(ItemRow.kind, AssignmentRow.state, AssignmentRow.place).join(
        AssignmentRow, AssignmentRow.item_id == ItemRow.id
    )
    query = query.where(AssignmentRow.rater_id == rater_id).order_by(AssignmentRow.position)
    return [(kind, state != "pending" or place is not None) for kind, state, place in session.execute(query)]


def _is_full(study: StudyRow, given: list[tuple[str, bool]]) -> bool:
    """True when she has had as many items as one rater may have; those that went to others do not count."""
    return study.items_per_rater is not None and _taken(given) >= study.items_per_rater


def _taken(given: list[tuple[str, bool]]) -> int:
    return sum(kind == "normal" and hers for kind, hers in given)


def _check_for(session: Session, rater: RaterRow, study: StudyRow, position: int) -> Candidate | None:
    """A check she has not met: of the kind that is due, else of the other; a repeat only some way after its original."""
    query = _new_items(rater, study, ItemRow.kind != "normal")
    by_kind: dict[str, dict[str, Candidate]] = {"degraded": {}, "repeat": {}}
    done = select(AssignmentRow.item_id).where(
        AssignmentRow.rater_id == rater.id,
        AssignmentRow.state == "done",
        AssignmentRow.position <= position - study.repeat_after,
    )
    ripe = set(session.scalars(done))
    for one in _candidates(session, query):
        if one.kind == "degraded" or one.original_item_id in ripe:
            by_kind[one.kind][one.key] = one
    first = kind_at(position, rater.seed)
    second = "repeat" if first == "degraded" else "degraded"
    for kind in (first, second):
        for key in item_order(by_kind[kind], rater.seed)[:1]:
            return by_kind[kind][key]
    return None


def _new_items(rater: RaterRow, study: StudyRow, *where: Any) -> Select[Any]:
    """Items of her language that she has not been given: the columns of `Candidate` without `held`."""
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
    items = select(
        ItemRow.id.label("item_id"),
        ItemRow.key.label("key"),
        ItemRow.kind.label("kind"),
        ItemRow.original_item_id.label("original_item_id"),
        rated.label("language"),
    )
    inner = items.where(ItemRow.study_id == study.id, ~given, *where).subquery()
    return select(inner).where(inner.c.language.is_not(None))


def open_items(rater: RaterRow, study: StudyRow, now: datetime) -> Select[Any]:
    """Items she has not been given, with a free place: the columns of `Candidate`."""
    inner = _new_items(rater, study, ItemRow.kind == "normal").subquery()
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
    return select(inner, held.label("held")).where(held < study.raters_per_item)


def progress(session: Session, rater_id: int, now: datetime) -> Progress:
    """Raises UnknownRater."""
    rater = rater_row(session, rater_id)
    study = study_row(session, rater.study_id)
    counts: dict[str, int] = {"done": 0, "skipped": 0, "pending": 0, "released": 0}
    holds = AssignmentRow.place.is_not(None)
    query = select(AssignmentRow.state, holds, func.count()).where(AssignmentRow.rater_id == rater_id)
    for state, held, count in session.execute(query.group_by(AssignmentRow.state, holds)):
        counts["released" if state == "pending" and not held else state] += count
    given = _given(session, rater_id)
    left = session.scalar(select(func.count()).select_from(open_items(rater, study, now).subquery())) or 0
    if study.items_per_rater is not None:
        left = min(left, max(0, study.items_per_rater - _taken(given)))
    left += _checks_ahead(session, rater, study, given, left)
    return Progress(counts["done"], counts["skipped"], sum(counts.values()) + left, counts["released"])


def _checks_ahead(session: Session, rater: RaterRow, study: StudyRow, given: list[tuple[str, bool]], left: int) -> int:
    """How many attention checks she meets on her way through `left` more items, as far as it can be told."""
    if study.check_every is None:
        return 0
    there = _candidates(session, _new_items(rater, study, ItemRow.kind != "normal"))
    degraded, repeats = (sum(one.kind == kind for one in there) for kind in ("degraded", "repeat"))
    position, ahead = len(given), 0
    while left:
        position += 1
        ripe = min(repeats, max(0, position - study.repeat_after))
        if is_check_place(position, rater.seed, study.check_every) and ahead < degraded + ripe:
            ahead += 1
        else:
            left -= 1
    met = sum(kind != "normal" for kind, _ in given) + ahead
    return ahead + (1 if position and not met and degraded else 0)
