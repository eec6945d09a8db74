"""Answers that are stored with every earlier one: ratings, preferences, marked errors, and what adjudicators decide.

All are written, counted and deleted here alone: the current answer in one table, a line for each accepted one in another.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, null, select
from sqlalchemy.orm import Session

from annotation.database.adjudication_tables import (
    AdjudicatedMarkingHistoryRow,
    AdjudicatedMarkingRow,
    AdjudicatedOrderHistoryRow,
    AdjudicatedOrderRow,
    AdjudicationHistoryRow,
    AdjudicationRow,
)
from annotation.database.span_tables import MarkingHistoryRow, MarkingRow
from annotation.database.tables import PreferenceHistoryRow, PreferenceRow, RatingHistoryRow, RatingRow

Name = tuple[Any, ...]  # what tells one answer from another, in the order of `AnswerKind.names`


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """Where answers of one kind stand, and which of their columns mean what."""

    row: type[Any]
    history: type[Any]
    link: str  # column of the history that holds the number of the answer
    names: tuple[str, ...]  # columns of the answer; the first is whose it is
    value: str  # column of both that holds what was answered
    old: str | None = None  # column of the history for the answer before


RATINGS = AnswerKind(
    RatingRow, RatingHistoryRow, "rating_id", ("rater_id", "output_id", "criterion_id"), "value", "old_value"
)
PREFERENCES = AnswerKind(
    PreferenceRow, PreferenceHistoryRow, "preference_id", ("rater_id", "item_id", "question"), "ranks", "old_ranks"
)
MARKINGS = AnswerKind(MarkingRow, MarkingHistoryRow, "marking_id", ("rater_id", "output_id"), "spans")
ADJUDICATIONS = AnswerKind(
    AdjudicationRow,
    AdjudicationHistoryRow,
    "adjudication_id",
    ("adjudicator_id", "output_id", "criterion_id"),
    "value",
    "old_value",
)
ADJUDICATED_ORDERS = AnswerKind(
    AdjudicatedOrderRow, AdjudicatedOrderHistoryRow, "order_id", ("adjudicator_id", "case_id", "question"), "ranks"
)
ADJUDICATED_MARKINGS = AnswerKind(
    AdjudicatedMarkingRow, AdjudicatedMarkingHistoryRow, "marking_id", ("adjudicator_id", "output_id"), "spans"
)


def write(
    session: Session,
    kind: AnswerKind,
    answers: Mapping[Name, Any],
    submission_id: str,
    now: datetime,
    *,
    beside: Mapping[str, Any] | None = None,
    merging: bool = False,
) -> bool:
    """Writes each answer that is new or changed, with its line of history; True if there was any.

    `beside` are further columns of what is written. `merging`: `now` lies in the past, and of two answers the later one
    counts, the same one too; the earlier one stands in the history at its position in time.
    """
    if not answers:
        return False
    query = select(kind.row)
    for index, column in enumerate(kind.names):
        query = query.where(getattr(kind.row, column).in_({name[index] for name in answers}))
    stored = {tuple(getattr(row, column) for column in kind.names): row for row in session.scalars(query)}
    written: list[tuple[Any, Any]] = []
    earlier: list[tuple[Any, Any]] = []
    for name, value in sorted(answers.items(), key=lambda pair: pair[0]):
        row = stored.get(name)
        old = None if row is None else getattr(row, kind.value)
        if row is None:
            row = kind.row(**dict(zip(kind.names, name, strict=True)), revision=0, created_at=now)
            session.add(row)
        elif merging and row.updated_at >= now:
            earlier.append((row, value))
            continue
        elif not merging and old == value:
            continue
        for column, new in {**(beside or {}), kind.value: value}.items():
            setattr(row, column, new)
        row.submission_id, row.updated_at, row.revision = submission_id, now, row.revision + 1
        written.append((row, old))
    session.flush()
    for row, old in written:
        line = kind.history(**{kind.link: row.id}, revision=row.revision)
        session.add(line)
        _fill(kind, line, (row.updated_at, row.submission_id, getattr(row, kind.value)), old)
    for row, value in earlier:
        _insert_earlier(session, kind, row, (now, submission_id, value))
    return bool(written or earlier)


Entry = tuple[datetime, str, Any]  # what a line of history tells: when, by which submission, the answer


def _fill(kind: AnswerKind, line: Any, entry: Entry, old: Any) -> None:
    line.recorded_at, line.submission_id = entry[:2]
    setattr(line, kind.value, entry[2])
    if kind.old is not None:
        setattr(line, kind.old, null() if old is None else old)  # None in a column of JSON would be its "null"


def _insert_earlier(session: Session, kind: AnswerKind, row: Any, entry: Entry) -> None:
    """One line more, and what is later than `entry` moves up by one: lines, their numbers and the times go on in one order."""
    of_row = select(kind.history).where(getattr(kind.history, kind.link) == row.id)
    lines = list(session.scalars(of_row.order_by(kind.history.revision)))
    entries = [(line.recorded_at, line.submission_id, getattr(line, kind.value)) for line in lines]
    position = bisect_left([one[0] for one in entries], entry[0])
    entries.insert(position, entry)
    row.revision += 1
    lines.append(kind.history(**{kind.link: row.id}, revision=row.revision))
    session.add(lines[-1])
    for index in range(position, len(lines)):
        _fill(kind, lines[index], entries[index], entries[index - 1][2] if index else None)
    session.flush()


def remove(session: Session, kind: AnswerKind, whose: int) -> None:
    """Deletes all answers of one person with their history."""
    mine = select(kind.row.id).where(_owner(kind) == whose)
    for statement in (
        delete(kind.history).where(getattr(kind.history, kind.link).in_(mine)),
        delete(kind.row).where(_owner(kind) == whose),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})


def count(session: Session, kind: AnswerKind, whose: int) -> tuple[int, int]:
    """How many answers one person gave, and how many lines of history they have."""
    mine = select(kind.row.id).where(_owner(kind) == whose)
    past = select(func.count()).select_from(kind.history).where(getattr(kind.history, kind.link).in_(mine))
    return session.scalar(select(func.count()).select_from(mine.subquery())) or 0, session.scalar(past) or 0


def _owner(kind: AnswerKind) -> Any:
    return getattr(kind.row, kind.names[0])
