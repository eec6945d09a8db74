"""Practice and a qualification test before the first item, and how each rater did."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds two columns; every row of 0005 stays and means what it meant: nothing comes before the first item."""
    # As in 0003: SQLite re-creates the tables, so that their SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("qualification", sa.JSON(), nullable=True))
    with op.batch_alter_table("rater", recreate=recreate) as batch:
        batch.add_column(sa.Column("qualification", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Not offered: who passed would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0006")
