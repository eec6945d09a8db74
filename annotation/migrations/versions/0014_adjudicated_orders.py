"""What adjudicators decide beside values: orders of answers and marked errors, each with its history."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
SUBMISSION = "adjudication_submission.submission_id"


def upgrade() -> None:
    """Adds four tables; nothing that is there is touched."""
    _answers(
        "adjudicated_order",
        sa.Column("question", sa.String(length=32), nullable=False),
        sa.Column("ranks", sa.JSON(), nullable=False),
        sa.UniqueConstraint(
            "adjudicator_id", "case_id", "question", name="uq_adjudicated_order_adjudicator_id_case_id_question"
        ),
        sa.CheckConstraint("length(question) >= 1", name=op.f("ck_adjudicated_order_question")),
    )
    op.create_index("ix_adjudicated_order_case_id", "adjudicated_order", ["case_id"])
    _history("adjudicated_order", "order_id", sa.Column("ranks", sa.JSON(), nullable=False))
    _answers(
        "adjudicated_marking",
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.UniqueConstraint("adjudicator_id", "output_id", name="uq_adjudicated_marking_adjudicator_id_output_id"),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name="fk_adjudicated_marking_output_id"),
    )
    op.create_index("ix_adjudicated_marking_output_id", "adjudicated_marking", ["output_id"])
    _history("adjudicated_marking", "marking_id", sa.Column("spans", sa.JSON(), nullable=False))


def _answers(table: str, *own: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("adjudicator_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        *own,
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f(f"ck_{table}_revision")),
        sa.ForeignKeyConstraint(["adjudicator_id"], ["adjudicator.id"], name=f"fk_{table}_adjudicator_id"),
        sa.ForeignKeyConstraint(["case_id"], ["adjudication_case.id"], name=f"fk_{table}_case_id"),
        sa.ForeignKeyConstraint(["submission_id"], [SUBMISSION], name=f"fk_{table}_submission_id"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )


def _history(table: str, link: str, answer: sa.Column[object]) -> None:
    op.create_table(
        f"{table}_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(link, sa.Integer(), nullable=False),
        answer,
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint([link], [f"{table}.id"], name=f"fk_{table}_history_{link}"),
        sa.ForeignKeyConstraint(["submission_id"], [SUBMISSION], name=f"fk_{table}_history_submission_id"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}_history"),
        sa.UniqueConstraint(link, "revision", name=f"uq_{table}_history_{link}_revision"),
    )


def downgrade() -> None:
    """Not offered: decisions would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0014")
