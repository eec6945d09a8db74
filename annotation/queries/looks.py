"""Interim looks of a study that may stop early, stored for good: taken in the transaction of the submission that makes them due,
or of the closing that ends the study before.
"""

from dataclasses import asdict
from datetime import datetime
from itertools import combinations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.database.tables import (
    AssignmentRow,
    CriterionRow,
    ItemRow,
    OutputRow,
    RaterRow,
    RatingRow,
    StudyRow,
    SystemRow,
)
from annotation.queries.studies import slots_of
from annotation.statistics.comparisons import FEWEST, means_by_item, paired
from annotation.statistics.interim import look_at
from annotation.stopping import Look, Stopping, all_decided, all_taken, closed, decided, look_of


def looks_of(study: StudyRow) -> tuple[Look, ...]:
    """The looks of a study until now, in order."""
    return tuple(look_of(one) for one in study.looks)


def closed_systems(study: StudyRow) -> frozenset[str]:
    """Keys of the systems that are handed out no more."""
    return closed(looks_of(study)) if study.looks else frozenset()


def nothing_open(study: StudyRow) -> bool:
    """Whether every pair is decided, so that nothing more is handed out."""
    return bool(study.looks) and all_decided(looks_of(study))


def look_if_due(session: Session, now: datetime, study: StudyRow) -> None:
    """Takes the newest look that the ratings reached, if it was not taken yet and there is a pair to decide."""
    looks = _waiting(study)
    if looks is None or study.stopping is None:
        return
    planned = int(study.stopping["looks"])
    done, slots = _counts(session, study)
    number = min(planned, done * planned // slots) if slots else 0
    if number > (looks[-1].number if looks else 0):
        _take(session, study, Look(number, now, done, slots, ()))


def look_at_end(session: Session, now: datetime, study: StudyRow) -> None:
    """Takes the last look of a study that is closed before its last planned one: it spends all that is left of the level.

    No look follows, also if the study is opened again. None is taken before two items were rated for a pair that is open.
    """
    looks = _waiting(study)
    if looks is None:
        return
    done, slots = _counts(session, study)
    if slots:
        _take(session, study, Look((looks[-1].number if looks else 0) + 1, now, done, slots, (), ended=True))


def _waiting(study: StudyRow) -> tuple[Look, ...] | None:
    """The looks until now of a study that still waits for one; None for any other."""
    if study.stopping is None or study.frozen_at is None or nothing_open(study):
        return None
    looks = looks_of(study)
    return None if all_taken(looks, Stopping(**study.stopping)) else looks


def _take(session: Session, study: StudyRow, look: Look) -> None:
    """Tests the open pairs and stores the look with what it found."""
    stopping, looks = Stopping(**(study.stopping or {})), looks_of(study)
    fractions = [one.fraction(stopping.looks) for one in (*looks, look)]
    gone = {(one.first, one.second) for one in decided(looks)}
    differences = {pair: values for pair, values in _differences(session, study).items() if pair not in gone}
    if look.ended and max(map(len, differences.values()), default=0) < FEWEST:
        return
    tested = look_at(differences, stopping.alpha, fractions, ended=look.ended)
    held = asdict(look) | {"taken_at": look.taken_at.isoformat(), "pairs": [asdict(one) for one in tested]}
    study.looks = [*study.looks, held]
    session.flush()


def _counts(session: Session, study: StudyRow) -> tuple[int, int]:
    """Items answered and planned, each once for every rater and language."""
    normal = (ItemRow.study_id == study.id, ItemRow.kind == "normal")
    done = select(func.count()).select_from(AssignmentRow).join(ItemRow, ItemRow.id == AssignmentRow.item_id)
    items = select(OutputRow.language, func.count(func.distinct(OutputRow.item_id)))
    items = items.join(ItemRow, ItemRow.id == OutputRow.item_id).where(*normal).group_by(OutputRow.language)
    slots = sum(int(count) * slots_of(study, language) for language, count in session.execute(items))
    return session.scalar(done.where(*normal, AssignmentRow.state == "done")) or 0, slots


def _differences(session: Session, study: StudyRow) -> dict[tuple[str, str], list[float]]:
    """Every pair of systems with an item's difference each, over all languages, without raters who were left out."""
    criterion = str((study.stopping or {})["criterion"])
    query = (
        select(OutputRow.language, SystemRow.key, ItemRow.key, RatingRow.value)
        .join(OutputRow, OutputRow.id == RatingRow.output_id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .join(CriterionRow, CriterionRow.id == RatingRow.criterion_id)
        .join(RaterRow, RaterRow.id == RatingRow.rater_id)
        .where(ItemRow.study_id == study.id, ItemRow.kind == "normal", CriterionRow.key == criterion)
        .where(RatingRow.value.is_not(None), RaterRow.excluded_at.is_(None))
    )
    rows = [
        (language, criterion, system, item, value)
        for language, system, item, value in session.execute(query)
        if value is not None
    ]
    means = means_by_item(rows)
    languages = sorted({language for language, _, _ in means})
    systems = session.scalars(select(SystemRow.key).where(SystemRow.study_id == study.id).order_by(SystemRow.key)).all()
    return {
        (first, second): [
            round(one - other, 9) for one, other in paired(means, criterion, first, second, languages).values()
        ]
        for first, second in combinations(systems, 2)
    }
