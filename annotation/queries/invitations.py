"""Invitations: links that make raters. A link is stored as a hash, so it can be shown only when it is made."""

import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.database.tables import InvitationRow, ItemRow, OutputRow, RaterRow, StudyRow
from annotation.errors import InvalidInvitation, InvalidRecord, StudyClosed, UnknownStudy
from annotation.participation_checks import check_participant
from annotation.queries.raters import TOKEN_BYTES, hash_of, insert_rater, rater_of_token
from annotation.queries.studies import require_open, study_record, study_row
from annotation.records import Rater, Study
from annotation.study_records import Invitation
from annotation.validation import check_own_token, check_proficiency
from annotation.value_checks import check_text

MAX_USES = 50  # of an invitation, unless somebody names another number
MAX_LINKS = 1000


def _record(row: InvitationRow) -> Invitation:
    return Invitation(
        row.id, row.study_id, row.language, row.max_uses, row.uses, row.expires_at, row.revoked_at, row.created_at
    )


def new_invitation(
    session: Session,
    now: datetime,
    study_id: int,
    language: str,
    max_uses: int | None = MAX_USES,
    expires_at: datetime | None = None,
) -> tuple[Invitation, str]:
    """An invitation and its token, which is stored nowhere. `max_uses` None: no limit, which somebody has to choose.

    Raises UnknownStudy, StudyClosed, InvalidRecord.
    """
    check_text(language, "the invitation's language")
    if max_uses is not None and (type(max_uses) is not int or not 1 <= max_uses < 2**31):
        raise InvalidRecord(f"the invitation is for {max_uses!r} raters; give an integer of at least 1, or no limit.")
    if expires_at is not None and expires_at <= now:
        raise InvalidRecord(
            f"the invitation would expire at {expires_at:%Y-%m-%d %H:%M}, which is past; give a later time."
        )
    study = study_row(session, study_id)
    if study.state in ("closed", "withdrawn"):
        raise StudyClosed(
            f"study '{study.slug}' is {study.state} and takes no more raters; open it again first.",
            "takes_nobody",
            name=study.name,
        )
    offered = languages(session, study_id)
    if language not in offered:
        raise InvalidRecord(
            f"study '{study.slug}' has nothing to rate in {language!r}; it has {', '.join(offered) or 'no outputs yet'}.",
            "not_rated_in",
            language=language,
            offered=offered,
        )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = InvitationRow(
        study_id=study_id,
        token_sha256=hash_of(token),
        language=language,
        max_uses=max_uses,
        uses=0,
        expires_at=expires_at,
        revoked_at=None,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return _record(row), token


def new_links(
    session: Session, now: datetime, study_id: int, language: str, count: int, expires_at: datetime | None = None
) -> list[tuple[Invitation, str]]:
    """Many links for one rater each, with their tokens; who came by which stands in the raters' records.

    Raises what `new_invitation` raises, InvalidRecord also for a count that is not 1 to MAX_LINKS.
    """
    if type(count) is not int or not 1 <= count <= MAX_LINKS:
        raise InvalidRecord(f"{count!r} links were asked for; give a whole number from 1 to {MAX_LINKS}.")
    return [new_invitation(session, now, study_id, language, 1, expires_at) for _ in range(count)]


def languages(session: Session, study_id: int) -> list[str]:
    """Languages that raters can be asked for: those of outputs, and of sources whose outputs are in one language."""
    query = select(ItemRow.id, ItemRow.language, OutputRow.language).join(OutputRow, OutputRow.item_id == ItemRow.id)
    outputs: dict[int, set[str]] = {}
    sources: dict[int, str] = {}
    for item, source, output in session.execute(query.where(ItemRow.study_id == study_id).distinct()):
        outputs.setdefault(item, set()).add(output)
        sources[item] = source
    rated = {language for group in outputs.values() for language in group}
    return sorted(rated | {sources[item] for item, group in outputs.items() if len(group) == 1})


def invitations(session: Session, study_id: int) -> list[Invitation]:
    """All invitations of a study, oldest first. Raises UnknownStudy."""
    study_row(session, study_id)
    query = select(InvitationRow).where(InvitationRow.study_id == study_id).order_by(InvitationRow.id)
    return [_record(row) for row in session.scalars(query)]


def revoke_invitation(session: Session, now: datetime, study_id: int, invitation_id: int) -> Invitation:
    """Makes a link useless for newcomers; raters who came by it go on. Raises UnknownStudy, InvalidInvitation."""
    study_row(session, study_id, lock=True)
    query = select(InvitationRow).where(InvitationRow.study_id == study_id, InvitationRow.id == invitation_id)
    row = session.scalar(query) if type(invitation_id) is int and 0 < invitation_id < 2**31 else None
    if row is None:
        raise InvalidInvitation(
            f"there is no invitation number {invitation_id!r} in this study; reload the page.",
            "no_link",
            number=invitation_id,
        )
    row.revoked_at = row.revoked_at or now
    session.flush()
    return _record(row)


def accept_invitation(
    session: Session,
    now: datetime,
    study_id: int,
    token: str,
    proficiency: str | None = None,
    own: str | None = None,
    participant: str | None = None,
) -> tuple[Rater, str]:
    """A new rater of the invitation's language and her own token, the secret of her personal link.

    The token is returned only this once; `rater_by_token` and `rater_of_token` recognise it from any device.
    `proficiency`: one of PROFICIENCIES, as she rates herself, or None. Each call uses the invitation once, counted under
    a lock, unless her page made the token itself (`own`): then a repeat, after a receipt that got lost, returns the same
    rater and uses nothing more. `participant`: her id on the crowd platform, which a study for a crowd needs: one id is
    one rater however often she joins, and only her newest link leads to her.

    Raises UnknownStudy, StudyClosed (not open), InvalidInvitation (not of this study,
    revoked, expired, used up), InvalidRecord.
    """
    check_proficiency(proficiency)
    study = study_row(session, study_id, lock=True)
    if own is not None:
        check_own_token(own)
        came = select(RaterRow.id).join(InvitationRow, InvitationRow.id == RaterRow.invitation_id)
        came = came.where(RaterRow.token_sha256 == hash_of(own), InvitationRow.token_sha256 == hash_of(token))
        if session.scalar(came) is not None:
            return rater_of_token(session, own), own
    if study.crowd is not None:
        check_participant(participant)
        again = select(RaterRow).where(RaterRow.study_id == study_id, RaterRow.participant == participant)
        came_before = session.scalar(again.where(RaterRow.tombstoned_at.is_(None)))
        if came_before is not None:
            link = own or secrets.token_urlsafe(TOKEN_BYTES)
            came_before.token_sha256 = hash_of(link)
            session.flush()
            return rater_of_token(session, link), link
    row = _usable(session, study_id, token, now)
    require_open(study)
    row.uses += 1
    return insert_rater(
        session,
        study_id,
        row.language,
        now,
        invitation_id=row.id,
        proficiency=proficiency,
        token=own,
        participant=participant if study.crowd is not None else None,
    )


def invited(session: Session, now: datetime, slug: str, token: str) -> tuple[Study, str]:
    """What an invitation is for, as `accept_invitation` would find it. Raises UnknownStudy, StudyClosed, InvalidInvitation."""
    study = session.scalar(select(StudyRow).where(StudyRow.slug == slug)) if isinstance(slug, str) else None
    if study is None:
        raise UnknownStudy("there is no such study here; open the link exactly as it was sent.")
    row = _usable(session, study.id, token, now)
    require_open(study)
    return study_record(session, study), row.language


def _usable(session: Session, study_id: int, token: object, now: datetime) -> InvitationRow:
    row = None
    if isinstance(token, str):
        query = select(InvitationRow).where(InvitationRow.token_sha256 == hash_of(token))
        row = session.scalar(query.where(InvitationRow.study_id == study_id))
    if row is None:
        raise InvalidInvitation("this invitation is not valid for this study; open the link exactly as it was sent.")
    _refuse_spent(row, now)
    return row


def _refuse_spent(row: InvitationRow, now: datetime) -> None:
    if row.revoked_at is not None:
        raise InvalidInvitation("this invitation was withdrawn; ask the organiser for a new link.")
    if row.expires_at is not None and row.expires_at <= now:
        raise InvalidInvitation(
            f"this invitation ended on {row.expires_at:%Y-%m-%d at %H:%M} UTC; ask the organiser for a new link."
        )
    if row.max_uses is not None and row.uses >= row.max_uses:
        raise InvalidInvitation(
            "this invitation was used as often as it may be; if you have started already, open your personal link "
            "instead, or ask the organiser for a new one."
        )
