"""References and document context that raters see where the design says so."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds two columns; every row of 0004 stays and means what it meant: nothing is shown beside the source text."""
    # As in 0003: SQLite re-creates the tables, so that their SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("materials", sa.JSON(), server_default="[]", nullable=False))
    with op.batch_alter_table("item", recreate=recreate) as batch:
        batch.add_column(sa.Column("context", sa.Text(), nullable=True))


def downgrade() -> None:
    """Not offered: raters of an open study would see other things than before. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0005")
