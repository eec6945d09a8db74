"""Accepting ratings and skips.

One transaction each; the receipt is made before the commit and handed out after it.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.adjudication_records import Decision
from annotation.database.tables import AssignmentRow, RatingRow, SkipRow, SubmissionRow
from annotation.errors import (
    InvalidRating,
    InvalidSkip,
    NewerAnswers,
    NoSlotLeft,
    SubmissionConflict,
    UnknownAssignment,
)
from annotation.preference_checks import check_ranks
from annotation.queries import markings as _markings
from annotation.queries import preferences as _preferences
from annotation.queries.assignments import assignment_row, hold_slot, release_expired
from annotation.queries.looks import look_if_due
from annotation.queries.raters import rater_row
from annotation.queries.studies import criterion_ids, require_open, scales, study_row
from annotation.queries.versions import MARKINGS, PREFERENCES, RATINGS, write
from annotation.queries.views import blind_outputs
from annotation.records import Receipt, SkipSubmission, Submission
from annotation.scales import answer_of, value_of
from annotation.span_checks import check_spans
from annotation.span_records import Spans
from annotation.validation import (
    MAX_CHANGES,
    MAX_COMMENTS,
    canonical_submission_id,
    check_comment,
    check_seconds,
    check_skip_reason,
    check_values,
)
from annotation.value_checks import is_id


def submit(session: Session, now: datetime, sent: Submission) -> Receipt:
    """Stores all values of one assignment, or none.

    A retry (same id, same content) gets the first receipt, even after the study was closed. Raises
    InvalidRating, UnknownRater, UnknownAssignment, StudyClosed, NoSlotLeft, NewerAnswers, SubmissionConflict.
    """
    submission_id = canonical_submission_id(sent.submission_id)
    check_comment(sent.comment)
    check_seconds(sent.seconds)
    content = content_digest(
        "ratings",
        sent.rater_id,
        sent.assignment_id,
        stable_pairs(sent.values),
        sent.comment,
        *compared_and_marked(sent),
    )
    receipt = _earlier_receipt(session, submission_id, content)
    if receipt is not None:
        return receipt
    row = _own_assignment(session, sent.rater_id, sent.assignment_id, now)
    study = study_row(session, rater_row(session, sent.rater_id).study_id)
    criteria = criterion_ids(session, study.id)
    outputs = blind_outputs(session, row)
    letters = {output.output_id: output.letter for output in outputs}
    check_values(
        sent.values,
        {(output, key): f"{key} of answer {letter}" for output, letter in letters.items() for key in criteria},
        scales(session, study.id),
    )
    check_ranks(sent.preferences, [one["key"] for one in study.preferences], letters)
    texts = {output.output_id: output.text for output in outputs}
    spans = check_spans(sent.spans, texts, letters, study.error_spans)
    _refuse_older(session, sent, row, criteria, spans)
    if not hold_slot(session, row, study):
        raise NoSlotLeft(
            "this item was rated by enough others while it was open here for long; nothing was stored, and "
            "nothing is missing. Go on to your next item."
        )
    comment = _comment_to_store(session, row, sent.comment)
    submission = _record_submission(session, row, submission_id, content, comment, now)
    changed = _write(session, now, sent, row, criteria, spans)
    row.revision += 1 if changed or comment is not None else 0
    submission.revision, submission.seconds = row.revision, float(sent.seconds)
    row.state = "done"
    row.lease_expires_at = None
    row.seconds += float(sent.seconds)
    session.flush()
    look_if_due(session, now, study)
    return Receipt(now, row.revision, repeated=False)


def skip(session: Session, now: datetime, sent: SkipSubmission) -> Receipt:
    """Passes on an item and returns its slot to others. It can be rated later, if a slot is free then.

    Raises InvalidSkip, InvalidRating (id or comment), UnknownRater, UnknownAssignment, StudyClosed,
    SubmissionConflict.
    """
    submission_id = canonical_submission_id(sent.submission_id)
    check_skip_reason(sent.reason)
    check_comment(sent.comment)
    content = content_digest("skip", sent.rater_id, sent.assignment_id, sent.reason, sent.comment)
    receipt = _earlier_receipt(session, submission_id, content)
    if receipt is not None:
        return receipt
    row = _own_assignment(session, sent.rater_id, sent.assignment_id, now)
    if row.state == "done":
        raise InvalidSkip("this item is rated already; change the ratings instead, or leave them as they are.")
    _record_submission(session, row, submission_id, content, _comment_to_store(session, row, sent.comment), now)
    session.add(
        SkipRow(
            assignment_id=row.id,
            submission_id=submission_id,
            reason=sent.reason,
            comment=sent.comment,
            created_at=now,
        )
    )
    row.state = "skipped"
    row.slot = None
    row.lease_expires_at = None
    session.flush()
    return Receipt(now, row.revision, repeated=False)


def _refuse_older(
    session: Session, sent: Submission, row: AssignmentRow, criteria: Mapping[str, int], spans: Mapping[int, Spans]
) -> None:
    """Raises NewerAnswers where the page showed other answers than are stored and would overwrite them unseen."""
    if sent.revision is None or sent.revision == row.revision:
        return
    outputs = {output for output, _ in sent.values}
    query = select(RatingRow.output_id, RatingRow.criterion_id, RatingRow.value)
    query = query.where(RatingRow.rater_id == sent.rater_id, RatingRow.output_id.in_(outputs))
    stored = {(output, criterion): answer_of(value) for output, criterion, value in session.execute(query)}
    other_values = any(stored.get((output, criteria[key])) != value for (output, key), value in sent.values.items())
    other_comment = sent.comment is not None and sent.comment != (row.comment or "")
    ranks = _preferences.ranks_of(session, sent.rater_id, row.item_id)
    other_errors = _markings.differ(_markings.markings_of(session, sent.rater_id, list(spans)), spans)
    if other_values or other_comment or other_errors or _preferences.differ(ranks, sent.preferences):
        raise NewerAnswers(
            f"this item was answered later, in another tab or on another device (version {row.revision}; this page showed "
            f"{sent.revision}); nothing was overwritten. Look at what is saved, then choose."
        )


def stable_pairs(values: object) -> object:
    """A stable picture of the values as sent, whatever was sent: 3, True and "3" differ in it."""
    if not isinstance(values, Mapping):
        return repr(values)
    return sorted((repr(key), repr(value)) for key, value in values.items())


def compared_and_marked(sent: Submission | Decision) -> list[object]:
    """The same of preferences and marked errors; nothing where there are none, as before there were any."""
    return [
        *([_orders(sent.preferences)] if sent.preferences else []),
        *([stable_pairs(sent.spans)] if sent.spans else []),
    ]


def _orders(preferences: object) -> object:
    if not isinstance(preferences, Mapping):
        return repr(preferences)
    return sorted((repr(key), stable_pairs(ranks)) for key, ranks in preferences.items())


def content_digest(*content: object) -> str:
    """What tells a retry from a second use of a submission id."""
    return hashlib.sha256(json.dumps(content, default=repr).encode()).hexdigest()


def _earlier_receipt(session: Session, submission_id: str, content: str) -> Receipt | None:
    earlier = session.get(SubmissionRow, submission_id)
    if earlier is None:
        return None
    if earlier.content_sha256 != content:
        raise SubmissionConflict(
            f"the submission id {submission_id} was used before for other content, which is stored; nothing "
            "was changed now. The page has to make a new id for each press of the button and keep it only "
            "for retries."
        )
    return Receipt(earlier.received_at, earlier.revision, repeated=True)


def _own_assignment(session: Session, rater_id: int, assignment_id: int, now: datetime) -> AssignmentRow:
    """The rater's assignment in an open study, with the study locked and dead leases returned."""
    study = study_row(session, rater_row(session, rater_id).study_id, lock=True)
    if not is_id(assignment_id):
        raise UnknownAssignment(f"there is no assignment {assignment_id!r}; go to your next item.")
    require_open(study)
    release_expired(session, study, now)
    return assignment_row(session, rater_id, AssignmentRow.id == assignment_id)


