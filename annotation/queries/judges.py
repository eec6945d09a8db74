"""Models that grade the outputs of a study: which there are, what is still to be scored, what they gave.

A score is written once and never replaced: the same weights asked by the same prompt give the same score, and other weights or
another prompt are another judge.
"""

import math
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from annotation.database.judge_tables import JudgeRow, JudgeScoreRow
from annotation.database.tables import CriterionRow, ItemRow, OutputRow, SystemRow
from annotation.errors import InvalidRecord, StudyClosed
from annotation.judge_records import Judge, JudgeScoreRecord, NewJudge, NewScore
from annotation.queries.studies import criterion_ids, scales, study_row
from annotation.value_checks import check_text, is_id


def ensure_judge(session: Session, now: datetime, study_id: int, new: NewJudge) -> Judge:
    """The judge of this model and prompt, made if need be. Raises UnknownStudy, StudyClosed for a draft or a withdrawn study."""
    study = study_row(session, study_id, lock=True)
    if study.state in ("draft", "withdrawn"):
        raise StudyClosed(
            f"study '{study.slug}' is {study.state}; open it before a model grades its outputs, so that both see the same.",
            "judge_state",
            name=study.name,
        )
    for name in ("model", "fingerprint", "prompt_version"):
        check_text(getattr(new, name), f"{name} of a judge")
    query = select(JudgeRow).where(
        JudgeRow.study_id == study_id,
        JudgeRow.model == new.model,
        JudgeRow.fingerprint == new.fingerprint,
        JudgeRow.prompt_version == new.prompt_version,
    )
    row = session.scalar(query)
    if row is None:
        row = JudgeRow(
            study_id=study_id,
            model=new.model,
            fingerprint=new.fingerprint,
            prompt_version=new.prompt_version,
            facts=dict(new.facts),
            created_at=now,
        )
        session.add(row)
        session.flush()
    return _record(session, row)


def judges(session: Session, study_id: int) -> list[Judge]:
    """All judges of a study, in the order they were made. Raises UnknownStudy."""
    study_row(session, study_id)
    query = select(JudgeRow).where(JudgeRow.study_id == study_id).order_by(JudgeRow.id)
    return [_record(session, row) for row in session.scalars(query)]


def _record(session: Session, row: JudgeRow) -> Judge:
    scored = select(func.count(), func.count(JudgeScoreRow.value)).where(JudgeScoreRow.judge_id == row.id)
    count, valued = session.execute(scored).one()
    total = session.scalar(select(func.count()).select_from(_pairs(row.study_id).subquery())) or 0
    return Judge(
        row.id,
        row.study_id,
        _name(row.model, row.fingerprint),
        row.model,
        row.fingerprint,
        row.prompt_version,
        row.created_at,
        int(count),
        int(total),
        int(count) - int(valued),
    )


def _name(model: str, fingerprint: str) -> str:
    return f"{model.rstrip('/').rpartition('/')[2] or model} ({fingerprint[:6]})"


def _pairs(study_id: int) -> Select[int, str]:
    """Every output without attention checks with every criterion."""
    query = select(OutputRow.id.label("output_id"), CriterionRow.key.label("key"))
    query = query.join(ItemRow, ItemRow.id == OutputRow.item_id).join(CriterionRow, CriterionRow.study_id == study_id)
    return query.where(ItemRow.study_id == study_id, ItemRow.kind == "normal")


def unscored(session: Session, judge_id: int) -> list[tuple[int, str]]:
    """What the judge has not scored yet, as (output_id, criterion key), in the order of items. Raises InvalidRecord."""
    judge = _judge_row(session, judge_id)
    done = select(JudgeScoreRow.output_id, CriterionRow.key).join(
        CriterionRow, CriterionRow.id == JudgeScoreRow.criterion_id
    )
    present = {(output, key) for output, key in session.execute(done.where(JudgeScoreRow.judge_id == judge.id))}
    order = _pairs(judge.study_id).order_by(OutputRow.item_id, OutputRow.id, CriterionRow.position)
    return [(output, key) for output, key in session.execute(order) if (output, key) not in present]


