"""Error spans: whether a study asks for them, what raters marked in outputs, and its history."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds a column and two tables; every row of 0009 stays and means what it meant: no errors are marked."""
    # As in 0003: SQLite re-creates the table, so that its SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("error_spans", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "marking",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marking")),
        sa.UniqueConstraint("rater_id", "output_id", name=op.f("uq_marking_rater_id_output_id")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_marking_revision")),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name=op.f("fk_marking_rater_id")),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name=op.f("fk_marking_output_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.submission_id"], name=op.f("fk_marking_submission_id")),
    )
    op.create_index(op.f("ix_marking_output_id"), "marking", ["output_id"])
    op.create_table(
        "marking_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("marking_id", sa.Integer(), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marking_history")),
        sa.UniqueConstraint("marking_id", "revision", name=op.f("uq_marking_history_marking_id_revision")),
        sa.ForeignKeyConstraint(["marking_id"], ["marking.id"], name=op.f("fk_marking_history_marking_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.submission_id"], name=op.f("fk_marking_history_submission_id")
        ),
    )


def downgrade() -> None:
    """Not offered: marked errors would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0010")
