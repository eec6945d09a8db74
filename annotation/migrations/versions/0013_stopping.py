"""Early stopping: looks that a design plans, and those that were taken."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Adds two columns; every row of 0012 stays and means what it meant: nothing is looked at before the end."""
    # As in 0003: SQLite re-creates the table, so that its SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("stopping", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("looks", sa.JSON(), server_default="[]", nullable=False))


def downgrade() -> None:
    """Not offered: a running study would go on rating what is decided. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0013")
