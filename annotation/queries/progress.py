"""What an organiser sees of raters and of progress, and the removal of one rater's data."""

import secrets
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotation.attention_checks import has_failed
from annotation.database.adjudication_tables import AdjudicatorRow
from annotation.database.tables import (
    AssignmentRow,
    ItemRow,
    OutputRow,
    RaterRow,
    RatingRow,
    SkipRow,
    StudyRow,
    SubmissionRow,
)
from annotation.errors import UnknownRater
from annotation.queries import preferences as _preferences
from annotation.queries import versions as _versions
from annotation.queries.attention_checks import check_results
from annotation.queries.qualification import prepared
from annotation.queries.raters import hash_of
from annotation.queries.studies import slots_of, study_row
from annotation.queries.versions import MARKINGS, PREFERENCES, RATINGS
from annotation.study_records import LanguageProgress, RaterRecord, Tombstone
from annotation.value_checks import check_text
from annotation.vocabulary import Proficiency

Removed = tuple[Literal["rater", "adjudicator"], int]  # and the row number
PENDING = "copies_pending"  # in a tombstone until every copy of the rater's data is gone


def language_progress(session: Session, now: datetime, study_id: int) -> list[LanguageProgress]:
    """One line per language of outputs. Raises UnknownStudy."""
    study = study_row(session, study_id)
    normal = (ItemRow.study_id == study_id, ItemRow.kind == "normal")
    counted = select(OutputRow.language, func.count(func.distinct(OutputRow.item_id)))
    counted = counted.join(ItemRow, ItemRow.id == OutputRow.item_id).where(*normal).group_by(OutputRow.language)
    items = {language: int(count) for language, count in session.execute(counted)}
    assigned = select(AssignmentRow).join(ItemRow, ItemRow.id == AssignmentRow.item_id).where(*normal)
    states: dict[str, Counter[str]] = defaultdict(Counter)
    raters: dict[str, set[int]] = defaultdict(set)
    for row in session.scalars(assigned):
        if row.state == "done":
            raters[row.language].add(row.rater_id)
        held = row.state == "pending" and row.slot is not None
        if row.state != "pending" or (held and row.lease_expires_at is not None and row.lease_expires_at > now):
            states[row.language][row.state] += 1
    return [
        LanguageProgress(
            language=language,
            items=count,
            slots=count * slots_of(study, language),
            done=states[language]["done"],
            held=states[language]["pending"],
            skips=states[language]["skipped"],
            raters=len(raters[language]),
        )
        for language, count in sorted(items.items())
    ]


def rater_records(session: Session, study_id: int) -> list[RaterRecord]:
    """All raters of a study, removed ones too, in the order they came. Raises UnknownStudy."""
    study = study_row(session, study_id)
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    seconds: dict[int, float] = defaultdict(float)
    assigned = select(AssignmentRow.rater_id, AssignmentRow.state, AssignmentRow.seconds, ItemRow.kind)
    assigned = assigned.join(ItemRow, ItemRow.id == AssignmentRow.item_id).where(ItemRow.study_id == study_id)
    for rater, state, spent, kind in session.execute(assigned):
        seconds[rater] += spent
        if kind == "normal":
            counts[rater][state] += 1
    rated = select(RatingRow.rater_id, func.count()).join(OutputRow, OutputRow.id == RatingRow.output_id)
    rated = rated.join(ItemRow, ItemRow.id == OutputRow.item_id)
    rated = rated.where(ItemRow.study_id == study_id, ItemRow.kind == "normal").group_by(RatingRow.rater_id)
    ratings = {rater: int(count) for rater, count in session.execute(rated)}
    compared = _preferences.counts_by_rater(session, study_id)
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for result in check_results(session, study_id):
        outcomes[result.rater].append(result.passed)
    records = []
    for row in session.scalars(select(RaterRow).where(RaterRow.study_id == study_id).order_by(RaterRow.id)):
        stone = row.tombstone or {}
        answered, failed = len(outcomes[row.pseudonym]), outcomes[row.pseudonym].count(False)
        records.append(
            RaterRecord(
                study=study.slug,
                rater=row.pseudonym,
                language=row.language,
                proficiency=cast(Proficiency | None, row.proficiency),
                joined_at=row.created_at,
                items_done=stone.get("items", counts[row.id]["done"]),
                items_skipped=stone.get("skips", counts[row.id]["skipped"]),
                ratings_given=stone.get("ratings", ratings.get(row.id, 0)),
                preferences_given=stone.get("preferences", compared.get(row.id, 0)),
                seconds=seconds[row.id],
                checks_answered=answered,
                checks_failed=failed,
                failed=has_failed(answered, failed, study.failed_share),
                removed_at=row.tombstoned_at,
                excluded_at=row.excluded_at,
                exclusion_reason=row.exclusion_reason,
                invitation=row.invitation_id,
                participant=row.participant,
                consent_version=row.consent_version,
                consented_at=row.consented_at,
                background=row.background,
                screened_out_at=row.screened_out_at,
                **_test_of(row, study),
            )
        )
    return records


