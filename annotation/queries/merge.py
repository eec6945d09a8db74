"""Late changes of another writer, merged by what they mean: raters by pseudonym, items of a rater, submissions by their id.

Both writers went on from the same state, so row numbers that were given out since may stand for different rows in each:
they are mapped. A submission that is there already is left alone, which makes a merge harmless when it is repeated.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.database.journal import Change
from annotation.database.tables import (
    AssignmentRow,
    InvitationRow,
    ItemRow,
    RaterRow,
    SkipRow,
    SubmissionRow,
)
from annotation.queries import merge_decisions
from annotation.queries.images import Image, row_of, time_of
from annotation.queries.versions import MARKINGS, PREFERENCES, RATINGS, AnswerKind, write
from annotation.study_records import MergeReport

_MERGED = {
    "rater", "invitation", "assignment", "submission", "rating", "rating_history", "preference", "preference_history", "skip",
    "marking", "marking_history",
} | merge_decisions.TABLES  # fmt: skip


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
            row = row_of(RaterRow, image)
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
                first_shown_at=time_of(image["first_shown_at"]),
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
        now = time_of(image["received_at"])
        newer = self._newer_comment(row, now)
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
        answered = self._answers(row, image["submission_id"], images, now)
        if answered:
            self._hold(row)
            row.state, row.lease_expires_at = "done", None
            row.revision += 1
        elif row.state == "pending":
            row.state, row.slot, row.lease_expires_at = "skipped", None, None
        row.seconds += image["seconds"]
        if image["comment"] is not None and not newer:
            row.comment = image["comment"] or None
        self.session.flush()
        self.added += 1

    def _newer_comment(self, row: AssignmentRow, now: datetime) -> bool:
        of_row = select(SubmissionRow.submission_id).where(SubmissionRow.assignment_id == row.id)
        later = of_row.where(SubmissionRow.comment.is_not(None), SubmissionRow.received_at >= now)
        return self.session.scalar(later.limit(1)) is not None

    def _answers(self, row: AssignmentRow, submission_id: str, images: dict[str, list[Image]], now: datetime) -> bool:
        """Ratings, preferences, marked errors and skips of one press; whether there are any of the first three."""
        sent = [
            (kind, image)
            for kind in (RATINGS, PREFERENCES, MARKINGS)
            for image in images.get(kind.row.__tablename__, [])
            if image["submission_id"] == submission_id
        ]
        for kind, image in sent:
            self._write(kind, row, image, now)
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
        return bool(sent)

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

    def _write(self, kind: AnswerKind, row: AssignmentRow, image: Image, now: datetime) -> None:
        """The answer with its history; of two answers of one rater the later one counts, and both stay in the history."""
        values = {**image, "rater_id": row.rater_id}
        for column in ("output_ids", "ranks", "spans"):
            if column in values:
                values[column] = json.loads(values[column])
        if kind is PREFERENCES:  # ranks stand in the order in which outputs were shown, which each writer drew
            ranks = dict(zip(values["output_ids"], values["ranks"], strict=True))
            if set(ranks) == set(row.system_order):
                values |= {"output_ids": row.system_order, "ranks": [ranks[output] for output in row.system_order]}
        name = tuple(values[column] for column in kind.names)
        beside = {column: values[column] for column in ("output_ids",) if column in values}
        answers = {name: values[kind.value]}
        write(self.session, kind, answers, image["submission_id"], now, beside=beside, merging=True)


def merge_changes(session: Session, changes: Sequence[Change]) -> MergeReport:
    """Adds the ratings, preferences, marked errors, skips and adjudicators' decisions of `changes`, in the order of their numbers,
    that are not there yet.

    Raters and adjudicators who came to the other writer come too, with their links. Changes of studies, items and outputs are
    not merged and counted in `left_out`, as are submissions whose rater or item, adjudicator or case is gone.
    """
    merge, decisions = _Merge(session), merge_decisions.DecisionMerge(session)
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
        decisions.take(images)
    return MergeReport(*(getattr(merge, name) + getattr(decisions, name) for name in ("added", "present", "left_out")))
