"""Adjudicators: the organiser chooses items and names who decides. Her values stand beside the ratings, never among them.

One person may decide in many languages; a second adjudicator of the same item is another opinion with rows of its own.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotation.adjudication_records import Adjudicator
from annotation.database.adjudication_tables import (
    AdjudicationCaseRow,
    AdjudicationSubmissionRow,
    AdjudicatorRow,
)
from annotation.database.tables import ItemRow, OutputRow, StudyRow, SystemRow
from annotation.errors import InvalidRecord, StudyClosed, UnknownRater
from annotation.orders import new_seed, system_order
from annotation.queries import versions as _versions
from annotation.queries.raters import TOKEN_BYTES, hash_of
from annotation.queries.studies import study_record, study_row
from annotation.records import Study
from annotation.value_checks import check_text, is_id

PREFIX = "adjudicator-"  # of her token, so that the page knows whom it has before it
MAX_NAME = 80
MAX_CASES = 2000  # of one adjudicator


def name_adjudicator(
    session: Session, now: datetime, study_id: int, name: str, items: Sequence[tuple[str, str]]
) -> tuple[Adjudicator, str, int]:
    """Gives items, each (key, language of outputs), to the adjudicator of this name, who is made if need be.

    Returns her, the token of her link, which is stored nowhere, and how many of the items are new to her. A name that is there
    already gets a new link, and the earlier one leads nowhere from then on. Raises UnknownStudy, StudyClosed, InvalidRecord.
    """
    study = study_row(session, study_id, lock=True)
    require_decidable(study)
    check_text(name, "the adjudicator's name or role")
    name = name.strip()
    if len(name) > MAX_NAME:
        raise InvalidRecord(f"the adjudicator's name has {len(name)} characters; allowed are {MAX_NAME}.")
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    query = select(AdjudicatorRow).where(AdjudicatorRow.study_id == study_id, AdjudicatorRow.name == name)
    row = session.scalar(query.where(AdjudicatorRow.removed_at.is_(None)))
    if row is None:
        row = AdjudicatorRow(
            study_id=study_id, name=name, token_sha256=hash_of(token), seed=new_seed(), created_at=now
        )  # fmt: skip
        session.add(row)
    row.token_sha256 = hash_of(token)
    session.flush()
    added = _add_cases(session, now, row, items)
    if not case_count(session, row.id):
        raise InvalidRecord("no item was chosen; choose at least one to be adjudicated.", "no_cases")
    return _record(session, row), token, added


def require_decidable(study: StudyRow) -> None:
    """Raises StudyClosed for a draft, a withdrawn study, and one whose results named the systems to everybody."""
    if study.state in ("draft", "withdrawn"):
        raise StudyClosed(
            f"study '{study.slug}' is {study.state}; only what raters have rated can be adjudicated.",
            "adjudicate_state",
            name=study.name,
        )
    if study.published_at is not None:
        raise StudyClosed(
            f"study '{study.slug}' was published, so an adjudicator could see which system wrote what; adjudicate before that.",
            "adjudicate_published",
            name=study.name,
        )


def _add_cases(session: Session, now: datetime, row: AdjudicatorRow, items: Sequence[tuple[str, str]]) -> int:
    """Cases for the pairs that she does not have yet, after those that she has."""
    mine = select(AdjudicationCaseRow.item_id, AdjudicationCaseRow.language).where(
        AdjudicationCaseRow.adjudicator_id == row.id
    )
    present = {(item, language) for item, language in session.execute(mine)}
    position, added = len(present), 0
    for key, language in dict.fromkeys(items):
        by_system, item_id = _outputs_of(session, row.study_id, key, language)
        if item_id is None:
            raise InvalidRecord(
                f"there is no item {key!r} with outputs in {language!r} in this study; choose from the list.",
                "no_such_case",
                item=key,
            )
        if (item_id, language) in present:
            continue
        position, added = position + 1, added + 1
        if position > MAX_CASES:
            raise InvalidRecord(f"one adjudicator gets at most {MAX_CASES} items; name another one for the rest.")
        session.add(
            AdjudicationCaseRow(
                adjudicator_id=row.id,
                item_id=item_id,
                language=language,
                position=position,
                system_order=[by_system[system] for system in system_order(by_system, row.seed, key)],
                revision=0,
                reason=None,
                created_at=now,
            )
        )
    session.flush()
    return added


def _outputs_of(session: Session, study_id: int, key: str, language: str) -> tuple[dict[str, int], int | None]:
    """System -> output of an item in a language, and the item's row number; None where there is no such thing."""
    query = (
        select(SystemRow.key, OutputRow.id, ItemRow.id.label("item"))
        .join(OutputRow, OutputRow.system_id == SystemRow.id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .where(ItemRow.study_id == study_id, ItemRow.key == key, ItemRow.kind == "normal")
    )
    rows = session.execute(query.where(OutputRow.language == language)).all()
    return {row.key: row.id for row in rows}, rows[0].item if rows else None


def adjudicators(session: Session, study_id: int) -> list[Adjudicator]:
    """Those who were named and not removed, in the order of their naming. Raises UnknownStudy."""
    study_row(session, study_id)
    query = select(AdjudicatorRow).where(AdjudicatorRow.study_id == study_id, AdjudicatorRow.removed_at.is_(None))
    return [_record(session, row) for row in session.scalars(query.order_by(AdjudicatorRow.id))]


def _record(session: Session, row: AdjudicatorRow) -> Adjudicator:
    cases = case_count(session, row.id)
    return Adjudicator(row.id, row.study_id, row.name, row.created_at, cases, case_count(session, row.id, decided=True))


def case_count(session: Session, adjudicator_id: int, *, decided: bool = False) -> int:
    """How many items were chosen for her, or how many of them she decided."""
    query = select(func.count()).select_from(AdjudicationCaseRow)
    query = query.where(AdjudicationCaseRow.adjudicator_id == adjudicator_id)
    return session.scalar(query.where(AdjudicationCaseRow.revision > 0) if decided else query) or 0


def adjudicator_of_token(session: Session, token: str) -> tuple[Adjudicator, Study]:
    """Whose link this is, and her study. Raises UnknownRater. The message does not repeat the token."""
    row = None
    if isinstance(token, str):
        query = select(AdjudicatorRow).where(AdjudicatorRow.token_sha256 == hash_of(token))
        row = session.scalar(query.where(AdjudicatorRow.removed_at.is_(None)))
    if row is None:
        raise UnknownRater("this link is not valid here; open the link exactly as it was sent, or ask for a new one.")
    return _record(session, row), study_record(session, study_row(session, row.study_id))


def remove_adjudicator(session: Session, now: datetime, study_id: int, adjudicator_id: int) -> int:
    """Deletes all that one adjudicator decided and wrote, and her name; how many values that were. Raises UnknownRater."""
    study_row(session, study_id, lock=True)
    row = session.get(AdjudicatorRow, adjudicator_id) if is_id(adjudicator_id) else None
    if row is None or row.study_id != study_id or row.removed_at is not None:
        raise UnknownRater("there is no such adjudicator in this study; choose from the list.", "no_adjudicator")
    cases = select(AdjudicationCaseRow.id).where(AdjudicationCaseRow.adjudicator_id == row.id)
    kinds = (_versions.ADJUDICATIONS, _versions.ADJUDICATED_ORDERS, _versions.ADJUDICATED_MARKINGS)
    count = sum(_versions.count(session, kind, row.id)[0] for kind in kinds)
    for kind in kinds:
        _versions.remove(session, kind, row.id)
    for statement in (
        delete(AdjudicationSubmissionRow).where(AdjudicationSubmissionRow.case_id.in_(cases)),
        delete(AdjudicationCaseRow).where(AdjudicationCaseRow.adjudicator_id == row.id),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})
    row.name, row.removed_at, row.token_sha256 = f"removed-{row.id}", now, hash_of(secrets.token_urlsafe(32))
    session.flush()
    return count
