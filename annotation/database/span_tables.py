"""The tables of error spans: what a rater marked in an output, and everything that she marked before. None of it is a rating.

The database itself promises one marking per (rater, output); `marking_history` is only ever inserted into.
"""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from annotation.database.base import Base

Stored = list[list[int | str]]  # [[start, end, severity], ...], by start


class MarkingRow(Base):
    """The errors that a rater marked in one output; an empty list: none."""

    __tablename__ = "marking"
    __table_args__ = (
        UniqueConstraint("rater_id", "output_id"),
        CheckConstraint("revision >= 1", name="revision"),
        Index(None, "output_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id"))
    output_id: Mapped[int] = mapped_column(ForeignKey("output.id"))
    spans: Mapped[Stored] = mapped_column(JSON)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.submission_id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class MarkingHistoryRow(Base):
    """One accepted marking."""

    __tablename__ = "marking_history"
    __table_args__ = (UniqueConstraint("marking_id", "revision"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    marking_id: Mapped[int] = mapped_column(ForeignKey("marking.id"))
    spans: Mapped[Stored] = mapped_column(JSON)
    revision: Mapped[int]
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.submission_id"))
    recorded_at: Mapped[datetime]
