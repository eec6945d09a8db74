"""Attention checks in the database: made for a draft from its seed, and scored from the answers."""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from annotation.attention_checks import (
    TOLERANCE,
    degrade,
    score_degraded,
    score_repeat,
    spoiled_criterion,
)
from annotation.database.tables import AssignmentRow, CriterionRow, ItemRow, OutputRow, RaterRow, RatingRow, StudyRow
from annotation.errors import StudyNotReady
from annotation.orders import digest, ranked
from annotation.preference_checks import score_degraded_order, score_repeated_order
from annotation.preference_records import Ranks
from annotation.queries.preferences import by_rater
from annotation.queries.studies import criterion_rows, require_draft, scale_record, scales, study_row
from annotation.study_records import CheckResult
from annotation.vocabulary import DEGRADATIONS, Degradation, ItemKind

DEGRADED_PER_LANGUAGE = 12  # enough for a rater who meets one of them among each handful of items


@dataclass(frozen=True)
class _Source:
    """One item in one language, with its outputs in the order of their ids."""

    item: ItemRow
    language: str
    outputs: Sequence[OutputRow]


def make_checks(session: Session, now: datetime, study_id: int) -> int:
    """Makes the attention checks of a draft anew, from its seed; returns how many there are, none if it plans none.

    Per language a repeat of every item, so that whatever a rater meets first can come again, and up to
    DEGRADED_PER_LANGUAGE items with one output spoiled. Raises UnknownStudy, StudyFrozen, and StudyNotReady where
    nothing can be spoiled clearly, because all outputs of a language are alike and too short.
    """
    study = study_row(session, study_id, lock=True)
    require_draft(session, study)
    _remove_checks(session, study_id)
    if study.check_every is None:
        return 0
    lowest = {one.key: scale_record(one).low_part for one in criterion_rows(session, study_id)}
    by_language: dict[str, list[_Source]] = defaultdict(list)
    for source in _sources(session, study_id):
        by_language[source.language].append(source)
    count = 0
    for language, sources in sorted(by_language.items()):
        count += _repeats(session, study, sources, now)
        spoiled = _degraded(session, study, sources, lowest, now)
        if spoiled == 0:
            raise StudyNotReady(
                f"no output in {language} can be spoiled clearly: all are alike and shorter than four words; add "
                "items with other outputs, or open the study without attention checks.",
                "no_checks",
                language=language,
            )
        count += spoiled
    session.flush()
    return count


def _remove_checks(session: Session, study_id: int) -> None:
    checks = select(ItemRow.id).where(ItemRow.study_id == study_id, ItemRow.kind != "normal")
    session.execute(delete(OutputRow).where(OutputRow.item_id.in_(checks)))
    session.execute(delete(ItemRow).where(ItemRow.study_id == study_id, ItemRow.kind != "normal"))


def _sources(session: Session, study_id: int) -> list[_Source]:
    query = select(ItemRow, OutputRow).join(OutputRow, OutputRow.item_id == ItemRow.id)
    grouped: dict[tuple[int, str], tuple[ItemRow, list[OutputRow]]] = {}
    for item, output in session.execute(query.where(ItemRow.study_id == study_id).order_by(OutputRow.id)):
        grouped.setdefault((item.id, output.language), (item, []))[1].append(output)
    return [_Source(item, language, outputs) for (_, language), (item, outputs) in grouped.items()]


def _check_item(study: StudyRow, source: _Source, kind: ItemKind, expected: dict[str, object]) -> ItemRow:
    number = digest(str(study.seed), kind, source.language, source.item.key)
    return ItemRow(
        study_id=study.id,
        key=f"check-{kind}-{number:016x}",
        language=source.item.language,
        source_text=source.item.source_text,
        task=source.item.task,
        reference=source.item.reference,
        context=source.item.context,
        group=source.item.group,
        kind=kind,
        original_item_id=source.item.id,
        expected=expected,
    )


def _copy(item: ItemRow, output: OutputRow, now: datetime) -> OutputRow:
    return OutputRow(
        item_id=item.id,
        system_id=output.system_id,
        language=output.language,
        text=output.text,
        provenance=output.provenance,
        created_at=now,
        original_output_id=output.id,
        degradation=None,
    )


def _repeats(session: Session, study: StudyRow, sources: Sequence[_Source], now: datetime) -> int:
    for source in sources:
        item = _check_item(study, source, "repeat", {"tolerance_share": TOLERANCE})
        session.add(item)
        session.flush()
        session.add_all(_copy(item, output, now) for output in source.outputs)
    return len(sources)


def _degraded(
    session: Session, study: StudyRow, sources: Sequence[_Source], lowest: Mapping[str, int], now: datetime
) -> int:
    """`lowest`: by criterion, the highest point that a spoiled output passes with."""
    count = 0
    salt = (str(study.seed), "degraded")
    by_key = {source.item.key: source for source in sources}
    for key in ranked(by_key, *salt):
        if count == DEGRADED_PER_LANGUAGE:
            break
        source = by_key[key]
        target = source.outputs[digest(*salt, "system", key) % len(source.outputs)]
        others = [output.text for other in sources if other is not source for output in other.outputs]
        others = [text for text in others if text not in {output.text for output in source.outputs}]
        spoiled_text = _spoil(study, source, target, count, others)
        if spoiled_text is None:
            continue
        how, text = spoiled_text
        criterion = spoiled_criterion(how, list(lowest))
        expected = {} if criterion is None else {"criterion": criterion, "at_most": lowest[criterion]}
        item = _check_item(study, source, "degraded", expected)
        session.add(item)
        session.flush()
        for output in source.outputs:
            copy = _copy(item, output, now)
            if output is target:
                copy.text, copy.degradation = unicodedata.normalize("NFC", text), how
            session.add(copy)
        count += 1
    return count