def store_scores(session: Session, now: datetime, judge_id: int, scores: Sequence[NewScore]) -> int:
    """Adds what is not there yet, all or nothing; how many. Raises InvalidRecord for a score off its scale or of another study."""
    judge = _judge_row(session, judge_id)
    study_row(session, judge.study_id, lock=True)
    criteria, offered = criterion_ids(session, judge.study_id), scales(session, judge.study_id)
    open_pairs, added = set(unscored(session, judge_id)), 0
    known = {(output, key) for output, key in session.execute(_pairs(judge.study_id))}
    for one in scores:
        if (one.output_id, one.criterion) not in known:
            raise InvalidRecord(f"there is no output {one.output_id!r} with {one.criterion!r} in the judge's study.")
        if (one.output_id, one.criterion) not in open_pairs:
            continue
        scale = offered[one.criterion]
        if one.value is not None:
            inside = scale.low <= (one.expected if one.expected is not None else math.nan) <= scale.high
            if one.value not in scale.points or not inside or len(one.probabilities) != len(scale.points):
                raise InvalidRecord(f"a judge gave {one.value!r} ({one.expected!r}) to {one.criterion}; it is {scale}.")
        open_pairs.discard((one.output_id, one.criterion))
        added += 1
        session.add(
            JudgeScoreRow(
                judge_id=judge.id,
                output_id=one.output_id,
                criterion_id=criteria[one.criterion],
                value=one.value,
                expected=None if one.value is None else one.expected,
                probabilities=list(one.probabilities) if one.value is not None else [],
                prompt_sha256=one.prompt_sha256,
                scored_at=now,
            )
        )
    session.flush()
    return added


def remove_judge(session: Session, study_id: int, judge_id: int) -> int:
    """Deletes a judge with all its scores; how many those were. Raises UnknownStudy, InvalidRecord."""
    study_row(session, study_id, lock=True)
    row = _judge_row(session, judge_id)
    if row.study_id != study_id:
        raise InvalidRecord("there is no such judge in this study; choose from the list.", "no_judge")
    count = session.scalar(select(func.count()).select_from(JudgeScoreRow).where(JudgeScoreRow.judge_id == row.id)) or 0
    session.execute(delete(JudgeScoreRow).where(JudgeScoreRow.judge_id == row.id))
    session.delete(row)
    session.flush()
    return count


def judge_scores(session: Session, study_id: int) -> list[JudgeScoreRecord]:
    """All scores, by item, language, system, judge and criterion. Raises UnknownStudy."""
    study = study_row(session, study_id)
    query = (
        select(JudgeScoreRow, JudgeRow, ItemRow.key, SystemRow.key, OutputRow.language, CriterionRow.key)
        .join(JudgeRow, JudgeRow.id == JudgeScoreRow.judge_id)
        .join(OutputRow, OutputRow.id == JudgeScoreRow.output_id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .join(CriterionRow, CriterionRow.id == JudgeScoreRow.criterion_id)
        .where(JudgeRow.study_id == study_id)
        .order_by(ItemRow.key, OutputRow.language, SystemRow.key, JudgeRow.id, CriterionRow.position)
    )
    return [
        JudgeScoreRecord(
            study=study.slug,
            item_key=item,
            system=system,
            language=language,
            criterion=criterion,
            judge=_name(judge.model, judge.fingerprint),
            model=judge.model,
            fingerprint=judge.fingerprint,
            prompt_version=judge.prompt_version,
            judged_value=row.value,
            expected_value=row.expected,
            probabilities=tuple(row.probabilities),
            prompt_sha256=row.prompt_sha256,
            scored_at=row.scored_at,
            output_id=row.output_id,
        )
        for row, judge, item, system, language, criterion in session.execute(query)
    ]


def _judge_row(session: Session, judge_id: int) -> JudgeRow:
    row = session.get(JudgeRow, judge_id) if is_id(judge_id) else None
    if row is None:
        raise InvalidRecord(f"there is no judge with the number {judge_id!r}; choose from the list.", "no_judge")
    return row
