"""Publication, consent and background, crowd ids and codes, exclusion of raters, scales by criterion.

CHECK constraints stand here by hand as well as in `tables`: autogenerate never compares them.
"""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TIME = sa.DateTime(timezone=True)
_WHOLE = "value BETWEEN 0 AND 100 AND value = CAST(value AS INTEGER)"
_WHOLE_OLD = "old_value BETWEEN 0 AND 100 AND old_value = CAST(old_value AS INTEGER)"


def upgrade() -> None:
    """Adds columns and widens the scale; every row of 0002 stays and means what it meant."""
    # SQLite re-creates a table to be altered as the tables say; PostgreSQL alters it, and its keys hold it in place.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("published_at", _TIME, nullable=True))
        batch.add_column(sa.Column("consent", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("background", sa.JSON(), server_default="[]", nullable=False))
        batch.add_column(sa.Column("crowd", sa.JSON(), nullable=True))
    with op.batch_alter_table("criterion", recreate=recreate) as batch:
        batch.add_column(sa.Column("scale", sa.JSON(), nullable=True))
    with op.batch_alter_table("rater") as batch:
        batch.add_column(sa.Column("participant", sa.Text(), nullable=True))
        batch.add_column(sa.Column("consent_version", sa.Text(), nullable=True))
        batch.add_column(sa.Column("consented_at", _TIME, nullable=True))
        batch.add_column(sa.Column("background", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("screened_out_at", _TIME, nullable=True))
        batch.add_column(sa.Column("excluded_at", _TIME, nullable=True))
        batch.add_column(sa.Column("exclusion_reason", sa.Text(), nullable=True))
        batch.create_unique_constraint("uq_rater_participant", ["study_id", "participant"])
    with op.batch_alter_table("rating") as batch:
        batch.alter_column("value", existing_type=sa.Integer(), nullable=True)
        batch.drop_constraint(op.f("ck_rating_value"), type_="check")
        batch.create_check_constraint(op.f("ck_rating_value"), _WHOLE)
    with op.batch_alter_table("rating_history") as batch:
        batch.alter_column("value", existing_type=sa.Integer(), nullable=True)
        batch.drop_constraint(op.f("ck_rating_history_value"), type_="check")
        batch.create_check_constraint(op.f("ck_rating_history_value"), _WHOLE)
        batch.drop_constraint(op.f("ck_rating_history_old_value"), type_="check")
        batch.create_check_constraint(op.f("ck_rating_history_old_value"), _WHOLE_OLD)


def downgrade() -> None:
    """Not offered: consent and crowd ids would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0003")
