"""Late changes of another writer, merged by what they mean: raters by pseudonym, items of a rater, submissions by their id.

Both writers went on from the same state, so row numbers that were given out since may stand for different rows in each:
they are mapped. A submission that is there already is left alone, which makes a merge harmless when it is repeated.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, func, select
from sqlalchemy.orm import Session

from annotation.database.base import UtcDateTime
from annotation.database.journal import Change
from annotation.database.span_tables import MarkingRow
from annotation.database.tables import (
    AssignmentRow,
    InvitationRow,
    ItemRow,
    PreferenceRow,
    RaterRow,
    RatingHistoryRow,
    RatingRow,
    SkipRow,
    SubmissionRow,
)
from annotation.queries import markings as _markings
from annotation.queries.preferences import add_history
from annotation.study_records import MergeReport

Image = dict[str, Any]  # one row as SQLite stores it, by column
_MERGED = {
    "rater", "invitation", "assignment", "submission", "rating", "rating_history", "preference", "preference_history", "skip",
    "marking", "marking_history",
}  # fmt: skip


@dataclass
class _Merge:
    """Row numbers of the other writer -> ours."""

    session: Session
    raters: dict[int, int] = field(default_factory=dict)
    assignments: dict[int, int] = field(default_factory=dict)
    added: int = 0
    present: int = 0
    left_out: int = 0

    def rater(self, image: Image) -> None:
        """Ours with this pseudonym, made if need be; removed raters stay removed."""
        query = select(RaterRow).where(RaterRow.study_id == image["study_id"], RaterRow.pseudonym == image["pseudonym"])
        row = self.session.scalar(query)
        if row is None:
            if image["tombstoned_at"] is not None:
                return
            values = {name: _value(RaterRow, name, value) for name, value in image.items() if name != "id"}
            row = RaterRow(**values)
            self.session.add(row)
            invitation = self.session.get(InvitationRow, row.invitation_id) if row.invitation_id else None
            if invitation is not None and (invitation.max_uses is None or invitation.uses < invitation.max_uses):
                invitation.uses += 1
            self.session.flush()
        self.raters[image["id"]] = row.id

    def our_rater(self, number: int) -> int | None:
        """Our number of a rater who may still give ratings."""
        row = self.session.get(RaterRow, self.raters.get(number, number))
        return None if row is None or row.tombstoned_at is not None else row.id

    def assignment(self, image: Image) -> AssignmentRow | None:
        """Ours of the same rater and item, made if need be; without a slot until it is rated."""
        rater = self.our_rater(image["rater_id"])
        if rater is None or self.session.get(ItemRow, image["item_id"]) is None:
            return None
        mine = select(AssignmentRow).where(AssignmentRow.rater_id == rater)
        row = self.session.scalar(mine.where(AssignmentRow.item_id == image["item_id"]))
        if row is None:
            last = select(func.max(AssignmentRow.position)).where(AssignmentRow.rater_id == rater)
            row = AssignmentRow(
                rater_id=rater,
                item_id=image["item_id"],
                language=image["language"],
                position=(self.session.scalar(last) or 0) + 1,
                slot=None,
                system_order=json.loads(image["system_order"]),
                state="pending",
                lease_expires_at=None,
                first_shown_at=_time(image["first_shown_at"]),
                seconds=0.0,
                revision=0,
                comment=None,
            )
            self.session.add(row)
            self.session.flush()
        self.assignments[image["id"]] = row.id
        return row

    def submission(self, image: Image, images: dict[str, list[Image]]) -> None:
        """One press of a button with all it stored; nothing if it is there, or its rater or item is gone."""
        if self.session.get(SubmissionRow, image["submission_id"]) is not None:
            self.present += 1
            return
        rater = self.our_rater(image["rater_id"])
        row = self.session.get(AssignmentRow, self.assignments.get(image["assignment_id"], image["assignment_id"]))
        if rater is None or row is None or row.rater_id != rater:
            self.left_out += 1
            return
        now = _time(image["received_at"])
        self.session.add(
            SubmissionRow(
                submission_id=image["submission_id"],
                rater_id=rater,
                assignment_id=row.id,
                content_sha256=image["content_sha256"],
                comment=image["comment"],
                seconds=image["seconds"],
                revision=row.revision + 1,
                received_at=now,
            )
        )
        self.session.flush()
        answered = self._answers(rater, row, image["submission_id"], images, now)
        if answered:
            self._hold(row)
            row.state, row.lease_expires_at = "done", None
            row.revision += 1
        elif row.state == "pending":
            row.state, row.slot, row.lease_expires_at = "skipped", None, None
        row.seconds += image["seconds"]
        if image["comment"] is not None:
            row.comment = image["comment"] or None
        self.session.flush()
        self.added += 1

    def _answers(
        self, rater: int, row: AssignmentRow, submission_id: str, images: dict[str, list[Image]], now: datetime
    ) -> bool:
        """Ratings, preferences, marked errors and skips of one press; whether there are any of the first two."""
        ratings, compared = images.get("rating", []), images.get("preference", [])
        for rating in ratings:
            if rating["submission_id"] == submission_id:
                self._rating(rater, rating, now)
        for preference in compared:
            if preference["submission_id"] == submission_id:
                self._preference(rater, preference, now)
        for skip in images.get("skip", []):
            self.session.add(
                SkipRow(
                    assignment_id=row.id,
                    submission_id=skip["submission_id"],
                    reason=skip["reason"],
                    comment=skip["comment"],
                    created_at=now,
                )
            )
        marked = [one for one in images.get("marking", []) if one["submission_id"] == submission_id]
        for marking in marked:
            self._marking(rater, marking, now)
        return bool(ratings or compared or marked)

    def _hold(self, row: AssignmentRow) -> None:
        """A slot for what is rated already, one more than planned if others took them meanwhile."""
        if row.slot is None:
            query = select(AssignmentRow.slot).where(
                AssignmentRow.item_id == row.item_id,
                AssignmentRow.language == row.language,
                AssignmentRow.slot.is_not(None),
            )
            held = set(self.session.scalars(query))
            row.slot = next(slot for slot in range(1, len(held) + 2) if slot not in held)

    def _rating(self, rater: int, image: Image, now: datetime) -> None:
        """The value with its history; of two values of one rater the later one counts, and both stay in the history."""
        query = select(RatingRow).where(
            RatingRow.rater_id == rater,
            RatingRow.output_id == image["output_id"],
            RatingRow.criterion_id == image["criterion_id"],
        )
        row = self.session.scalar(query)
        old_value = None if row is None else row.value
        if row is None:
            row = RatingRow(
                rater_id=rater,
                output_id=image["output_id"],
                criterion_id=image["criterion_id"],
                value=image["value"],
                submission_id=image["submission_id"],
                revision=1,
                created_at=now,
                updated_at=now,
            )
            self.session.add(row)
        elif row.updated_at < now:
            row.value, row.submission_id, row.updated_at = image["value"], image["submission_id"], now
            row.revision += 1
        else:
            return
        self.session.flush()
        self.session.add(
            RatingHistoryRow(
                rating_id=row.id,
                old_value=old_value,
                value=row.value,
                revision=row.revision,
                submission_id=row.submission_id,
                recorded_at=now,
            )
        )

    def _preference(self, rater: int, image: Image, now: datetime) -> None:
        """The same of a preference."""
        query = select(PreferenceRow).where(
            PreferenceRow.rater_id == rater,
            PreferenceRow.item_id == image["item_id"],
            PreferenceRow.question == image["question"],
        )
        row = self.session.scalar(query)
        old_ranks = None if row is None else row.ranks
        output_ids, ranks = json.loads(image["output_ids"]), json.loads(image["ranks"])
        if row is None:
            row = PreferenceRow(
                rater_id=rater,
                item_id=image["item_id"],
                question=image["question"],
                output_ids=output_ids,
                ranks=ranks,
                submission_id=image["submission_id"],
                revision=1,
                created_at=now,
                updated_at=now,
            )
            self.session.add(row)
        elif row.updated_at < now:
            row.output_ids, row.ranks = output_ids, ranks
            row.submission_id, row.updated_at = image["submission_id"], now
            row.revision += 1
        else:
            return
        self.session.flush()
        add_history(self.session, row, old_ranks, now)

    def _marking(self, rater: int, image: Image, now: datetime) -> None:
        """The same of the errors of an output."""
        query = select(MarkingRow).where(MarkingRow.rater_id == rater, MarkingRow.output_id == image["output_id"])
        row, spans = self.session.scalar(query), json.loads(image["spans"])
        if row is None:
            row = MarkingRow(
                rater_id=rater,
                output_id=image["output_id"],
                spans=spans,
                submission_id=image["submission_id"],
                revision=1,
                created_at=now,
                updated_at=now,
            )
            self.session.add(row)
        elif row.updated_at < now:
            row.spans, row.submission_id, row.updated_at = spans, image["submission_id"], now
            row.revision += 1
        else:
            return
        self.session.flush()
        _markings.add_history(self.session, row, now)


def merge_changes(session: Session, changes: Sequence[Change]) -> MergeReport:
    """Adds the ratings, preferences and skips of `changes`, in the order of their numbers, that are not there yet.

    Raters who came to the other writer come too, with their links. Changes of studies, items and outputs are not merged
    and counted in `left_out`, as are submissions whose rater or item is gone.
    """
    merge = _Merge(session)
    for change in sorted(changes, key=lambda one: one.number):
        images = {
            name: [dict(zip(rows.columns, values, strict=True)) for values in rows.values]
            for name, rows in change.rows.items()
        }
        merge.left_out += bool(set(images) - _MERGED)
        for image in images.get("rater", []):
            merge.rater(image)
        for image in images.get("assignment", []):
            merge.assignment(image)
        for image in images.get("submission", []):
            merge.submission(image, images)
    return MergeReport(merge.added, merge.present, merge.left_out)


def _value(row_type: type[RaterRow], name: str, value: Any) -> Any:
    """A stored value as the ORM takes it."""
    kind = row_type.__table__.columns[name].type
    if value is None:
        return None
    if isinstance(kind, UtcDateTime):
        return _time(value)
    return json.loads(value) if isinstance(kind, JSON) else value


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
