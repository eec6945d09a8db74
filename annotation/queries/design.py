"""From draft to open to closed: what an organiser may do to a study, and when."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotation.database.tables import CriterionRow, InvitationRow, ItemRow, OutputRow, StudyRow, SystemRow
from annotation.errors import InvalidRecord, StudyClosed, StudyNotReady
from annotation.qualification_checks import uncovered
from annotation.queries.looks import look_at_end
from annotation.queries.outputs import add_outputs, output_records, remove_outputs
from annotation.queries.studies import (
    DESIGN,
    insert_criteria,
    insert_study,
    participation,
    refuse_frozen,
    require_draft,
    study_record,
    study_row,
)
from annotation.records import NewOutput, NewStudy, Study
from annotation.study_records import Lack, Stock
from annotation.validation import check_study
from annotation.vocabulary import STUDY_STATES, StudyState

SAMPLE_SIZE = 6  # spoiled texts in a stock's sample


def create_draft(session: Session, now: datetime, new: NewStudy) -> Study:
    """A new draft, whatever state `new` names. Raises InvalidRecord, also for a slug that is taken."""
    check_study(new)
    _refuse_used_slug(session, new.slug)
    row = insert_study(session, new, now)
    row.state, row.closed_at = "draft", None
    session.flush()
    return study_record(session, row)


def _refuse_used_slug(session: Session, slug: str) -> None:
    if session.scalar(select(StudyRow.id).where(StudyRow.slug == slug)) is not None:
        raise InvalidRecord(f"there is a study called '{slug}' already; choose another slug.")


def revise_draft(session: Session, study_id: int, new: NewStudy) -> Study:
    """Gives a draft another design; its outputs stay, its seed too unless `new` names one.

    Raises UnknownStudy, InvalidRecord, StudyFrozen.
    """
    check_study(new)
    row = study_row(session, study_id, lock=True)
    require_draft(session, row)
    if new.slug != row.slug:
        _refuse_used_slug(session, new.slug)
    row.slug, row.instructions = new.slug, dict(new.instructions)
    row.seed = row.seed if new.seed is None else new.seed
    for name in DESIGN:
        setattr(row, name, getattr(new, name))
    for name, value in participation(new).items():
        setattr(row, name, value)
    session.execute(delete(CriterionRow).where(CriterionRow.study_id == study_id))
    insert_criteria(session, study_id, new.criteria)
    return study_record(session, row)


def delete_draft(session: Session, study_id: int) -> None:
    """Deletes a draft with all it holds. Raises UnknownStudy, StudyFrozen, also if it has raters."""
    remove_outputs(session, study_id)
    row = study_row(session, study_id, lock=True)
    session.execute(delete(CriterionRow).where(CriterionRow.study_id == study_id))
    session.execute(delete(InvitationRow).where(InvitationRow.study_id == study_id))
    session.delete(row)
    session.flush()


def open_study(session: Session, now: datetime, study_id: int) -> Study:
    """Opens a draft and freezes it for good. Raises UnknownStudy, StudyFrozen, StudyNotReady."""
    row = study_row(session, study_id, lock=True)
    require_draft(session, row)
    lacking = missing(session, study_id)
    if lacking:
        what = [InvalidRecord(one.text, one.fact, **one.values) for one in lacking]
        raise StudyNotReady(
            f"study '{row.slug}' cannot open yet: {'; '.join(one.text for one in lacking)}.",
            "not_ready",
            name=row.name,
            what=what,
        )
    row.state, row.frozen_at = "open", now
    session.flush()
    return study_record(session, row)


def missing(session: Session, study_id: int) -> list[Lack]:
    """What has to be mended before the study can open. Raises UnknownStudy."""
    return what_is_missing(study_record(session, study_row(session, study_id)), stock(session, study_id))


def what_is_missing(study: Study, held: Stock) -> list[Lack]:
    """What has to be mended before the study can open, as parts of a sentence. Pure."""
    lacking: list[Lack] = []
    if not held.items:
        lacking.append(Lack("it has no outputs", "lacks_outputs"))
    if held.incomplete:
        item, language, systems = held.incomplete[0]
        text = (
            f"{len(held.incomplete)} items lack outputs of some systems, first {item!r} in {language}, which has none of "
            f"{', '.join(systems)}"
        )
        values = {"count": len(held.incomplete), "item": item, "language": language, "systems": systems}
        lacking.append(Lack(text, "lacks_systems", values))
    unchecked = sorted(set(held.items) - set(held.degraded) - set(held.repeats))
    if study.check_every is not None and unchecked:
        text = f"attention checks are planned and not made for {', '.join(unchecked)}"
        lacking.append(Lack(text, "lacks_checks", {"languages": unchecked}))
    if study.preferences and held.items and len(held.systems) < 2:
        lacking.append(Lack("raters are to compare answers and there is one system only", "lacks_systems_to_compare"))
    if study.balance_groups and held.items and not held.groups:
        lacking.append(Lack("raters are to get a share of every group and no item has a group", "lacks_groups"))
    untaught = uncovered(study.qualification, list(held.items)) if study.qualification else []
    if untaught:
        text = f"practice and test have no exercise in {', '.join(untaught)}"
        lacking.append(Lack(text, "lacks_exercises", {"languages": untaught}))
    return lacking


def set_state(session: Session, now: datetime, study_id: int, state: StudyState) -> Study:
    """Opens, closes or withdraws a study. A frozen one is never a draft again, and withdrawal is for good.

    "open" here does not freeze: a collection like Explore's stays open to new outputs and to raters without invitation.
    Studies for publication open with `open_study`. Where a study may stop early, its end is its last look.

    Raises UnknownStudy, InvalidRecord, StudyClosed.
    """
    if state not in STUDY_STATES:
        raise InvalidRecord(f"the study's state is {state!r}; allowed are {', '.join(STUDY_STATES)}.")
    row = study_row(session, study_id, lock=True)
    if row.state == "withdrawn" and state != "withdrawn":
        raise StudyClosed(
            f"study '{row.slug}' was withdrawn, which is for good; make a new study.", "withdrawn", name=row.name
        )
    if state == "draft":
        refuse_frozen(row, "cannot become a draft again")
    if state == "open" and row.published_at is not None:
        raise StudyClosed(
            f"study '{row.slug}' was published, so its raters could see which system wrote what; it cannot open again. "
            "Clone it for another round.",
            "published_stays",
            name=row.name,
        )
    if state in ("closed", "withdrawn"):
        row.closed_at = row.closed_at or now
        look_at_end(session, now, row)
    else:
        row.closed_at = None
    row.state = state
    session.flush()
    return study_record(session, row)


def publish(session: Session, now: datetime, study_id: int, name: str) -> Study:
    """Opens the results of a closed study to everybody, without comments and times (`annotation.publication`).

    `name` confirms it: the study's name or slug, typed. Closing alone publishes nothing, and a published study never
    opens again, because its results name the systems. Raises UnknownStudy, InvalidRecord, StudyClosed.
    """
    row = study_row(session, study_id, lock=True)
    if name.strip() not in (row.name, row.slug):
        raise InvalidRecord(
            f"to publish the results, type the study's name, {row.name!r}; seen was {name!r}.",
            "type_name",
            name=row.name,
        )
    if row.state != "closed":
        raise StudyClosed(
            f"study '{row.slug}' is {row.state}; close it before its results are published.",
            "close_first",
            name=row.name,
        )
    row.published_at, row.unpublished_at = row.published_at or now, None
    session.flush()
    return study_record(session, row)


def unpublish(session: Session, now: datetime, study_id: int) -> Study:
    """Takes the results of a study back. Who has copies keeps them, so the study still never opens again.

    Raises UnknownStudy, InvalidRecord for a study that was not published.
    """
    row = study_row(session, study_id, lock=True)
    if row.published_at is None:
        raise InvalidRecord(
            f"study '{row.slug}' was not published; there is nothing to take back.", "not_published", name=row.name
        )
    row.unpublished_at = row.unpublished_at or now
    session.flush()
    return study_record(session, row)


def clone(session: Session, now: datetime, study_id: int, slug: str, name: str) -> Study:
    """A draft with the design, criteria, items and outputs of another study, and nothing of its raters.

    The seed is new, so that orders are drawn anew. Raises UnknownStudy, InvalidRecord.
    """
    study = study_record(session, study_row(session, study_id))
    values = {field.name: getattr(study, field.name) for field in fields(NewStudy) if hasattr(study, field.name)}
    new = create_draft(
        session, now, NewStudy(**(values | {"slug": slug, "name": name, "state": "draft", "seed": None}))
    )
    outputs = [
        NewOutput(
            item_key=one.item_key,
            item_language=one.item_language,
            source_text=one.source_text,
            task=one.task if one.task != study.task else "",
            system=one.system,
            language=one.language,
            text=one.text,
            provenance=one.provenance,
            reference=one.reference,
            context=one.context,
            group=one.group,
        )
        for one in output_records(session, study_id)
    ]
    add_outputs(session, now, new.id, outputs)
    return new


def stock(session: Session, study_id: int) -> Stock:
    """What the study holds. Raises UnknownStudy."""
    study_row(session, study_id)
    rows = session.execute(
        select(ItemRow.key, ItemRow.kind, OutputRow.language, SystemRow.key.label("system"), ItemRow.group)
        .join(OutputRow, OutputRow.item_id == ItemRow.id)
        .join(SystemRow, SystemRow.id == OutputRow.system_id)
        .where(ItemRow.study_id == study_id)
        .order_by(ItemRow.id)
    ).all()
    there: dict[tuple[str, str], set[str]] = defaultdict(set)
    checks: dict[str, dict[str, set[str]]] = {"degraded": defaultdict(set), "repeat": defaultdict(set)}
    groups: dict[str, str] = {}
    for key, kind, language, system, group in rows:
        if kind == "normal":
            there[key, language].add(system)
            groups[key] = group or ""
        else:
            checks[kind][language].add(key)
    systems = sorted({system for group in there.values() for system in group})
    languages = sorted({language for _, language in there})
    return Stock(
        systems=tuple(systems),
        items={one: sum(language == one for _, language in there) for one in languages},
        incomplete=tuple(
            (key, language, tuple(sorted(set(systems) - group)))
            for (key, language), group in there.items()
            if group != set(systems)
        ),
        degraded={language: len(keys) for language, keys in sorted(checks["degraded"].items())},
        repeats={language: len(keys) for language, keys in sorted(checks["repeat"].items())},
        sample=_sample(session, study_id),
        groups=_counts(there, groups) if any(groups.values()) else {},
        distinct=len({key for key, _ in there}),
    )


def _counts(there: Iterable[tuple[str, str]], groups: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Items by group and language of the outputs, those without a group last."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for key, language in there:
        counts[groups[key]][language] += 1
    return {group: dict(sorted(counts[group].items())) for group in sorted(counts, key=lambda one: (one == "", one))}


def _sample(session: Session, study_id: int) -> tuple[tuple[str, str, str], ...]:
    """One spoiled text after the other, ways of spoiling taking turns."""
    original = select(OutputRow.id, OutputRow.text).subquery()
    turn = func.row_number().over(partition_by=OutputRow.degradation, order_by=OutputRow.id).label("turn")
    query = (
        select(OutputRow.degradation, original.c.text.label("was"), OutputRow.text)
        .join(original, original.c.id == OutputRow.original_output_id)
        .join(ItemRow, ItemRow.id == OutputRow.item_id)
        .where(ItemRow.study_id == study_id, OutputRow.degradation.is_not(None))
        .order_by(turn, OutputRow.degradation)
        .limit(SAMPLE_SIZE)
    )
    return tuple((how, was, text) for how, was, text in session.execute(query))