def _test_of(row: RaterRow, study: StudyRow) -> dict[str, Any]:
    """How a rater's test went; nothing where the study has none in her language, or her data is gone."""
    before = None if row.tombstoned_at is not None else prepared(row, study)
    if before is None or not before.of:
        return {}
    return {
        "test_tries": len(before.attempts),
        "test_share": max((one.right / one.of for one in before.attempts), default=None),
        "test_passed": {"passed": True, "failed": False}.get(before.stage),
    }


def _rater_of_pseudonym(session: Session, study_id: int, pseudonym: str) -> RaterRow:
    """Raises UnknownStudy, UnknownRater, also for one whose data was removed."""
    study_row(session, study_id, lock=True)
    row = None
    if isinstance(pseudonym, str):
        query = select(RaterRow).where(RaterRow.study_id == study_id, RaterRow.pseudonym == pseudonym)
        row = session.scalar(query)
    if row is None:
        raise UnknownRater(f"there is no rater called {pseudonym!r} in this study; copy the name from the list.")
    if row.tombstoned_at is not None:
        raise UnknownRater(f"the data of '{pseudonym}' was removed already, on {row.tombstoned_at:%Y-%m-%d %H:%M} UTC.")
    return row


def exclude_rater(session: Session, now: datetime, study_id: int, pseudonym: str, reason: str) -> None:
    """Leaves a rater out of all results; her data stays, and the reason with it, in exports and the report.

    Raises UnknownStudy, UnknownRater, InvalidRecord without a reason.
    """
    check_text(reason, "the reason for the exclusion")
    row = _rater_of_pseudonym(session, study_id, pseudonym)
    row.excluded_at, row.exclusion_reason = row.excluded_at or now, reason.strip()
    session.flush()


def include_rater(session: Session, study_id: int, pseudonym: str) -> None:
    """Takes an exclusion back. Raises UnknownStudy, UnknownRater."""
    row = _rater_of_pseudonym(session, study_id, pseudonym)
    row.excluded_at = row.exclusion_reason = None
    session.flush()


