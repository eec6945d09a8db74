"""The tables of adjudication: who decides, which items, what she decided, and every value before. None of it is a rating.

As for ratings the database itself promises one value per (adjudicator, output, criterion), one order per case and question, one
marking per output, one receipt per submission id, and histories that are only ever inserted into.
"""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from annotation.database.base import Base
from annotation.database.span_tables import Stored
from annotation.database.tables import WHOLE


class AdjudicatorRow(Base):
    """Who decides."""

    __tablename__ = "adjudicator"
    __table_args__ = (
        UniqueConstraint("study_id", "name"),
        UniqueConstraint("token_sha256"),
        CheckConstraint("length(token_sha256) = 64", name="token_sha256"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    name: Mapped[str] = mapped_column(String(80))  # a name or role; after her removal a made-up one
    token_sha256: Mapped[str] = mapped_column(String(64))
    seed: Mapped[int]  # 31 bits; the order in which she sees systems follows from it
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    copies_gone_at: Mapped[datetime | None]  # of a removed one: no backup holds her values any more


class AdjudicationCaseRow(Base):
    """One item in one language of outputs, chosen for one adjudicator."""

    __tablename__ = "adjudication_case"
    __table_args__ = (
        UniqueConstraint("adjudicator_id", "item_id", "language"),
        UniqueConstraint("adjudicator_id", "position"),
        CheckConstraint("position >= 1", name="position"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    adjudicator_id: Mapped[int] = mapped_column(ForeignKey("adjudicator.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    language: Mapped[str]  # of the outputs
    position: Mapped[int]
    system_order: Mapped[list[int]]  # output ids as shown
    revision: Mapped[int]  # 0: not decided yet
    reason: Mapped[str | None]
    created_at: Mapped[datetime]


class AdjudicationSubmissionRow(Base):
    """The receipt of one press of the button."""

    __tablename__ = "adjudication_submission"
    __table_args__ = (
        CheckConstraint("length(content_sha256) = 64", name="content_sha256"),
        Index(None, "case_id"),
    )
    submission_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("adjudication_case.id"))
    content_sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None]
    revision: Mapped[int]
    received_at: Mapped[datetime]


class AdjudicationRow(Base):
    """One decided value as it stands."""

    __tablename__ = "adjudication"
    __table_args__ = (
        UniqueConstraint("adjudicator_id", "output_id", "criterion_id"),
        CheckConstraint(WHOLE.format("value"), name="value"),
        CheckConstraint("revision >= 1", name="revision"),
        Index(None, "output_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    adjudicator_id: Mapped[int] = mapped_column(ForeignKey("adjudicator.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("adjudication_case.id"))
    output_id: Mapped[int] = mapped_column(ForeignKey("output.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    value: Mapped[int | None]  # NULL: "not applicable"
    submission_id: Mapped[str] = mapped_column(ForeignKey("adjudication_submission.submission_id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AdjudicationHistoryRow(Base):
    """Every value that was ever accepted."""

    __tablename__ = "adjudication_history"
    __table_args__ = (
        UniqueConstraint("adjudication_id", "revision"),
        CheckConstraint(WHOLE.format("value"), name="value"),
        CheckConstraint(WHOLE.format("old_value"), name="old_value"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    adjudication_id: Mapped[int] = mapped_column(ForeignKey("adjudication.id"))
    old_value: Mapped[int | None]
    value: Mapped[int | None]
    revision: Mapped[int]
    submission_id: Mapped[str] = mapped_column(ForeignKey("adjudication_submission.submission_id"))
    recorded_at: Mapped[datetime]


class AdjudicatedOrderRow(Base):
    """The order of a case's answers on one question, as it stands."""

    __tablename__ = "adjudicated_order"
    __table_args__ = (
        UniqueConstraint("adjudicator_id", "case_id", "question"),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("length(question) >= 1", name="question"),
        Index(None, "case_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    adjudicator_id: Mapped[int] = mapped_column(ForeignKey("adjudicator.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("adjudication_case.id"))
    question: Mapped[str] = mapped_column(String(32))
    ranks: Mapped[list[int]]  # in the case's order of systems
    submission_id: Mapped[str] = mapped_column(ForeignKey("adjudication_submission.submission_id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AdjudicatedOrderHistoryRow(Base):
    """Every order that was ever accepted."""

    __tablename__ = "adjudicated_order_history"
    __table_args__ = (UniqueConstraint("order_id", "revision"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("adjudicated_order.id"))
    ranks: Mapped[list[int]]
    revision: Mapped[int]
    submission_id: Mapped[str] = mapped_column(ForeignKey("adjudication_submission.submission_id"))
    recorded_at: Mapped[datetime]


class AdjudicatedMarkingRow(Base):
    """The errors of one output as an adjudicator marked them; an empty list: none."""

    __tablename__ = "adjudicated_marking"
    __table_args__ = (
        UniqueConstraint("adjudicator_id", "output_id"),
        CheckConstraint("revision >= 1", name="revision"),
        Index(None, "output_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    adjudicator_id: Mapped[int] = mapped_column(ForeignKey("adjudicator.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("adjudication_case.id"))
    output_id: Mapped[int] = mapped_column(ForeignKey("output.id"))
    spans: Mapped[Stored] = mapped_column(JSON)
    submission_id: Mapped[str] = mapped_column(ForeignKey("adjudication_submission.submission_id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AdjudicatedMarkingHistoryRow(Base):
    """Every marking that was ever accepted."""

    __tablename__ = "adjudicated_marking_history"
    __table_args__ = (UniqueConstraint("marking_id", "revision"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    marking_id: Mapped[int] = mapped_column(ForeignKey("adjudicated_marking.id"))
    spans: Mapped[Stored] = mapped_column(JSON)
    revision: Mapped[int]
    submission_id: Mapped[str] = mapped_column(ForeignKey("adjudication_submission.submission_id"))
    recorded_at: Mapped[datetime]
