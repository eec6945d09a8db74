"""How many raters an item needs, by language, where that differs from the rest of the study."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Adds a column; every row of 0010 stays and means what it meant: all languages need as many raters."""
    # As in 0003: SQLite re-creates the table, so that its SQL is that of the tables.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("study", recreate=recreate) as batch:
        batch.add_column(sa.Column("quotas", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Not offered: items would need other numbers of raters than planned. Restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup that was made before the upgrade to 0011")
