"""Groups of items, and whether each rater gets a share of every group."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Adds two columns; every row of 0011 stays and means what it meant: items have no groups, and nothing is balanced by them."""
    # As in 0003: SQLite re-creates the tables, so that their SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("balance_groups", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("item", recreate=recreate) as batch:
        batch.add_column(sa.Column("item_group", sa.Text(), nullable=True))


def downgrade() -> None:
    """Not offered: groups would be lost. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0012")
