"""Study design, attention checks, invitations, tombstones; criteria beyond the default three.

SQLite re-creates each altered table (foreign keys are off meanwhile, see `migrate`). CHECK constraints stand
here by hand as well as in `models`: autogenerate never compares them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds columns and constraints; every row of 0001 stays and means what it meant."""
    _widen_study()
    _widen_what_is_rated()
    _create_invitation()
    _widen_rater()


def _widen_study() -> None:
    with op.batch_alter_table("study") as batch:
        batch.add_column(sa.Column("seed", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("items_per_rater", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("planned_items", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("target_difference", sa.Double(), nullable=True))
        batch.add_column(sa.Column("check_every", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("repeat_after", sa.Integer(), server_default="5", nullable=False))
        batch.add_column(sa.Column("failed_share", sa.Double(), server_default="0.5", nullable=False))
        batch.add_column(sa.Column("frozen_at", _TIME, nullable=True))
        batch.add_column(sa.Column("closed_at", _TIME, nullable=True))
        batch.drop_constraint(op.f("ck_study_state"), type_="check")
        batch.create_check_constraint(op.f("ck_study_state"), "state IN ('draft', 'open', 'closed', 'withdrawn')")
        batch.create_check_constraint(op.f("ck_study_items_per_rater"), "items_per_rater >= 1")
        batch.create_check_constraint(op.f("ck_study_planned_items"), "planned_items >= 1")
        batch.create_check_constraint(op.f("ck_study_check_every"), "check_every >= 2")
        batch.create_check_constraint(op.f("ck_study_repeat_after"), "repeat_after >= 1")
        batch.create_check_constraint(op.f("ck_study_failed_share"), "failed_share >= 0 AND failed_share < 1")
    with op.batch_alter_table("criterion") as batch:
        batch.add_column(sa.Column("label", sa.JSON(), server_default="{}", nullable=False))
        batch.drop_constraint(op.f("ck_criterion_key"), type_="check")
        batch.create_check_constraint(op.f("ck_criterion_key"), "length(key) >= 1")


def _widen_what_is_rated() -> None:
    with op.batch_alter_table("item") as batch:
        batch.add_column(sa.Column("kind", sa.String(length=16), server_default="normal", nullable=False))
        batch.add_column(sa.Column("original_item_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("expected", sa.JSON(), nullable=True))
        batch.create_foreign_key("fk_item_original_item_id", "item", ["original_item_id"], ["id"])
        batch.create_check_constraint(op.f("ck_item_kind"), "kind IN ('normal', 'degraded', 'repeat')")
        batch.create_check_constraint(
            op.f("ck_item_check_has_original"), "kind = 'normal' OR original_item_id IS NOT NULL"
        )
        batch.create_index("ix_item_original_item_id", ["original_item_id"], unique=False)
    with op.batch_alter_table("output") as batch:
        batch.add_column(sa.Column("original_output_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("degradation", sa.String(length=16), nullable=True))
        batch.create_foreign_key("fk_output_original_output_id", "output", ["original_output_id"], ["id"])
        batch.create_check_constraint(
            op.f("ck_output_degradation"), "degradation IN ('shuffled', 'truncated', 'foreign')"
        )


def _create_invitation() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("length(token_sha256) = 64", name=op.f("ck_invitation_token_sha256")),
        sa.CheckConstraint("max_uses >= 1", name=op.f("ck_invitation_max_uses")),
        sa.CheckConstraint("uses >= 0 AND (max_uses IS NULL OR uses <= max_uses)", name=op.f("ck_invitation_uses")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_invitation_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("token_sha256", name="uq_invitation_token_sha256"),
    )
    op.create_index("ix_invitation_study_id", "invitation", ["study_id"], unique=False)


def _widen_rater() -> None:
    with op.batch_alter_table("rater") as batch:
        batch.add_column(sa.Column("tombstone", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("invitation_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("proficiency", sa.String(length=16), nullable=True))
        batch.create_foreign_key("fk_rater_invitation_id", "invitation", ["invitation_id"], ["id"])
        batch.create_check_constraint(
            op.f("ck_rater_proficiency"), "proficiency IN ('native', 'fluent', 'good', 'basic')"
        )


def downgrade() -> None:
    """Not offered: attention checks and invitations would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0002")
