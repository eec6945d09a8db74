"""Models that grade the outputs of a study, and what they gave; never ratings."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Adds two tables; nothing of 0008 is touched."""
    op.create_table(
        "judge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("prompt_version", sa.String(length=32), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_judge_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_judge"),
        sa.UniqueConstraint("study_id", "model", "fingerprint", "prompt_version", name="uq_judge_identity"),
    )
    op.create_table(
        "judge_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("judge_id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("criterion_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("prompt_sha256", sa.String(length=64), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "value BETWEEN 0 AND 100 AND value = CAST(value AS INTEGER)", name=op.f("ck_judge_score_value")
        ),
        sa.CheckConstraint("(value IS NULL) = (expected IS NULL)", name=op.f("ck_judge_score_expected")),
        sa.CheckConstraint("length(prompt_sha256) = 64", name=op.f("ck_judge_score_prompt_sha256")),
        sa.ForeignKeyConstraint(["judge_id"], ["judge.id"], name="fk_judge_score_judge_id"),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name="fk_judge_score_output_id"),
        sa.ForeignKeyConstraint(["criterion_id"], ["criterion.id"], name="fk_judge_score_criterion_id"),
        sa.PrimaryKeyConstraint("id", name="pk_judge_score"),
        sa.UniqueConstraint(
            "judge_id", "output_id", "criterion_id", name="uq_judge_score_judge_id_output_id_criterion_id"
        ),
    )
    op.create_index("ix_judge_score_output_id", "judge_score", ["output_id"])


def downgrade() -> None:
    """Not offered: scores would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0009")
