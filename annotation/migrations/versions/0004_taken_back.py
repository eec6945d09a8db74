"""When the results of a published study were taken back; that it was published once stays."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds one column; every row of 0003 stays and means what it meant."""
    # As in 0003: SQLite re-creates the table, so that its SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("unpublished_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Not offered: a study that was published could open again. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0004")
