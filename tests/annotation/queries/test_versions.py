"""Answers with their history: new, changed, the same, later and earlier ones of another writer; counted, and deleted whole."""

from datetime import timedelta

import pytest
from rating_examples import Clock, submission
from sqlalchemy.orm import Session

from annotation.blind_records import AssignmentView
from annotation.queries import versions
from annotation.queries.versions import MARKINGS, PREFERENCES, RATINGS, AnswerKind
from annotation.records import Rater, Study
from annotation.store import RatingStore

EARLIER, LATER = timedelta(minutes=-5), timedelta(minutes=5)


def name(kind: AnswerKind, rater: Rater, view: AssignmentView) -> tuple[object, ...]:
    """What names an answer of the rater to her first item or its first output."""
    last = {"criterion_id": 1, "question": "overall"}
    of_item = {"rater_id": rater.id, "output_id": view.outputs[0].output_id, "item_id": 1, **last}
    return tuple(of_item[column] for column in kind.names)


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [(RATINGS, 4, None), (PREFERENCES, [1, 2, 2], [2, 1, 1]), (MARKINGS, [], [[0, 3, "minor"]])],
    ids=["rating", "preference", "marking"],
)
def test_each_answer_that_is_new_or_changed_leaves_one_line(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView, clock: Clock,
    kind: AnswerKind, first: object, second: object,
) -> None:  # fmt: skip
    sent = submission(rater.id, view)
    store.submit(sent)
    store._write(lambda session: versions.remove(session, kind, rater.id))
    mine, now = name(kind, rater, view), clock.now
    beside = {"output_ids": [one.output_id for one in view.outputs]} if kind is PREFERENCES else {}

    def write(value: object, at: timedelta = timedelta(), *, merging: bool = False) -> bool:
        answers = {mine: value}
        return store._write(
            lambda session: versions.write(
                session, kind, answers, sent.submission_id, now + at, beside=beside, merging=merging
            )
        )

    assert [write(first), write(first), write(second)] == [True, False, True]
    assert write(second, EARLIER, merging=True) is True  # before all others
    assert write(second, LATER, merging=True) is True
    assert write(first, LATER / 2, merging=True) is True  # lies before what was merged

    def lines(session: Session) -> list[tuple[object, ...]]:
        rows = session.query(kind.history).order_by(kind.history.id)
        return [
            (row.revision, row.recorded_at - now, getattr(row, kind.value), getattr(row, kind.old) if kind.old else None)
            for row in rows
        ]  # fmt: skip

    values = [second, first, second, first, second]
    times = [EARLIER, timedelta(), timedelta(), LATER / 2, LATER]
    old = [None, *values[:-1]] if kind.old else [None] * 5
    assert store._read(lines) == list(zip(range(1, 6), times, values, old, strict=True))

    def current(session: Session) -> tuple[object, ...]:
        row = session.query(kind.row).one()
        return row.revision, row.updated_at - now, getattr(row, kind.value)

    assert store._read(current) == (5, LATER, second)
    assert store._read(lambda session: versions.count(session, kind, rater.id)) == (1, 5)
    store._write(lambda session: versions.remove(session, kind, rater.id))
    assert store._read(lambda session: versions.count(session, kind, rater.id)) == (0, 0)


def test_nothing_sent_is_nothing_written(store: RatingStore, study: Study) -> None:
    assert store._write(lambda session: versions.write(session, MARKINGS, {}, "x", study.created_at)) is False


def test_the_contract_is_asked_of_both_engines(store: RatingStore, engine: str, request: pytest.FixtureRequest) -> None:
    """For a while it was asked of SQLite alone: module names have their path before them."""
    assert request.node.callspec.params["engine"] == engine
    assert (store.path is None) == (engine == "postgresql")