def remove_rater(session: Session, now: datetime, study_id: int, pseudonym: str) -> Tombstone:
    """Deletes all that one rater gave: ratings, preferences, history, comments, skips, receipts, assignments, her token.

    What stays is a tombstone under her pseudonym with counts and the time; her slots go back to others. Works in
    any state of the study. Raises UnknownStudy, UnknownRater.
    """
    row = _rater_of_pseudonym(session, study_id, pseudonym)
    stone = _counted(session, row, now)
    for kind in (RATINGS, PREFERENCES, MARKINGS):
        _versions.remove(session, kind, row.id)
    assigned = select(AssignmentRow.id).where(AssignmentRow.rater_id == row.id)
    for statement in (
        delete(SkipRow).where(SkipRow.assignment_id.in_(assigned)),
        delete(SubmissionRow).where(SubmissionRow.rater_id == row.id),
        delete(AssignmentRow).where(AssignmentRow.rater_id == row.id),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})
    row.tombstoned_at, row.proficiency = now, None
    row.participant = row.background = row.exclusion_reason = row.qualification = None
    row.token_sha256 = hash_of(secrets.token_urlsafe(32))  # her link leads nowhere from now on
    row.tombstone = {
        "items": stone.items,
        "ratings": stone.ratings,
        "changes": stone.changes,
        "skips": stone.skips,
        "comments": stone.comments,
        "preferences": stone.preferences,
        "markings": stone.markings,
        PENDING: True,
    }
    session.flush()
    return stone


def pending_removals(session: Session) -> list[Removed]:
    """Removed raters and adjudicators of whom copies may still be there: exports, backups, the mirror."""
    rows = session.execute(select(RaterRow.id, RaterRow.tombstone).where(RaterRow.tombstoned_at.is_not(None)))
    raters: list[Removed] = [("rater", row.id) for row in rows if (row.tombstone or {}).get(PENDING)]
    gone = select(AdjudicatorRow.id).where(AdjudicatorRow.removed_at.is_not(None))
    adjudicators = session.scalars(gone.where(AdjudicatorRow.copies_gone_at.is_(None)))
    return [*raters, *(("adjudicator", one) for one in adjudicators)]


def removals_done(session: Session, now: datetime, removed: list[Removed]) -> None:
    """Notes that no copy is left of these people."""
    raters, adjudicators = ([id_ for kind, id_ in removed if kind == one] for one in ("rater", "adjudicator"))
    for row in session.scalars(select(RaterRow).where(RaterRow.id.in_(raters))):
        row.tombstone = {name: count for name, count in (row.tombstone or {}).items() if name != PENDING}
    for gone in session.scalars(select(AdjudicatorRow).where(AdjudicatorRow.id.in_(adjudicators))):
        gone.copies_gone_at = now
    session.flush()


def tombstones(session: Session, study_id: int) -> list[Tombstone]:
    """What was removed from this study, oldest first. Raises UnknownStudy."""
    study_row(session, study_id)
    query = select(RaterRow).where(RaterRow.study_id == study_id, RaterRow.tombstoned_at.is_not(None))
    removed = session.scalars(query.order_by(RaterRow.tombstoned_at))
    counts = ("items", "ratings", "changes", "skips", "comments", "preferences", "markings")
    return [
        Tombstone(
            row.pseudonym,
            row.tombstoned_at,
            **{name: (row.tombstone or {}).get(name, 0) for name in counts},
        )
        for row in removed
        if row.tombstoned_at is not None
    ]


def _counted(session: Session, row: RaterRow, now: datetime) -> Tombstone:
    def count(query: object) -> int:
        return int(session.scalar(query) or 0)  # type: ignore[call-overload]

    assigned = select(AssignmentRow.id).where(AssignmentRow.rater_id == row.id)
    done = select(func.count()).select_from(AssignmentRow).where(AssignmentRow.rater_id == row.id)
    comments = select(func.count()).select_from(SubmissionRow).where(SubmissionRow.rater_id == row.id)
    ratings, rating_changes = _versions.count(session, RATINGS, row.id)
    preferences, preference_changes = _versions.count(session, PREFERENCES, row.id)
    markings, marking_changes = _versions.count(session, MARKINGS, row.id)
    return Tombstone(
        rater=row.pseudonym,
        removed_at=now,
        items=count(done.where(AssignmentRow.state == "done")),
        ratings=ratings,
        changes=rating_changes + preference_changes + marking_changes,
        skips=count(select(func.count()).select_from(SkipRow).where(SkipRow.assignment_id.in_(assigned))),
        comments=count(comments.where(SubmissionRow.comment != "")),
        preferences=preferences,
        markings=markings,
    )
