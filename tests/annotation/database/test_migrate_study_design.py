"""From 0001 on a database in use: every row stays, means what it meant, and can be worked with.

Tests of `annotation.database.transactions`.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from rating_examples import outputs_of, submission

from annotation.criteria import DEFAULT_CRITERIA
from annotation.database import migrate
from annotation.database.engine import open_engines
from annotation.records import Progress
from annotation.store import RatingStore

NOW = "2026-11-20 12:00:00.000000"
TOKEN = "5" * 64
ROWS = {
    "study": [(1, "topics", "Topics", "Name it.", '{"en": "Rate."}', "open", 2, 60, NOW)],
    "criterion": [
        (n + 1, 1, one.key, n, "1", '{"en": "?"}', '{"en": ["1", "2", "3", "4", "5"]}')
        for n, one in enumerate(DEFAULT_CRITERIA)
    ],
    "system": [(1, 1, "agl"), (2, 1, "knn")],
    "item": [(1, 1, "i1", "sw", "Bao.", "Name it.", None), (2, 1, "i2", "sw", "Mvua.", "Name it.", "hali")],
    "output": [
        (1, 1, 1, "sw", "michezo", '{"seed": 1}', NOW),
        (2, 1, 2, "sw", "siasa", "{}", NOW),
        (3, 2, 1, "sw", "hewa", "{}", NOW),
        (4, 2, 2, "sw", "bahari", "{}", NOW),
    ],
    "rater": [(1, 1, "rater-a", TOKEN, "sw", 7, NOW, None), (2, 1, "rater-b", "6" * 64, "sw", 8, NOW, NOW)],
    "assignment": [
        (1, 1, 1, "sw", 1, 1, "[2, 1]", "done", None, NOW, 9.5, 1, "sawa"),
        (2, 1, 2, "sw", 2, None, "[3, 4]", "skipped", None, NOW, 0.0, 0, None),
    ],
    "submission": [("s1", 1, 1, "a" * 64, "sawa", 9.5, 1, NOW), ("s2", 1, 2, "b" * 64, None, 0.0, 0, NOW)],
    "rating": [(n, 1, 1 + (n > 3), 1 + (n - 1) % 3, 3, "s1", 1, NOW, NOW) for n in range(1, 7)],
    "rating_history": [(n, n, None, 3, 1, "s1", NOW) for n in range(1, 7)],
    "skip": [(1, 2, "s2", "other", "hm", NOW)],
}


@pytest.fixture
def old(path: Path, tmp_path: Path) -> Path:
    """A database as the first version of the program left it."""
    scripts = tmp_path / "first"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__", "000[2-9]*", "00[1-9]*"))
    engines = open_engines(path)
    assert migrate.upgrade(engines, scripts).new_revision == "0001"
    engines.dispose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys=ON")
        for table, rows in ROWS.items():
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    return path


def test_every_row_of_the_first_version_stays_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        before = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in ROWS}
    RatingStore.open(old).close()
    with closing(sqlite3.connect(old)) as connection:
        for table, rows in before.items():
            assert [row[: len(rows[0])] for row in connection.execute(f"SELECT * FROM {table}")] == rows, table
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_old_study_goes_on_as_a_collection_that_is_not_frozen(old: Path) -> None:
    with RatingStore.open(old) as store:
        study = store.study("topics")
        assert (study.frozen_at, study.check_every, study.items_per_rater, study.failed_share) == (
            None,
            None,
            None,
            0.5,
        )
        assert {record.item_kind for record in store.ratings(study.id)} == {"normal"}
        assert len(store.ratings(study.id)) == len(store.history(study.id)) == 6
        assert store.progress(1) == Progress(done=1, skipped=1, total=2)
        assert store.add_outputs(study.id, outputs_of("i3", systems=("agl", "knn"))).added == 2
        view = store.next_assignment(1)
        assert view is not None
        store.submit(submission(1, view))
        (removed,) = store.tombstones(study.id)  # made before counts were kept
        assert (removed.rater, removed.ratings) == ("rater-b", 0)
        assert [(one.rater, one.items_done) for one in store.raters(study.id)] == [("rater-a", 2), ("rater-b", 0)]


def test_the_new_constraints_hold_for_old_tables(old: Path) -> None:
    RatingStore.open(old).close()
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE study SET state = 'withdrawn'")
        for statement, constraint in (
            ("UPDATE study SET state = 'paused'", "ck_study_state"),
            ("UPDATE study SET check_every = 1", "ck_study_check_every"),
            ("UPDATE item SET kind = 'repeat' WHERE id = 1", "ck_item_check_has_original"),
            ("UPDATE output SET degradation = 'burnt'", "ck_output_degradation"),
            ("UPDATE rater SET proficiency = 'some'", "ck_rater_proficiency"),
            ("UPDATE rating SET value = 101", "ck_rating_value"),  # kept through the re-created tables
            ("UPDATE rater SET token_sha256 = 'x'", "ck_rater_token_sha256"),
        ):
            with pytest.raises(sqlite3.IntegrityError, match=constraint):
                connection.execute(statement)
