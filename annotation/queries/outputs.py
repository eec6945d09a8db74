"""Systems, items and outputs: added to a study, taken out of a draft, counted."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from annotation.database.adjudication_tables import AdjudicationCaseRow
from annotation.database.judge_tables import JudgeScoreRow
from annotation.database.tables import AssignmentRow, ItemRow, OutputRow, SystemRow
from annotation.errors import InvalidRecord, StudyClosed
from annotation.queries.studies import refuse_frozen, require_draft, study_row
from annotation.records import NewOutput, OutputRecord
from annotation.study_records import AddReport
from annotation.validation import check_output
from annotation.vocabulary import Degradation, ItemKind


def add_outputs(session: Session, now: datetime, study_id: int, outputs: Sequence[NewOutput]) -> AddReport:
    """Adds what is not there yet, all or nothing. Raises UnknownStudy, StudyClosed, InvalidRecord.

    Texts of outputs are stored in Unicode's composed form (NFC), so that offsets of marked errors stay what they are wherever the
    text is normalised later.
    """
    for output in outputs:
        check_output(output)
    study = study_row(session, study_id, lock=True)
    refuse_frozen(study, "takes no more outputs")
    if study.state in ("closed", "withdrawn"):
        raise StudyClosed(
            f"study '{study.slug}' is {study.state} and takes no more outputs; open it again, or make a new study."
        )
    systems = {row.key: row for row in session.scalars(select(SystemRow).where(SystemRow.study_id == study_id))}
    items = {row.key: row for row in session.scalars(select(ItemRow).where(ItemRow.study_id == study_id))}
    stored_texts = {
        (row.item_id, row.system_id, row.language): row.text
        for row in session.execute(
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
    added: list[OutputRow] = []
    conflicting: list[tuple[str, str, str]] = []
    for new in outputs:
        item_id, system_id = items[new.item_key].id, systems[new.system].id
        stored, text = stored_texts.get((item_id, system_id, new.language)), unicodedata.normalize("NFC", new.text)
        if stored is None:
            stored_texts[item_id, system_id, new.language] = text
            row = OutputRow(
                item_id=item_id,
                system_id=system_id,
                language=new.language,
                text=text,
                provenance=dict(new.provenance),
                created_at=now,
            )
            session.add(row)
            added.append(row)
        elif unicodedata.normalize("NFC", stored) != text:
            conflicting.append((new.item_key, new.system, new.language))
    session.flush()
    ids = tuple(row.id for row in added)
    return AddReport(len(added), len(outputs) - len(added), tuple(conflicting), ids)


def _item(study_id: int, new: NewOutput) -> ItemRow:
    return ItemRow(
        study_id=study_id,
        key=new.item_key,
        language=new.item_language,
        source_text=new.source_text,
        task=new.task,
        reference=new.reference,
        context=new.context,
        group=new.group,
    )


def _refuse_another_item(item: ItemRow, new: NewOutput) -> None:
    pairs = (
        ("language", item.language, new.item_language),
        ("source text", item.source_text, new.source_text),
        ("task", item.task, new.task),
        ("group", item.group, new.group),
    )
    for what, stored, new_value in pairs:
        if stored != new_value:
            raise InvalidRecord(
                f"item '{new.item_key}' is stored with the {what} {stored!r} and was given now with "
                f"{new_value!r}; use another item key for another item. Nothing was added."
            )


def remove_outputs(session: Session, study_id: int) -> int:
    """Takes all outputs, items and systems out of a draft; returns how many outputs there were.

    Raises UnknownStudy, StudyFrozen.
    """
    study = study_row(session, study_id, lock=True)
    require_draft(session, study)
    items = select(ItemRow.id).where(ItemRow.study_id == study_id)
    count = session.execute(delete(OutputRow).where(OutputRow.item_id.in_(items))).rowcount  # type: ignore[attr-defined]
    session.execute(delete(ItemRow).where(ItemRow.study_id == study_id))
    session.execute(delete(SystemRow).where(SystemRow.study_id == study_id))
    return int(count)


def take_back_outputs(session: Session, study_id: int, output_ids: Sequence[int]) -> int:
    """Takes outputs out again that no rater was given yet, with items and systems left empty by it; returns how many.

    An output of an item and language that somebody was given stays: what she saw must not change. What a model gave to
    those that go goes too. Raises UnknownStudy, StudyFrozen.
    """
    study = study_row(session, study_id, lock=True)
    refuse_frozen(study, "gives no outputs back")
    assigned = select(AssignmentRow.id).where(
        AssignmentRow.item_id == OutputRow.item_id, AssignmentRow.language == OutputRow.language
    )
    adjudicated = select(AdjudicationCaseRow.id).where(
        AdjudicationCaseRow.item_id == OutputRow.item_id, AdjudicationCaseRow.language == OutputRow.language
    )
    free = session.scalars(
        select(OutputRow.id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .where(ItemRow.study_id == study_id, OutputRow.id.in_(output_ids))
        .where(~assigned.exists(), ~adjudicated.exists())
    ).all()
    session.execute(delete(JudgeScoreRow).where(JudgeScoreRow.output_id.in_(free)))
    session.execute(delete(OutputRow).where(OutputRow.id.in_(free)))
    used_items, used_systems = select(OutputRow.item_id), select(OutputRow.system_id)
    assigned_items = select(AssignmentRow.item_id)
    session.execute(
        delete(ItemRow).where(
            ItemRow.study_id == study_id,
            ItemRow.kind == "normal",
            ItemRow.id.not_in(used_items),
            ItemRow.id.not_in(assigned_items),
        )
    )
    session.execute(delete(SystemRow).where(SystemRow.study_id == study_id, SystemRow.id.not_in(used_systems)))
    return len(free)


def output_records(session: Session, study_id: int, *, checks: bool = False) -> list[OutputRecord]:
    """All outputs with item and provenance, in the order they were added. Raises UnknownStudy."""
    study = study_row(session, study_id)
    original = aliased(ItemRow)
    query = (
        select(OutputRow, ItemRow, SystemRow.key, original.key)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .outerjoin(original, original.id == ItemRow.original_item_id)
        .where(ItemRow.study_id == study_id)
        .order_by(OutputRow.id)
    )
    if not checks:
        query = query.where(ItemRow.kind == "normal")
    return [
        OutputRecord(
            output_id=output.id,
            study=study.slug,
            item_key=item.key,
            item_language=item.language,
            source_text=item.source_text,
            task=item.task or study.task,
            reference=item.reference,
            context=item.context,
            group=item.group,
            system=system,
            language=output.language,
            text=output.text,
            provenance=output.provenance,
            item_kind=cast(ItemKind, item.kind),
            original_item=original_key,
            original_output_id=output.original_output_id,
            degradation=cast(Degradation | None, output.degradation),
        )
        for output, item, system, original_key in session.execute(query)
    ]
