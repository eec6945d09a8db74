"""Studies, their criteria, systems, items and outputs."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.checks import check_output, check_study, is_id
from annotation.errors import InvalidRecord, StudyClosed, UnknownStudy
from annotation.models import CriterionRow, ItemRow, OutputRow, StudyRow, SystemRow
from annotation.records import AddReport, Criterion, NewOutput, NewStudy, Study
from annotation.vocabulary import STUDY_STATES, StudyState

_log = logging.getLogger(__name__)


def study_row(session: Session, study_id: int, *, lock: bool = False) -> StudyRow:
    """Raises UnknownStudy.

    `lock` makes other writers of this study wait on PostgreSQL; SQLite locks the file anyway.
    """
    query = select(StudyRow).where(StudyRow.id == study_id)
    found = session.scalar(query.with_for_update() if lock else query) if is_id(study_id) else None
    if found is None:
        raise UnknownStudy(f"there is no study with the number {study_id!r}; ask studies() for those that exist.")
    return found


def criterion_rows(session: Session, study_id: int) -> Sequence[CriterionRow]:
    """The study's criteria in the order shown."""
    query = select(CriterionRow).where(CriterionRow.study_id == study_id).order_by(CriterionRow.place)
    return session.scalars(query).all()


def study_record(session: Session, row: StudyRow) -> Study:
    """The row with its criteria as a plain record."""
    criteria = tuple(
        Criterion(
            found.key,
            found.question,
            {tag: tuple(five) for tag, five in found.anchors.items()},
            found.version,
        )
        for found in criterion_rows(session, row.id)
    )
    return Study(
        id=row.id,
        slug=row.slug,
        name=row.name,
        task=row.task,
        instructions=row.instructions,
        criteria=criteria,
        raters_per_item=row.raters_per_item,
        lease_minutes=row.lease_minutes,
        state=cast(StudyState, row.state),
        created_at=row.created_at,
    )


def all_studies(session: Session) -> list[Study]:
    """All studies, oldest first."""
    return [study_record(session, row) for row in session.scalars(select(StudyRow).order_by(StudyRow.id))]


def ensure_study(session: Session, new: NewStudy, now: datetime) -> Study:
    """The study with this slug, made if it is not there.

    One that is there is never changed: raters saw its words.
    """
    check_study(new)
    row = session.scalar(select(StudyRow).where(StudyRow.slug == new.slug))
    if row is not None:
        study = study_record(session, row)
        changed = _differences(study, new)
        if changed:
            _log.warning(
                "study '%s' is kept as stored; the definition given differs in %s",
                new.slug,
                ", ".join(changed),
            )
        return study
    row = StudyRow(
        slug=new.slug,
        name=new.name,
        task=new.task,
        instructions=dict(new.instructions),
        state=new.state,
        raters_per_item=new.raters_per_item,
        lease_minutes=new.lease_minutes,
        created_at=now,
    )
    session.add(row)
    session.flush()
    for place, criterion in enumerate(new.criteria):
        anchors = {tag: list(five) for tag, five in criterion.anchors.items()}
        session.add(
            CriterionRow(
                study_id=row.id,
                key=criterion.key,
                place=place,
                version=criterion.version,
                question=dict(criterion.question),
                anchors=anchors,
            )
        )
    session.flush()
    return study_record(session, row)


def _differences(study: Study, new: NewStudy) -> list[str]:
    plain = ("name", "task", "raters_per_item", "lease_minutes")
    changed = [name for name in plain if getattr(study, name) != getattr(new, name)]
    if dict(new.instructions) != study.instructions:
        changed.append("instructions")
    given = tuple(
        replace(one, question=dict(one.question), anchors={tag: tuple(five) for tag, five in one.anchors.items()})
        for one in new.criteria
    )
    return [*changed, "criteria"] if given != study.criteria else changed


def set_state(session: Session, study_id: int, state: StudyState) -> Study:
    """Opens or closes a study. Raises UnknownStudy, InvalidRecord."""
    if state not in STUDY_STATES:
        raise InvalidRecord(f"the study's state is {state!r}; allowed are {', '.join(STUDY_STATES)}.")
    row = study_row(session, study_id, lock=True)
    row.state = state
    session.flush()
    return study_record(session, row)


def add_outputs(session: Session, study_id: int, outputs: Sequence[NewOutput], now: datetime) -> AddReport:
    """Adds what is not there yet, all or nothing. Raises UnknownStudy, StudyClosed, InvalidRecord."""
    for output in outputs:
        check_output(output)
    study = study_row(session, study_id, lock=True)
    if study.state == "closed":
        raise StudyClosed(
            f"study '{study.slug}' is closed and takes no more outputs; open it again, or make a new study."
        )
    systems = {row.key: row for row in session.scalars(select(SystemRow).where(SystemRow.study_id == study_id))}
    items = {row.key: row for row in session.scalars(select(ItemRow).where(ItemRow.study_id == study_id))}
    known = {
        (found.item_id, found.system_id, found.language): found.text
        for found in session.execute(
            select(OutputRow.item_id, OutputRow.system_id, OutputRow.language, OutputRow.text)
            .join(ItemRow, ItemRow.id == OutputRow.item_id)
            .where(ItemRow.study_id == study_id)
        )
    }
    for new in outputs:
        if new.system not in systems:
            systems[new.system] = SystemRow(study_id=study_id, key=new.system)
        if new.item_key not in items:
            items[new.item_key] = _item(study_id, new)
        _refuse_another_item(items[new.item_key], new)
    session.add_all([*systems.values(), *items.values()])
    session.flush()
    added = 0
    kept_different: list[tuple[str, str, str]] = []
    for new in outputs:
        item_id, system_id = items[new.item_key].id, systems[new.system].id
        stored = known.get((item_id, system_id, new.language))
        if stored is None:
            known[item_id, system_id, new.language] = new.text
            session.add(
                OutputRow(
                    item_id=item_id,
                    system_id=system_id,
                    language=new.language,
                    text=new.text,
                    provenance=dict(new.provenance),
                    created_at=now,
                )
            )
            added += 1
        elif stored != new.text:
            kept_different.append((new.item_key, new.system, new.language))
    session.flush()
    return AddReport(added, len(outputs) - added, tuple(kept_different))


def _item(study_id: int, new: NewOutput) -> ItemRow:
    return ItemRow(
        study_id=study_id,
        key=new.item_key,
        language=new.item_language,
        source_text=new.source_text,
        task=new.task,
        reference=new.reference,
    )


def _refuse_another_item(item: ItemRow, new: NewOutput) -> None:
    pairs = (
        ("language", item.language, new.item_language),
        ("source text", item.source_text, new.source_text),
    )
    for what, stored, given in (*pairs, ("task", item.task, new.task)):
        if stored != given:
            raise InvalidRecord(
                f"item '{new.item_key}' is stored with the {what} {stored!r} and was given now with "
                f"{given!r}; use another item key for another item. Nothing was added."
            )
