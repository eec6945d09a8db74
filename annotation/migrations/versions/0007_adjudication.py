"""Adjudication: who decides, which items, what she decided, and every value before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
WHOLE = "{0} BETWEEN 0 AND 100 AND {0} = CAST({0} AS INTEGER)"


def upgrade() -> None:
    """Adds five tables; nothing of 0006 is touched."""
    _create_cases()
    _create_values()


def _create_cases() -> None:
    op.create_table(
        "adjudicator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("copies_gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(token_sha256) = 64", name=op.f("ck_adjudicator_token_sha256")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_adjudicator_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adjudicator"),
        sa.UniqueConstraint("study_id", "name", name="uq_adjudicator_study_id_name"),
        sa.UniqueConstraint("token_sha256", name="uq_adjudicator_token_sha256"),
    )
    op.create_table(
        "adjudication_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("adjudicator_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("system_order", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("position >= 1", name=op.f("ck_adjudication_case_position")),
        sa.ForeignKeyConstraint(["adjudicator_id"], ["adjudicator.id"], name="fk_adjudication_case_adjudicator_id"),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_adjudication_case_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adjudication_case"),
        sa.UniqueConstraint(
            "adjudicator_id", "item_id", "language", name="uq_adjudication_case_adjudicator_id_item_id_language"
        ),
        sa.UniqueConstraint("adjudicator_id", "position", name="uq_adjudication_case_adjudicator_id_position"),
    )
    op.create_table(
        "adjudication_submission",
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(content_sha256) = 64", name=op.f("ck_adjudication_submission_content_sha256")),
        sa.ForeignKeyConstraint(["case_id"], ["adjudication_case.id"], name="fk_adjudication_submission_case_id"),
        sa.PrimaryKeyConstraint("submission_id", name="pk_adjudication_submission"),
    )
    op.create_index("ix_adjudication_submission_case_id", "adjudication_submission", ["case_id"])


def _create_values() -> None:
    submission = "adjudication_submission.submission_id"
    op.create_table(
        "adjudication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("adjudicator_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("criterion_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(WHOLE.format("value"), name=op.f("ck_adjudication_value")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_adjudication_revision")),
        sa.ForeignKeyConstraint(["adjudicator_id"], ["adjudicator.id"], name="fk_adjudication_adjudicator_id"),
        sa.ForeignKeyConstraint(["case_id"], ["adjudication_case.id"], name="fk_adjudication_case_id"),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name="fk_adjudication_output_id"),
        sa.ForeignKeyConstraint(["criterion_id"], ["criterion.id"], name="fk_adjudication_criterion_id"),
        sa.ForeignKeyConstraint(["submission_id"], [submission], name="fk_adjudication_submission_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adjudication"),
        sa.UniqueConstraint(
            "adjudicator_id", "output_id", "criterion_id", name="uq_adjudication_adjudicator_id_output_id_criterion_id"
        ),
    )
    op.create_index("ix_adjudication_output_id", "adjudication", ["output_id"])
    op.create_table(
        "adjudication_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("adjudication_id", sa.Integer(), nullable=False),
        sa.Column("old_value", sa.Integer(), nullable=True),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(WHOLE.format("value"), name=op.f("ck_adjudication_history_value")),
        sa.CheckConstraint(WHOLE.format("old_value"), name=op.f("ck_adjudication_history_old_value")),
        sa.ForeignKeyConstraint(
            ["adjudication_id"], ["adjudication.id"], name="fk_adjudication_history_adjudication_id"
        ),
        sa.ForeignKeyConstraint(["submission_id"], [submission], name="fk_adjudication_history_submission_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adjudication_history"),
        sa.UniqueConstraint("adjudication_id", "revision", name="uq_adjudication_history_adjudication_id_revision"),
    )


def downgrade() -> None:
    """Not offered: decisions would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0007")
