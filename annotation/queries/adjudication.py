"""What an adjudicator sees and decides, one case at a time.

She sees an item as raters do, in an order of systems of her own, with what raters gave and wrote, without names. Raters who
are left out of results are left out here.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.adjudication_records import CaseView, Decision
from annotation.blind_records import AssignmentView, BlindOutput, Lettered
from annotation.database.adjudication_tables import (
    AdjudicatedMarkingRow,
    AdjudicatedOrderRow,
    AdjudicationCaseRow,
    AdjudicationRow,
    AdjudicationSubmissionRow,
    AdjudicatorRow,
)
from annotation.database.span_tables import MarkingRow
from annotation.database.tables import (
    AssignmentRow,
    CriterionRow,
    ItemRow,
    OutputRow,
    PreferenceRow,
    RaterRow,
    RatingRow,
)
from annotation.errors import InvalidRating, NewerAnswers, SubmissionConflict, UnknownAssignment, UnknownRater
from annotation.orders import letter, ranked
from annotation.preference_checks import check_ranks
from annotation.preference_records import Ranks
from annotation.queries import markings as _markings
from annotation.queries.adjudicators import case_count, require_decidable
from annotation.queries.studies import criterion_ids, scales, study_row
from annotation.queries.submissions import compared_and_marked, content_digest, stable_pairs
from annotation.queries.versions import ADJUDICATED_MARKINGS, ADJUDICATED_ORDERS, ADJUDICATIONS, write
from annotation.records import Progress, Receipt
from annotation.scales import Answer, answer_of, value_of
from annotation.span_checks import check_spans
from annotation.span_records import Spans
from annotation.validation import MAX_CHANGES, canonical_submission_id, check_comment, check_values
from annotation.value_checks import is_id


def case_progress(session: Session, adjudicator_id: int) -> Progress:
    """How many of her items are decided."""
    return Progress(case_count(session, adjudicator_id, decided=True), 0, case_count(session, adjudicator_id))


def next_case(session: Session, adjudicator_id: int) -> CaseView | None:
    """Her first item that is not decided; None when all are."""
    query = select(AdjudicationCaseRow.position).where(
        AdjudicationCaseRow.adjudicator_id == adjudicator_id, AdjudicationCaseRow.revision == 0
    )
    position = session.scalar(query.order_by(AdjudicationCaseRow.position).limit(1))
    return None if position is None else case_at(session, adjudicator_id, position)


def case_at(session: Session, adjudicator_id: int, position: int) -> CaseView:
    """The item at a position of her list (from 1). Raises UnknownAssignment."""
    row = _case_row(session, adjudicator_id, position)
    item = session.get_one(ItemRow, row.item_id)
    study = study_row(session, item.study_id)
    texts = {one.id: one for one in session.scalars(select(OutputRow).where(OutputRow.id.in_(row.system_order)))}
    outputs = tuple(
        BlindOutput(output_id, letter(index), texts[output_id].text, texts[output_id].language)
        for index, output_id in enumerate(row.system_order)
    )
    view = AssignmentView(
        assignment_id=row.id,
        position=row.position,
        item_key=item.key,
        language=item.language,
        source_text=item.source_text,
        task=item.task or study.task,
        outputs=outputs,
        criteria=(),
        values=_own_values(session, row),
        comment=row.reason,
        state="done" if row.revision else "pending",
        skip_reason=None,
        revision=row.revision,
        reference=item.reference if "reference" in study.materials else None,
        context=item.context if "context" in study.materials else None,
        preferences=_own_orders(session, row),
        spans=_own_markings(session, row),
    )
    return CaseView(
        view, _ratings_of(session, row), _comments_of(session, row), _orders_of(session, row), _marks_of(session, row)
    )


def lettered_case(session: Session, adjudicator_id: int, position: int) -> Lettered:
    """The case at a position of her list (from 1), without texts. Raises UnknownAssignment."""
    row = _case_row(session, adjudicator_id, position)
    return Lettered(row.id, {letter(index): output_id for index, output_id in enumerate(row.system_order)})


def _case_row(session: Session, adjudicator_id: int, position: int) -> AdjudicationCaseRow:
    row = None
    if is_id(position):
        query = select(AdjudicationCaseRow).where(AdjudicationCaseRow.adjudicator_id == adjudicator_id)
        row = session.scalar(query.where(AdjudicationCaseRow.position == position))
    if row is None:
        raise UnknownAssignment("this item was not given to you; go to your next item.")
    return row


def _own_values(session: Session, row: AdjudicationCaseRow) -> dict[tuple[int, str], Answer]:
    query = select(AdjudicationRow.output_id, CriterionRow.key, AdjudicationRow.value)
    query = query.join(CriterionRow, CriterionRow.id == AdjudicationRow.criterion_id)
    rows = session.execute(query.where(AdjudicationRow.case_id == row.id))
    return {(output, key): answer_of(value) for output, key, value in rows}


def _own_orders(session: Session, row: AdjudicationCaseRow) -> dict[str, Ranks]:
    orders = session.scalars(select(AdjudicatedOrderRow).where(AdjudicatedOrderRow.case_id == row.id))
    return {one.question: dict(zip(row.system_order, one.ranks, strict=True)) for one in orders}


def _own_markings(session: Session, row: AdjudicationCaseRow) -> dict[int, Spans]:
    markings = session.scalars(select(AdjudicatedMarkingRow).where(AdjudicatedMarkingRow.case_id == row.id))
    return {one.output_id: _markings.spans_of(one.spans) for one in markings}


def _orders_of(session: Session, row: AdjudicationCaseRow) -> dict[str, tuple[Ranks, ...]]:
    """Sorted, as are ratings; orders of other outputs of the item are in another language."""
    query = select(PreferenceRow).join(RaterRow, RaterRow.id == PreferenceRow.rater_id)
    query = query.where(PreferenceRow.item_id == row.item_id, RaterRow.excluded_at.is_(None))
    orders: dict[str, list[list[int]]] = {}
    for one in session.scalars(query):
        if set(one.output_ids) == set(row.system_order):
            ranks = dict(zip(one.output_ids, one.ranks, strict=True))
            orders.setdefault(one.question, []).append([ranks[output] for output in row.system_order])
    return {
        question: tuple(dict(zip(row.system_order, ranks, strict=True)) for ranks in sorted(every))
        for question, every in orders.items()
    }


def _marks_of(session: Session, row: AdjudicationCaseRow) -> dict[int, tuple[Spans, ...]]:
    query = select(MarkingRow).join(RaterRow, RaterRow.id == MarkingRow.rater_id)
    marks: dict[int, list[Spans]] = {}
    for one in session.scalars(query.where(MarkingRow.output_id.in_(row.system_order), RaterRow.excluded_at.is_(None))):
        marks.setdefault(one.output_id, []).append(_markings.spans_of(one.spans))
    return {output: tuple(sorted(every)) for output, every in marks.items()}


def _ratings_of(session: Session, row: AdjudicationCaseRow) -> dict[tuple[int, str], tuple[Answer, ...]]:
    """Sorted, so that nobody can be followed from one output to the next."""
    query = (
        select(RatingRow.output_id, CriterionRow.key, RatingRow.value)
        .join(CriterionRow, CriterionRow.id == RatingRow.criterion_id)
        .join(RaterRow, RaterRow.id == RatingRow.rater_id)
        .where(RatingRow.output_id.in_(row.system_order), RaterRow.excluded_at.is_(None))
    )
    values: dict[tuple[int, str], list[Answer]] = {}
    for output, key, value in session.execute(query):
        values.setdefault((output, key), []).append(answer_of(value))
    return {
        cell: (
            *sorted(one for one in answers if isinstance(one, int)),
            *(one for one in answers if isinstance(one, str)),
        )
        for cell, answers in values.items()
    }


def _comments_of(session: Session, row: AdjudicationCaseRow) -> tuple[str, ...]:
    query = (
        select(AssignmentRow.comment)
        .join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
        .where(AssignmentRow.item_id == row.item_id, AssignmentRow.language == row.language)
        .where(AssignmentRow.comment.is_not(None), RaterRow.excluded_at.is_(None))
    )
    return tuple(ranked([text for text in session.scalars(query) if text], "comments"))


def adjudicate(session: Session, now: datetime, sent: Decision) -> Receipt:
    """Stores all values of one case, or none; a retry (same id, same content) gets the first receipt.

    Raises InvalidRating, UnknownRater, UnknownAssignment, StudyClosed, NewerAnswers, SubmissionConflict.
    """
    submission_id = canonical_submission_id(sent.submission_id)
    check_comment(sent.reason)
    content = content_digest(
        "decision",
        sent.adjudicator_id,
        sent.case_id,
        stable_pairs(sent.values),
        sent.reason,
        *compared_and_marked(sent),
    )
    earlier = session.get(AdjudicationSubmissionRow, submission_id)
    if earlier is not None:
        if earlier.content_sha256 != content:
            raise SubmissionConflict(f"the submission id {submission_id} was used before for other content; reload.")
        return Receipt(earlier.received_at, earlier.revision, repeated=True)
    who = session.get(AdjudicatorRow, sent.adjudicator_id) if is_id(sent.adjudicator_id) else None
    if who is None or who.removed_at is not None:
        raise UnknownRater("this link is not valid here any more; ask the organiser for a new one.")
    study = study_row(session, who.study_id, lock=True)
    require_decidable(study)
    case = session.get(AdjudicationCaseRow, sent.case_id) if is_id(sent.case_id) else None
    if case is None or case.adjudicator_id != who.id:
        raise UnknownAssignment("this item was not given to you; go to your next item.")
    criteria = criterion_ids(session, study.id)
    names = {output: letter(index) for index, output in enumerate(case.system_order)}
    required = {(output, key): f"{key} of answer {name}" for output, name in names.items() for key in criteria}
    check_values(sent.values, required, scales(session, study.id))
    check_ranks(sent.preferences, [one["key"] for one in study.preferences], names)
    query = select(OutputRow.id, OutputRow.text).where(OutputRow.id.in_(case.system_order))
    texts = dict(session.execute(query).all())
    checked = replace(sent, spans=check_spans(sent.spans, texts, names, study.error_spans))
    _refuse_older(session, case, checked)
    _refuse_endless(session, case)
    _store(session, now, case, checked, content, criteria)
    return Receipt(now, case.revision, repeated=False)


def _refuse_older(session: Session, case: AdjudicationCaseRow, sent: Decision) -> None:
    if sent.revision is None or sent.revision == case.revision:
        return
    same = sent.reason is None or sent.reason == (case.reason or "")
    own = (_own_values(session, case), _own_orders(session, case), _own_markings(session, case))
    if not same or (dict(sent.values), dict(sent.preferences), dict(sent.spans)) != own:
        raise NewerAnswers(
            f"this item was decided later elsewhere (version {case.revision}; this page showed {sent.revision}); nothing was "
            "overwritten. Look at what is saved, then choose."
        )


def _refuse_endless(session: Session, case: AdjudicationCaseRow) -> None:
    presses = select(func.count()).select_from(AdjudicationSubmissionRow)
    if (session.scalar(presses.where(AdjudicationSubmissionRow.case_id == case.id)) or 0) >= MAX_CHANGES:
        raise InvalidRating(
            f"this item was saved {MAX_CHANGES} times, and each time is kept; what was saved last stays."
        )


def _store(
    session: Session,
    now: datetime,
    case: AdjudicationCaseRow,
    sent: Decision,
    content: str,
    criteria: Mapping[str, int],
) -> None:
    """Writes what is new or changed with its history, and the reason."""
    submission_id = canonical_submission_id(sent.submission_id)
    reason = None if sent.reason is None or sent.reason == (case.reason or "") else sent.reason
    submission = AdjudicationSubmissionRow(
        submission_id=submission_id, case_id=case.id, content_sha256=content, reason=reason, revision=0, received_at=now
    )
    session.add(submission)
    session.flush()
    values = {
        (case.adjudicator_id, output, criteria[key]): value_of(answer) for (output, key), answer in sent.values.items()
    }
    orders = {
        (case.adjudicator_id, case.id, question): [ranks[output] for output in case.system_order]
        for question, ranks in sent.preferences.items()
    }
    markings = {(case.adjudicator_id, output): _markings.stored(spans) for output, spans in sent.spans.items()}
    written = any(
        [
            write(session, ADJUDICATIONS, values, submission_id, now, beside={"case_id": case.id}),
            write(session, ADJUDICATED_ORDERS, orders, submission_id, now),
            write(session, ADJUDICATED_MARKINGS, markings, submission_id, now, beside={"case_id": case.id}),
        ]
    )
    if reason is not None:
        case.reason = reason or None
    case.revision += 1 if written or reason is not None else 0
    submission.revision = case.revision
    session.flush()
