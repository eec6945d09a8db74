"""Alembic environment, run only by `annotation.database.migrate`, which hands over a connection inside a transaction.

`render_as_batch` because SQLite cannot alter a table; foreign keys are off meanwhile (see `migrate`). A new
revision: copy the newest file in versions/, and add CHECK constraints by hand, because autogenerate does not
see them.
"""

from alembic import context

from annotation.database.migrate import VERSION_TABLE
from annotation.database.tables import StudyRow

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=StudyRow.metadata,
    render_as_batch=True,
    compare_server_default=True,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
