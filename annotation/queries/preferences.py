"""Preferences in the database: what a rater gave so far, and records for organisers."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from annotation.database.tables import (
    AssignmentRow,
    ItemRow,
    OutputRow,
    PreferenceHistoryRow,
    PreferenceRow,
    RaterRow,
    SystemRow,
)
from annotation.orders import letter
from annotation.preference_records import PreferenceChange, PreferenceHistoryRecord, PreferenceRecord, Ranks
from annotation.queries.studies import study_row
from annotation.vocabulary import ItemKind


def ranks_of(session: Session, rater_id: int, item_id: int) -> dict[str, Ranks]:
    """What a rater gave to an item so far, by question."""
    query = select(PreferenceRow).where(PreferenceRow.rater_id == rater_id, PreferenceRow.item_id == item_id)
    return {row.question: dict(zip(row.output_ids, row.ranks, strict=True)) for row in session.scalars(query)}


def changes(session: Session, row: AssignmentRow) -> list[PreferenceChange]:
    """How a rater changed her preferences of one item, oldest first."""
    query = (
        select(PreferenceHistoryRow, PreferenceRow)
        .join(PreferenceRow, PreferenceRow.id == PreferenceHistoryRow.preference_id)
        .where(PreferenceRow.rater_id == row.rater_id, PreferenceRow.item_id == row.item_id)
        .where(PreferenceHistoryRow.revision > 1)
        .order_by(PreferenceHistoryRow.id)
    )
    return [
        PreferenceChange(now.question, _lettered(past.old_ranks or []), _lettered(past.ranks), past.recorded_at)
        for past, now in session.execute(query)
    ]


def _lettered(ranks: list[int]) -> dict[str, int]:
    return {letter(index): rank for index, rank in enumerate(ranks)}


def counts_by_rater(session: Session, study_id: int) -> dict[int, int]:
    """How many preferences each rater gave, attention checks not counted, by rater id."""
    query = select(PreferenceRow.rater_id, func.count()).join(ItemRow, ItemRow.id == PreferenceRow.item_id)
    query = query.where(ItemRow.study_id == study_id, ItemRow.kind == "normal").group_by(PreferenceRow.rater_id)
    return {rater: int(number) for rater, number in session.execute(query)}


def by_rater(session: Session, study_id: int) -> dict[int, dict[int, dict[str, Ranks]]]:
    """All preferences of a study: rater id -> item id -> question -> ranks."""
    query = select(PreferenceRow).join(ItemRow, ItemRow.id == PreferenceRow.item_id)
    result: dict[int, dict[int, dict[str, Ranks]]] = defaultdict(lambda: defaultdict(dict))
    for row in session.scalars(query.where(ItemRow.study_id == study_id)):
        result[row.rater_id][row.item_id][row.question] = dict(zip(row.output_ids, row.ranks, strict=True))
    return result


def _compared(query: Select[*tuple[Any, ...]], study_id: int, checks: bool) -> Select[*tuple[Any, ...]]:
    """Joins a query over `preference` to all that names one; attention checks only where asked for."""
    joined = query.join(ItemRow, ItemRow.id == PreferenceRow.item_id).join(
        RaterRow, RaterRow.id == PreferenceRow.rater_id
    )
    joined = joined.where(ItemRow.study_id == study_id)
    return joined if checks else joined.where(ItemRow.kind == "normal")


def _outputs(session: Session, study_id: int) -> dict[int, tuple[str, str]]:
    """System and language of each output."""
    query = select(OutputRow.id, SystemRow.key, OutputRow.language).join(SystemRow, SystemRow.id == OutputRow.system_id)
    return {id_: (key, tag) for id_, key, tag in session.execute(query.where(SystemRow.study_id == study_id))}


def preferences(session: Session, study_id: int, *, checks: bool = False) -> list[PreferenceRecord]:
    """Every current preference, by item, question and rater. Raises UnknownStudy."""
    study = study_row(session, study_id)
    outputs = _outputs(session, study_id)
    versions = {one["key"]: one["version"] for one in study.preferences}
    query = _compared(select(PreferenceRow, ItemRow, RaterRow), study_id, checks)
    order = (ItemRow.id, PreferenceRow.question, RaterRow.id)
    return [
        PreferenceRecord(
            study=study.slug,
            item_key=item.key,
            item_language=item.language,
            language=outputs[row.output_ids[0]][1],
            question=row.question,
            question_version=versions.get(row.question, ""),
            rater=rater.pseudonym,
            systems=tuple(outputs[one][0] for one in row.output_ids),
            output_ids=tuple(row.output_ids),
            ranks=tuple(row.ranks),
            revision=row.revision,
            submission_id=row.submission_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
            item_kind=cast(ItemKind, item.kind),
        )
        for row, item, rater in session.execute(query.order_by(*order))
    ]


def preference_history(session: Session, study_id: int, *, checks: bool = False) -> list[PreferenceHistoryRecord]:
    """Every preference ever accepted, in order of acceptance. Raises UnknownStudy."""
    study = study_row(session, study_id)
    outputs = _outputs(session, study_id)
    base = select(PreferenceHistoryRow, PreferenceRow, ItemRow, RaterRow)
    joined = base.join(PreferenceRow, PreferenceRow.id == PreferenceHistoryRow.preference_id)
    query = _compared(joined, study_id, checks)
    return [
        PreferenceHistoryRecord(
            study=study.slug,
            item_key=item.key,
            language=outputs[row.output_ids[0]][1],
            question=row.question,
            rater=rater.pseudonym,
            systems=tuple(outputs[one][0] for one in row.output_ids),
            old_ranks=None if past.old_ranks is None else tuple(past.old_ranks),
            ranks=tuple(past.ranks),
            revision=past.revision,
            submission_id=past.submission_id,
            recorded_at=past.recorded_at,
            item_kind=cast(ItemKind, item.kind),
        )
        for past, row, item, rater in session.execute(query.order_by(PreferenceHistoryRow.id))
    ]


def differ(stored: Mapping[str, Ranks], sent: Mapping[str, Ranks]) -> bool:
    """Whether what is sent says anything else than what is stored."""
    return any(dict(stored.get(key, {})) != dict(ranks) for key, ranks in sent.items())