def _record_submission(
    session: Session,
    row: AssignmentRow,
    submission_id: str,
    content: str,
    comment: str | None,
    now: datetime,
) -> SubmissionRow:
    submission = SubmissionRow(
        submission_id=submission_id,
        rater_id=row.rater_id,
        assignment_id=row.id,
        content_sha256=content,
        comment=comment,
        seconds=0.0,
        revision=row.revision,
        received_at=now,
    )
    session.add(submission)
    session.flush()
    if comment is not None:
        row.comment = comment or None
    return submission


def _comment_to_store(session: Session, row: AssignmentRow, comment: str | None) -> str | None:
    """The comment as it is to be stored: None where it is the one that is there, so that a change of ratings adds none.

    Everything that was ever sent is kept, so both have bounds that nobody meets by rating. Raises InvalidRating.
    """
    presses = select(func.count()).select_from(SubmissionRow).where(SubmissionRow.assignment_id == row.id)
    if (session.scalar(presses) or 0) >= MAX_CHANGES:
        raise InvalidRating(
            f"this item was saved {MAX_CHANGES} times, and each time is kept; what was saved last stays. Go on to your next item."
        )
    if comment is None or comment == (row.comment or ""):
        return None
    written = select(func.sum(func.length(SubmissionRow.comment))).where(SubmissionRow.rater_id == row.rater_id)
    total = (session.scalar(written) or 0) + len(comment)
    if total > MAX_COMMENTS:
        raise InvalidRating(
            f"all your comments with their earlier versions would have {total} characters; {MAX_COMMENTS} are kept. Leave this "
            "comment as it was, or shorten it: the ratings alone are taken."
        )
    return comment


def _write(
    session: Session,
    now: datetime,
    sent: Submission,
    row: AssignmentRow,
    criteria: Mapping[str, int],
    spans: Mapping[int, Spans],
) -> bool:
    """Writes ratings, preferences and marked errors, all of them checked; True if any is new or changed."""
    rater, submission_id = sent.rater_id, canonical_submission_id(sent.submission_id)
    ratings = {(rater, output, criteria[key]): value_of(answer) for (output, key), answer in sent.values.items()}
    orders = {
        (rater, row.item_id, question): [ranks[output] for output in row.system_order]
        for question, ranks in sent.preferences.items()
    }
    markings = {(rater, output): _markings.stored(errors) for output, errors in spans.items()}
    shown = {"output_ids": list(row.system_order)}
    return any(
        [
            write(session, RATINGS, ratings, submission_id, now),
            write(session, PREFERENCES, orders, submission_id, now, beside=shown),
            write(session, MARKINGS, markings, submission_id, now),
        ]
    )
