"""The tables.

What the database itself promises: one rating per (rater, output, criterion), a whole number from 0 to 100 or none at all; one
assignment per rater and item; at most one holder of each of the k slots of an item and language
(`uq_assignment_place`: the k + 1st rater would need a slot number that is used or that the code does not
hand out); one receipt per submission id; one preference per (rater, item, question). `rating_history` and `preference_history` are only
ever inserted into. Raters have no name and
no address, and their token only as a hash.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from annotation.database.base import Base, one_of
from annotation.vocabulary import ASSIGNMENT_STATES, DEGRADATIONS, ITEM_KINDS, PROFICIENCIES, SKIP_REASONS, STUDY_STATES

WHOLE = "{0} BETWEEN 0 AND 100 AND {0} = CAST({0} AS INTEGER)"  # the comparison refuses 3.5, which SQLite would keep


class StudyRow(Base):
    __tablename__ = "study"
    __table_args__ = (
        UniqueConstraint("slug"),
        CheckConstraint(one_of("state", STUDY_STATES), name="state"),
        CheckConstraint("raters_per_item >= 1", name="raters_per_item"),
        CheckConstraint("lease_minutes >= 1", name="lease_minutes"),
        CheckConstraint("items_per_rater >= 1", name="items_per_rater"),
        CheckConstraint("planned_items >= 1", name="planned_items"),
        CheckConstraint("check_every >= 2", name="check_every"),
        CheckConstraint("repeat_after >= 1", name="repeat_after"),
        CheckConstraint("failed_share >= 0 AND failed_share < 1", name="failed_share"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80))
    name: Mapped[str]
    task: Mapped[str]
    instructions: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    raters_per_item: Mapped[int]
    quotas: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # language -> raters per item instead of that
    lease_minutes: Mapped[int]
    created_at: Mapped[datetime]
    seed: Mapped[int] = mapped_column(server_default="0")  # of what is drawn for the study as a whole
    items_per_rater: Mapped[int | None]  # upper bound, attention checks not counted; NULL: none
    planned_items: Mapped[int | None]  # per language
    target_difference: Mapped[float | None]  # in points of 1 to 5; what the study should be able to show
    check_every: Mapped[int | None]  # one attention check among so many items; NULL: none
    repeat_after: Mapped[int] = mapped_column(server_default="5")  # least distance of a repeat, in positions
    failed_share: Mapped[float] = mapped_column(server_default="0.5")  # a rater fails above this share of failed checks
    published_at: Mapped[datetime | None]  # results were opened to everybody; an act of its own, and it stays
    unpublished_at: Mapped[datetime | None]  # they were taken back; NULL: never, or published again
    consent: Mapped[dict[str, Any] | None]  # {"version": ..., "texts": {tag: text}}; NULL: none is asked
    background: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")  # questions before the first item
    crowd: Mapped[dict[str, Any] | None]  # codes and address of a crowd platform; NULL: raters come by themselves
    qualification: Mapped[dict[str, Any] | None]  # exercises, pass mark and tries before the first item; NULL: none
    materials: Mapped[list[str]] = mapped_column(server_default="[]")  # what raters see beside the source text
    preferences: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")  # what answers are compared on
    error_spans: Mapped[bool] = mapped_column(server_default=false())  # whether raters mark errors in outputs
    balance_groups: Mapped[bool] = mapped_column(
        server_default=false()
    )  # whether each rater gets a share of every group
    stopping: Mapped[dict[str, Any] | None]  # looks before all ratings are there, see `annotation.stopping`; NULL: none
    looks: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")  # those that were taken
    frozen_at: Mapped[datetime | None]  # set once, when it opens; then nothing of the design changes
    closed_at: Mapped[datetime | None]


class CriterionRow(Base):
    __tablename__ = "criterion"
    __table_args__ = (
        UniqueConstraint("study_id", "key"),
        UniqueConstraint("study_id", "place"),
        CheckConstraint("length(key) >= 1", name="key"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    key: Mapped[str] = mapped_column(String(32))
    position: Mapped[int] = mapped_column("place")  # order on the page, from 0
    version: Mapped[str]
    question: Mapped[dict[str, Any]]
    anchors: Mapped[dict[str, Any]]
    scale: Mapped[dict[str, Any] | None]  # {"low", "high", "not_applicable"}; NULL: 1 to 5
    label: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # by language; empty for the default keys


class SystemRow(Base):
    __tablename__ = "system"
    __table_args__ = (UniqueConstraint("study_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    key: Mapped[str]


class ItemRow(Base):
    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("study_id", "key"),
        CheckConstraint(one_of("kind", ITEM_KINDS), name="kind"),
        CheckConstraint("kind = 'normal' OR original_item_id IS NOT NULL", name="check_has_original"),
        Index(None, "original_item_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    key: Mapped[str]
    language: Mapped[str]
    source_text: Mapped[str]
    task: Mapped[str]
    reference: Mapped[str | None]
    context: Mapped[str | None]  # of the document that the source text stands in
    group: Mapped[str | None] = mapped_column("item_group")  # such as its domain
    kind: Mapped[str] = mapped_column(String(16), server_default="normal")
    original_item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"))
    expected: Mapped[dict[str, Any] | None]  # of an attention check: see `attention`


class OutputRow(Base):
    __tablename__ = "output"
    __table_args__ = (
        UniqueConstraint("item_id", "system_id", "language"),
        CheckConstraint(one_of("degradation", DEGRADATIONS), name="degradation"),
        Index(None, "system_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    system_id: Mapped[int] = mapped_column(ForeignKey("system.id"))
    language: Mapped[str]
    text: Mapped[str]
    provenance: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    original_output_id: Mapped[int | None] = mapped_column(ForeignKey("output.id"))
    degradation: Mapped[str | None] = mapped_column(String(16))


class InvitationRow(Base):
    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("token_sha256"),
        CheckConstraint("length(token_sha256) = 64", name="token_sha256"),
        CheckConstraint("max_uses >= 1", name="max_uses"),
        CheckConstraint("uses >= 0 AND (max_uses IS NULL OR uses <= max_uses)", name="uses"),
        Index(None, "study_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    token_sha256: Mapped[str] = mapped_column(String(64))
    language: Mapped[str]
    max_uses: Mapped[int | None]
    uses: Mapped[int]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class RaterRow(Base):
    __tablename__ = "rater"
    __table_args__ = (
        UniqueConstraint("study_id", "pseudonym"),
        UniqueConstraint("token_sha256"),
        CheckConstraint("length(token_sha256) = 64", name="token_sha256"),
        UniqueConstraint("study_id", "participant", name="uq_rater_participant"),
        CheckConstraint(one_of("proficiency", PROFICIENCIES), name="proficiency"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    pseudonym: Mapped[str] = mapped_column(String(32))
    token_sha256: Mapped[str] = mapped_column(String(64))
    language: Mapped[str]
    seed: Mapped[int]  # 31 bits; her order of items and of systems follows from it
    created_at: Mapped[datetime]
    tombstoned_at: Mapped[datetime | None]
    tombstone: Mapped[dict[str, Any] | None]  # counts of what was deleted
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitation.id"))
    proficiency: Mapped[str | None] = mapped_column(String(16))  # as she rates herself
    participant: Mapped[str | None]  # external id of a crowd platform, one rater each
    consent_version: Mapped[str | None]
    consented_at: Mapped[datetime | None]
    background: Mapped[dict[str, Any] | None]  # question key -> answer
    screened_out_at: Mapped[datetime | None]
    qualification: Mapped[dict[str, Any] | None]  # what she practised and her tries of the test; no ratings
    excluded_at: Mapped[datetime | None]  # from results, by the organiser; her data stays
    exclusion_reason: Mapped[str | None]


class AssignmentRow(Base):
    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("rater_id", "item_id"),
        UniqueConstraint("rater_id", "position"),
        UniqueConstraint("item_id", "language", "place", name="uq_assignment_place"),
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("place >= 1", name="place"),
        CheckConstraint("seconds >= 0", name="seconds"),
        CheckConstraint(one_of("state", ASSIGNMENT_STATES), name="state"),
        CheckConstraint("state <> 'done' OR place IS NOT NULL", name="done_holds_place"),
        Index(None, "state", "lease_expires_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    language: Mapped[str]  # of the outputs she rates
    position: Mapped[int]
    slot: Mapped[int | None] = mapped_column(
        "place"
    )  # 1..raters_per_item while the item is held by her; NULL when it was returned
    system_order: Mapped[list[int]]  # output ids as shown
    state: Mapped[str] = mapped_column(String(16))
    lease_expires_at: Mapped[datetime | None]
    first_shown_at: Mapped[datetime]
    seconds: Mapped[float]
    revision: Mapped[int]
    comment: Mapped[str | None]


class SubmissionRow(Base):
    __tablename__ = "submission"
    __table_args__ = (
        CheckConstraint("length(content_sha256) = 64", name="content_sha256"),
        Index(None, "assignment_id"),
        Index(None, "rater_id"),
    )
    submission_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id"))
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"))
    content_sha256: Mapped[str] = mapped_column(String(64))  # tells a retry from a second use of the id
    comment: Mapped[str | None]
    seconds: Mapped[float]
    revision: Mapped[int]
    received_at: Mapped[datetime]


class RatingRow(Base):
    __tablename__ = "rating"
    __table_args__ = (
        UniqueConstraint("rater_id", "output_id", "criterion_id"),
        CheckConstraint(WHOLE.format("value"), name="value"),
        CheckConstraint("revision >= 1", name="revision"),
        Index(None, "output_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id"))
    output_id: Mapped[int] = mapped_column(ForeignKey("output.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    value: Mapped[int | None]  # NULL: "not applicable"
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.submission_id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RatingHistoryRow(Base):
    __tablename__ = "rating_history"
    __table_args__ = (
        UniqueConstraint("rating_id", "revision"),
        CheckConstraint(WHOLE.format("value"), name="value"),
        CheckConstraint(WHOLE.format("old_value"), name="old_value"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    rating_id: Mapped[int] = mapped_column(ForeignKey("rating.id"))
    old_value: Mapped[int | None]
    value: Mapped[int | None]  # NULL: "not applicable"
    revision: Mapped[int]
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.submission_id"))
    recorded_at: Mapped[datetime]


class PreferenceRow(Base):
    __tablename__ = "preference"
    __table_args__ = (
        UniqueConstraint("rater_id", "item_id", "question"),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("length(question) >= 1", name="question"),
        Index(None, "item_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    question: Mapped[str] = mapped_column(String(32))
    output_ids: Mapped[list[int]]  # as shown
    ranks: Mapped[list[int]]  # in the same order: 1 the best, equal ranks are ties
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.submission_id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PreferenceHistoryRow(Base):
    __tablename__ = "preference_history"
    __table_args__ = (UniqueConstraint("preference_id", "revision"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    preference_id: Mapped[int] = mapped_column(ForeignKey("preference.id"))
    old_ranks: Mapped[list[int] | None]  # NULL: the first
    ranks: Mapped[list[int]]
    revision: Mapped[int]
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.submission_id"))
    recorded_at: Mapped[datetime]


class SkipRow(Base):
    __tablename__ = "skip"
    __table_args__ = (
        CheckConstraint(one_of("reason", SKIP_REASONS), name="reason"),
        UniqueConstraint("submission_id"),
        Index(None, "assignment_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"))
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.submission_id"))
    reason: Mapped[str] = mapped_column(String(32))
    comment: Mapped[str | None]
    created_at: Mapped[datetime]
