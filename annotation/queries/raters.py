"""Raters: made with a token, found by its hash."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.database.tables import RaterRow
from annotation.errors import InvalidInvitation, StudyClosed, UnknownRater
from annotation.orders import new_seed
from annotation.queries.studies import study_record, study_row
from annotation.records import Rater, Study
from annotation.validation import check_own_token
from annotation.value_checks import check_text, is_id

TOKEN_BYTES = 24  # 192 bits: cannot be guessed


def hash_of(token: str) -> str:
    """A plain hash is enough: the token is random, so there is no dictionary to try."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _record(row: RaterRow) -> Rater:
    return Rater(row.id, row.study_id, row.pseudonym, row.language, row.created_at)


def new_rater(
    session: Session, now: datetime, study_id: int, language: str, own: str | None = None
) -> tuple[Rater, str]:
    """A rater without invitation, and her token, which is stored nowhere and cannot be shown again.

    With a token `own` that her page made, a repeat finds the rater of the first time.

    Raises UnknownStudy, StudyClosed, and InvalidInvitation for a study that was opened by an organiser.
    """
    check_text(language, "the rater's language")
    study = study_row(session, study_id)
    if study.state in ("closed", "withdrawn"):
        raise StudyClosed(f"study '{study.slug}' is {study.state} and takes no more raters; open it again first.")
    if study.frozen_at is not None:
        raise InvalidInvitation(f"study '{study.slug}' is by invitation; open the link that the organiser sent.")
    if own is not None:
        check_own_token(own)
        if session.scalar(select(RaterRow.id).where(RaterRow.token_sha256 == hash_of(own))) is not None:
            return rater_by_token(session, study_id, own), own
    return insert_rater(session, study_id, language, now, token=own)


def insert_rater(
    session: Session,
    study_id: int,
    language: str,
    now: datetime,
    *,
    invitation_id: int | None = None,
    proficiency: str | None = None,
    token: str | None = None,
    participant: str | None = None,
) -> tuple[Rater, str]:
    """A new row with a random pseudonym, seed and, unless it is given, token."""
    token = token or secrets.token_urlsafe(TOKEN_BYTES)
    row = RaterRow(
        study_id=study_id,
        pseudonym=f"rater-{secrets.token_hex(4)}",
        token_sha256=hash_of(token),
        language=language,
        seed=new_seed(),
        created_at=now,
        tombstoned_at=None,
        tombstone=None,
        invitation_id=invitation_id,
        proficiency=proficiency,
        participant=participant,
    )
    session.add(row)
    session.flush()
    return _record(row), token


def rater_by_token(session: Session, study_id: int, token: str) -> Rater:
    """Raises UnknownStudy, UnknownRater. The message does not repeat the token."""
    study_row(session, study_id)
    row = None
    if isinstance(token, str):
        query = select(RaterRow).where(RaterRow.token_sha256 == hash_of(token), RaterRow.study_id == study_id)
        row = session.scalar(query.where(RaterRow.tombstoned_at.is_(None)))
    if row is None:
        raise UnknownRater(
            "this link is not valid for this study; open the link exactly as it was sent, or ask for a new one."
        )
    return _record(row)


def rater_of_token(session: Session, token: str) -> Rater:
    """The rater whose token this is, whatever her study. Raises UnknownRater. The message does not repeat the token."""
    row = None
    if isinstance(token, str):
        query = select(RaterRow).where(RaterRow.token_sha256 == hash_of(token))
        row = session.scalar(query.where(RaterRow.tombstoned_at.is_(None)))
    if row is None:
        raise UnknownRater("this link is not valid here; open the link exactly as it was shown, or ask for a new one.")
    return _record(row)


def rater_and_study(session: Session, token: str) -> tuple[Rater, Study]:
    """The rater whose token this is, and her study. Raises UnknownRater."""
    rater = rater_of_token(session, token)
    return rater, study_record(session, study_row(session, rater.study_id))


def rater_row(session: Session, rater_id: int) -> RaterRow:
    """Raises UnknownRater, also when her data was deleted."""
    row = session.get(RaterRow, rater_id) if is_id(rater_id) else None
    if row is None or row.tombstoned_at is not None:
        raise UnknownRater(f"there is no rater with the number {rater_id!r}; open the invitation link again.")
    return row
