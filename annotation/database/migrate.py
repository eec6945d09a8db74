"""Brings the database to the schema of this code: at start, in one transaction, after a checked backup.

Foreign keys are off while migrating. Alembic's batch mode re-creates a table, and with them on, dropping the
old one deletes or blocks its children. They are checked as a whole before the commit.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from annotation.database.engine import Engines, translated_errors
from annotation.database.snapshots import copy_checked
from annotation.database.tables import StudyRow
from annotation.errors import DatabaseTooNew, DatabaseUnavailable

VERSION_TABLE = "annotation_version"
SCRIPTS = Path(__file__).resolve().parents[1] / "migrations"
_ADVISORY_LOCK = 7210412955  # any fixed number: one migration at a time on PostgreSQL


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What was done.

    `old_revision` is None for a database that was empty; `backup` only if there was something to lose.
    """

    old_revision: str | None
    new_revision: str
    backup: Path | None


def alembic_config(scripts: Path = SCRIPTS) -> Config:
    """Alembic's configuration without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return config


def newest(scripts: Path = SCRIPTS) -> str:
    """The revision that `upgrade` leads to. Raises DatabaseUnavailable if `scripts` holds none."""
    head = ScriptDirectory.from_config(alembic_config(scripts)).get_current_head()
    if head is None:
        raise DatabaseUnavailable(f"'{scripts}' holds no migration; install the program again.")
    return head


def upgrade(engines: Engines, scripts: Path = SCRIPTS) -> MigrationReport:
    """Migrates to the newest revision of `scripts`; does nothing if it is there already.

    Raises DatabaseTooNew for a revision this code does not know, DatabaseUnavailable if the tables belong to
    another program, if the backup is not sound, or if the migrated rows break a foreign key. Then the
    database is as before.
    """
    config = alembic_config(scripts)
    directory = ScriptDirectory.from_config(config)
    head = newest(scripts)
    with translated_errors(), engines.writer.connect() as connection:
        driver = connection.connection.driver_connection
        sqlite = driver if isinstance(driver, sqlite3.Connection) else None
        if sqlite is not None:
            sqlite.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction, so it comes first
        try:
            return _upgrade_locked(connection, sqlite, engines.path, config, directory, head)
        finally:
            connection.rollback()  # after a commit this has nothing to undo
            if sqlite is not None:
                sqlite.execute("PRAGMA foreign_keys=ON")


def _upgrade_locked(
    connection: Connection,
    sqlite: sqlite3.Connection | None,
    path: Path | None,
    config: Config,
    directory: ScriptDirectory,
    head: str,
) -> MigrationReport:
    connection.begin()  # BEGIN IMMEDIATE: a second process waits here and then finds the work done
    if sqlite is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    old_revision = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if old_revision == head:
        return MigrationReport(old_revision, head, None)
    _refuse_what_is_not_ours(connection, old_revision, directory, path)
    backup = None
    if old_revision is not None and path is not None:
        # Read through a second connection; our own holds the write lock and has changed nothing yet.
        backup = back_up(path, path.with_name(f"{path.stem}.before-{head}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.db"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if sqlite is not None:
        broken = sqlite.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise DatabaseUnavailable(
                f"migrating to {head} would leave {len(broken)} rows without what they refer to, first in "
                f"table '{broken[0][0]}'; nothing was changed. Restore a backup or report this."
            )
    connection.commit()
    return MigrationReport(old_revision, head, backup)


def _refuse_what_is_not_ours(
    connection: Connection, old_revision: str | None, directory: ScriptDirectory, path: Path | None
) -> None:
    if old_revision is None:
        present = set(inspect(connection).get_table_names())
        foreign = present if path is not None else present & set(StudyRow.metadata.tables)
        if foreign - {VERSION_TABLE}:
            raise DatabaseUnavailable(
                f"the database already holds tables of another program ({', '.join(sorted(foreign)[:5])}); "
                "give a path of its own for the ratings."
            )
        return
    known_revisions = {script.revision for script in directory.walk_revisions()}
    if old_revision not in known_revisions:
        raise DatabaseTooNew(
            f"the database has schema revision '{old_revision}', made by a newer version of this program; this one "
            f"knows up to '{directory.get_current_head()}'. Install the newer version, or restore a backup "
            "from before."
        )


def back_up(path: Path, target: Path) -> Path:
    """Copies a SQLite database by its backup API (never by the file system) and checks the copy.

    Returns `target`. Raises DatabaseUnavailable, and leaves no file, if the copy is not sound or lacks rows.
    """
    try:
        with closing(sqlite3.connect(path, timeout=30)) as source:
            copy_checked(source, target)
            with closing(sqlite3.connect(target)) as copy:
                if _row_counts(source) != _row_counts(copy):
                    raise DatabaseUnavailable(f"the copy '{target}' is not sound (rows lack); nothing was changed.")
    except (sqlite3.Error, OSError, DatabaseUnavailable) as error:
        target.unlink(missing_ok=True)
        if isinstance(error, DatabaseUnavailable):
            raise
        raise DatabaseUnavailable(
            f"no backup could be written to '{target}' ({error}); free space or check rights."
        ) from error
    return target


def _row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    quoted = {name: name.replace('"', '""') for name in names}
    return {name: int(connection.execute(f'SELECT count(*) FROM "{quoted[name]}"').fetchone()[0]) for name in names}  # noqa: S608 - names of our own tables, quoted
