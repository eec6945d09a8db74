"""Preferences: what answers are compared on, a rater's order of an item's answers on each question, and its history."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds a column and two tables; every row of 0007 stays and means what it meant: no answers are compared."""
    # As in 0003: SQLite re-creates the table, so that its SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("preferences", sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "preference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(length=32), nullable=False),
        sa.Column("output_ids", sa.JSON(), nullable=False),
        sa.Column("ranks", sa.JSON(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preference")),
        sa.UniqueConstraint("rater_id", "item_id", "question", name=op.f("uq_preference_rater_id_item_id_question")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_preference_revision")),
        sa.CheckConstraint("length(question) >= 1", name=op.f("ck_preference_question")),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name=op.f("fk_preference_rater_id")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_preference_item_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.submission_id"], name=op.f("fk_preference_submission_id")
        ),
    )
    op.create_index(op.f("ix_preference_item_id"), "preference", ["item_id"])
    op.create_table(
        "preference_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("preference_id", sa.Integer(), nullable=False),
        sa.Column("old_ranks", sa.JSON(), nullable=True),
        sa.Column("ranks", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preference_history")),
        sa.UniqueConstraint("preference_id", "revision", name=op.f("uq_preference_history_preference_id_revision")),
        sa.ForeignKeyConstraint(["preference_id"], ["preference.id"], name=op.f("fk_preference_history_preference_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submission.submission_id"],
            name=op.f("fk_preference_history_submission_id"),
        ),
    )


def downgrade() -> None:
    """Not offered: preferences would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0008")