def _spoil(
    study: StudyRow, source: _Source, target: OutputRow, turn: int, others: list[str]
) -> tuple[Degradation, str] | None:
    """The ways take turns; one that would not show gives way to the next."""
    for step in range(len(DEGRADATIONS)):
        how = DEGRADATIONS[(turn + step) % len(DEGRADATIONS)]
        text = degrade(target.text, how, source.language, study.seed, source.item.key, others)
        if text is not None:
            return how, text
    return None


def check_results(session: Session, study_id: int) -> list[CheckResult]:
    """Every answered attention check that its answers can decide, scored, by rater and position. Raises UnknownStudy."""
    study = study_row(session, study_id)
    original = aliased(ItemRow)
    query = (
        select(AssignmentRow, ItemRow, original.key, RaterRow.pseudonym)
        .join(ItemRow, ItemRow.id == AssignmentRow.item_id)
        .join(original, original.id == ItemRow.original_item_id)
        .join(RaterRow, RaterRow.id == AssignmentRow.rater_id)
        .where(ItemRow.study_id == study_id, ItemRow.kind != "normal", AssignmentRow.state == "done")
        .order_by(AssignmentRow.rater_id, AssignmentRow.position)
    )
    answered = session.execute(query).all()
    of_criterion = scales(session, study_id)
    values_of = _values_by_rater(session, study_id) if answered else {}
    compared = by_rater(session, study_id) if answered and not of_criterion else {}
    of_check = select(OutputRow).join(ItemRow, ItemRow.id == OutputRow.item_id)
    of_check = of_check.where(ItemRow.study_id == study_id, ItemRow.kind != "normal")
    copies = {output.id: output for output in session.scalars(of_check)} if answered else {}
    results = []
    passed: bool | None
    for row, item, original_key, pseudonym in answered:
        if not of_criterion:
            passed, reason = _score_order(row, item, compared[row.rater_id], copies)
            if passed is not None:
                results.append(_result(study, row, item, original_key, pseudonym, passed, reason))
            continue
        values = {key: value for key, value in values_of[row.rater_id].items() if key[0] in set(row.system_order)}
        expected = item.expected or {}
        if item.kind == "degraded":
            spoiled = next(output for output in row.system_order if copies[output].degradation is not None)
            original_output = copies[spoiled].original_output_id or 0
            unspoiled = values_of[row.rater_id].get((original_output, str(expected["criterion"])))
            passed, reason = score_degraded(expected, spoiled, values, unspoiled, of_criterion)
        else:
            again = {(copies[output].original_output_id or 0, key): value for (output, key), value in values.items()}
            # Where the first answer is gone there is nothing to compare with.
            passed, reason = score_repeat(expected, values_of[row.rater_id], again, of_criterion)
        if passed is None:
            continue  # the answers tell neither
        results.append(_result(study, row, item, original_key, pseudonym, passed, reason))
    return results


def _result(
    study: StudyRow, row: AssignmentRow, item: ItemRow, original: str, rater: str, passed: bool, reason: str
) -> CheckResult:
    kind = cast(ItemKind, item.kind)
    return CheckResult(study.slug, rater, item.key, kind, original, row.language, row.position, passed, reason)


def _score_order(
    row: AssignmentRow, item: ItemRow, hers: Mapping[int, Mapping[str, Ranks]], copies: Mapping[int, OutputRow]
) -> tuple[bool | None, str]:
    """A check of a study without criteria, scored by the order that the rater gave."""
    orders = hers.get(item.id, {})
    if item.kind == "degraded":
        spoiled = next(output for output in row.system_order if copies[output].degradation is not None)
        return score_degraded_order(spoiled, orders)
    again = {
        key: {copies[output].original_output_id or 0: rank for output, rank in ranks.items()}
        for key, ranks in orders.items()
    }
    return score_repeated_order(hers.get(item.original_item_id or 0, {}), again)


def _values_by_rater(session: Session, study_id: int) -> dict[int, dict[tuple[int, str], int]]:
    """All values of raters who answered a check: rater id -> (output id, criterion key) -> point, without "not applicable"."""
    checked = select(AssignmentRow.rater_id).join(ItemRow, ItemRow.id == AssignmentRow.item_id)
    checked = checked.where(ItemRow.study_id == study_id, ItemRow.kind != "normal", AssignmentRow.state == "done")
    query = select(RatingRow.rater_id, RatingRow.output_id, CriterionRow.key, RatingRow.value)
    query = query.join(CriterionRow, CriterionRow.id == RatingRow.criterion_id)
    values: dict[int, dict[tuple[int, str], int]] = defaultdict(dict)
    for rater, output, key, value in session.execute(query.where(RatingRow.rater_id.in_(checked))):
        if value is not None:
            values[rater][output, key] = value
    return values
