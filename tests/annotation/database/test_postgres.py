"""PostgreSQL by its own: migrations, concurrent starts, and what is said when the server is gone. See CONTRACT in conftest."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_server import Server
from rating_examples import new_study, outputs_of, submission
from sqlalchemy import text

from annotation.backup.backed_up_store import open_with_backups
from annotation.database import migrate
from annotation.database.engine import open_engines
from annotation.database.tables import StudyRow
from annotation.errors import DatabaseUnavailable
from annotation.store import RatingStore


def test_the_migrations_lead_to_the_models(postgres: Server) -> None:
    """Server defaults are left to the same test on SQLite: PostgreSQL cannot compare two JSON values."""
    url = postgres.database("empty")
    engines = open_engines(url)
    with engines.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrate.VERSION_TABLE})
        found = compare_metadata(context, StudyRow.metadata)
    engines.dispose()
    postgres.drop(url)
    assert found == []


def test_a_database_of_the_first_schema_keeps_its_rows(postgres: Server) -> None:
    url = postgres.database()
    engines = open_engines(url)
    with engines.writer.begin() as connection:
        config = migrate.alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO study (slug, name, task, instructions, state, raters_per_item, lease_minutes, created_at) "
                "VALUES ('old', 'Old', 'Rate.', '{\"en\": \"Read.\"}', 'open', 3, 60, now())"
            )
        )
    engines.dispose()
    with RatingStore.open(url) as store:
        assert [study.slug for study in store.studies()] == ["old"]
    postgres.drop(url)


def test_several_processes_may_start_on_a_new_database_at_once(postgres: Server) -> None:
    url = postgres.database()

    def start(_: int) -> str | None:
        engines = open_engines(url)
        try:
            return migrate.upgrade(engines).old_revision
        finally:
            engines.dispose()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(start, range(3)), key=str) == [migrate.newest(), migrate.newest(), None]
    postgres.drop(url)


def test_a_server_keeps_its_own_backups_so_the_store_comes_without(postgres: Server) -> None:
    url = postgres.database("study")
    kept = open_with_backups(url)
    assert kept.backups is None
    study = kept.store.study("topics")
    rater, _ = kept.store.new_rater(study.id, "sw")
    view = kept.store.next_assignment(rater.id)
    assert view is not None
    kept.store.submit(submission(rater.id, view))
    assert len(kept.store.ratings(study.id)) == 9
    kept.close()
    postgres.drop(url)


def test_the_spelling_of_hosts_opens_the_same_database(postgres: Server) -> None:
    """DATABASE_URL as hosts give it: without a driver, and with the scheme that SQLAlchemy gave up."""
    url = postgres.database("study")
    for scheme in ("postgresql", "postgres"):
        with RatingStore.open(url.replace("postgresql+psycopg", scheme)) as store:
            assert [study.slug for study in store.studies()] == ["topics"]
    postgres.drop(url)


def test_a_server_that_goes_away_is_one_sentence_and_its_return_is_noticed(postgres: Server) -> None:
    url = postgres.database("study")
    with RatingStore.open(url) as store:
        assert len(store.studies()) == 1
        postgres.command("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 't%'")
        assert len(store.studies()) == 1  # a dead connection in the pool is replaced
        postgres.drop(url)
        with pytest.raises(DatabaseUnavailable, match="did not answer"):
            store.ensure_study(new_study("later"))
    with pytest.raises(DatabaseUnavailable):
        RatingStore.open(url)


def test_texts_of_any_script_come_back_as_they_were(postgres: Server) -> None:
    url = postgres.database("empty")
    with RatingStore.open(url) as store:
        study = store.ensure_study(new_study())
        store.add_outputs(study.id, outputs_of("=العربية 日本語 🇹🇿 'x' \\ %s"))
        assert store.outputs(study.id)[0].item_key == "=العربية 日本語 🇹🇿 'x' \\ %s"
    postgres.drop(url)
