"""The tables of models that grade: which model by which prompt, and what it gave. None of it is a rating."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from annotation.database.base import Base
from annotation.database.tables import WHOLE


class JudgeRow(Base):
    """One model with one prompt, in one study."""

    __tablename__ = "judge"
    __table_args__ = (UniqueConstraint("study_id", "model", "fingerprint", "prompt_version", name="uq_judge_identity"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    model: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(String(64))
    prompt_version: Mapped[str] = mapped_column(String(32))
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class JudgeScoreRow(Base):
    """What it gave to one output on one criterion."""

    __tablename__ = "judge_score"
    __table_args__ = (
        UniqueConstraint("judge_id", "output_id", "criterion_id"),
        CheckConstraint(WHOLE.format("value"), name="value"),
        CheckConstraint("(value IS NULL) = (expected IS NULL)", name="expected"),
        CheckConstraint("length(prompt_sha256) = 64", name="prompt_sha256"),
        Index(None, "output_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    judge_id: Mapped[int] = mapped_column(ForeignKey("judge.id"))
    output_id: Mapped[int] = mapped_column(ForeignKey("output.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    value: Mapped[int | None]  # the most probable point; NULL: the prompt was too long for the model
    expected: Mapped[float | None]
    probabilities: Mapped[list[float]]
    prompt_sha256: Mapped[str] = mapped_column(String(64))
    scored_at: Mapped[datetime]
