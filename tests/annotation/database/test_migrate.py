"""Migrations: no drift from the models, checked backups, rows kept, newer databases refused."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from rating_examples import new_study, outputs_of, submission
from sqlalchemy import create_engine

from annotation.database import migrate
from annotation.database.engine import open_engines
from annotation.database.tables import StudyRow
from annotation.errors import DatabaseTooNew, DatabaseUnavailable
from annotation.store import RatingStore

HEAD = migrate.newest()
LATER = f"{int(HEAD) + 1:04}"
# Re-creates `study`, which has children, as SQLite must for a new constraint: the case that loses rows
# when foreign keys are on.
NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "{LATER}"
down_revision = "{HEAD}"


def upgrade() -> None:
    with op.batch_alter_table("study", recreate="always") as batch:
        batch.add_column(sa.Column("contact", sa.Text(), nullable=True))
    {{more}}
"""


def rated(path: Path) -> int:
    """Fills a database with one rated item; returns the study's id."""
    with RatingStore.open(path) as store:
        study = store.ensure_study(new_study())
        store.add_outputs(study.id, outputs_of("i1"))
        rater, _ = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view))
    return study.id


@pytest.fixture
def scripts(tmp_path: Path) -> Callable[[str], Path]:
    """The migrations of a later version of the program, with one more revision."""

    def make(more: str = "") -> Path:
        folder = tmp_path / "later"
        shutil.copytree(migrate.SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / f"{LATER}_next.py").write_text(NEXT.format(more=more))
        return folder

    return make


def counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in StudyRow.metadata.tables
        }


def test_autogenerate_finds_nothing_to_change_after_the_migrations(path: Path) -> None:
    RatingStore.open(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrate.VERSION_TABLE, "compare_server_default": True}
        )
        assert compare_metadata(context, StudyRow.metadata) == []
    engine.dispose()


def test_the_migrated_tables_equal_the_models_down_to_the_check_constraints(path: Path, tmp_path: Path) -> None:
    """Autogenerate does not compare CHECK constraints, so the tables' own SQL is compared."""
    RatingStore.open(path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'models.db'}")
    StudyRow.metadata.create_all(engine)
    engine.dispose()

    def parts(file: Path) -> dict[str, list[str]]:
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        return {
            name: sorted(line.strip(" \t,").replace('"', "") for line in sql.splitlines())
            for name, sql in found
            if name != migrate.VERSION_TABLE
        }

    assert parts(path) == parts(tmp_path / "models.db")
    assert any("ck_rating_value CHECK" in line for line in parts(path)["rating"])


def test_a_new_file_needs_no_backup_and_a_second_start_changes_nothing(path: Path) -> None:
    engines = open_engines(path)
    assert migrate.upgrade(engines) == migrate.MigrationReport(None, HEAD, None)
    assert migrate.upgrade(engines) == migrate.MigrationReport(HEAD, HEAD, None)
    engines.dispose()
    assert [file.name for file in path.parent.glob("*.db")] == [path.name]


def test_migrating_a_file_with_rows_backs_it_up_first_and_keeps_every_row(
    path: Path, scripts: Callable[[str], Path]
) -> None:
    study_id = rated(path)
    before = counts(path)
    engines = open_engines(path)
    report = migrate.upgrade(engines, scripts(""))
    engines.dispose()
    assert (report.old_revision, report.new_revision) == (HEAD, LATER)
    assert counts(path) == before
    assert before["rating"] == 9
    with closing(sqlite3.connect(path)) as connection:
        assert "contact" in {row[1] for row in connection.execute("PRAGMA table_info(study)")}
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert report.backup is not None
    assert report.backup.parent == path.parent
    assert counts(report.backup) == before
    with RatingStore.open(report.backup) as old:  # the backup is a database of the old version, ready to use
        assert len(old.ratings(study_id)) == 9


def test_foreign_keys_are_on_again_after_a_migration(path: Path) -> None:
    engines = open_engines(path)
    migrate.upgrade(engines)
    with engines.writer.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engines.dispose()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ('op.execute("DELETE FROM item")', DatabaseUnavailable),  # leaves outputs without an item
        ('raise RuntimeError("the power went off")', RuntimeError),
    ],
)
def test_a_migration_that_fails_leaves_the_database_as_it_was(
    path: Path, scripts: Callable[[str], Path], more: str, error: type[Exception]
) -> None:
    study_id = rated(path)
    before = counts(path)
    engines = open_engines(path)
    with pytest.raises(error):
        migrate.upgrade(engines, scripts(more))
    engines.dispose()
    assert counts(path) == before
    with RatingStore.open(path) as store:
        assert len(store.ratings(study_id)) == 9


def test_a_database_newer_than_the_code_is_refused_with_what_to_do(path: Path, scripts: Callable[[str], Path]) -> None:
    rated(path)
    engines = open_engines(path)
    migrate.upgrade(engines, scripts(""))
    engines.dispose()
    with pytest.raises(DatabaseTooNew, match=rf"'{LATER}'.*knows up to '{HEAD}'.*Install the newer version"):
        RatingStore.open(path)


def test_without_a_sound_backup_nothing_is_migrated(
    path: Path, scripts: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rated(path)
    monkeypatch.setattr(migrate, "_row_counts", lambda connection: {"rating": id(connection)})
    engines = open_engines(path)
    with pytest.raises(DatabaseUnavailable, match="not sound"):
        migrate.upgrade(engines, scripts(""))
    engines.dispose()
    assert [file.name for file in path.parent.glob("*.db")] == [path.name]
    RatingStore.open(path).close()  # still of the old version


def test_a_backup_holds_what_a_file_copy_of_a_wal_database_would_miss(path: Path, tmp_path: Path) -> None:
    with RatingStore.open(path) as store:
        store.ensure_study(new_study())
        with closing(sqlite3.connect(migrate.back_up(path, tmp_path / "copy.db"))) as copy:
            assert copy.execute("SELECT slug FROM study").fetchall() == [("topics",)]


def test_several_processes_may_start_on_a_new_file_at_once(path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def start(_: int) -> str | None:
        engines = open_engines(path)
        try:
            return migrate.upgrade(engines).old_revision
        finally:
            engines.dispose()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(start, range(4)))
    assert sorted(found, key=str) == [HEAD, HEAD, HEAD, None]
