"""What the database promises by itself, tried with raw SQL behind the store's back.

Tests of `annotation.database.base`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from rating_examples import submission
from sqlalchemy.dialects import sqlite

from annotation.database.base import UtcDateTime
from annotation.records import Study
from annotation.store import RatingStore


@pytest.fixture
def raw(store: RatingStore, study: Study, path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection to a study in which one item was rated by one rater."""
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        yield connection


def insert_copy(raw: sqlite3.Connection, table: str, id_column: str = "id", /, **changes: object) -> None:
    """Inserts a copy of the table's first row, with a new key and the changes."""
    names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
    row = dict(zip(names, raw.execute(f"SELECT * FROM {table} LIMIT 1").fetchone(), strict=True))
    row |= {id_column: 999, **changes}
    marks = ", ".join("?" for _ in row)
    quoted = ", ".join(f'"{name}"' for name in row)
    raw.execute(f"INSERT INTO {table} ({quoted}) VALUES ({marks})", list(row.values()))


@pytest.mark.parametrize("value", [-1, 101, 3.5, "x"])
def test_a_rating_off_the_scale_cannot_be_inserted(raw: sqlite3.Connection, value: object) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("UPDATE rating SET value = ?", [value])


def test_a_second_rating_of_the_same_output_and_criterion_by_one_rater_cannot_be_inserted(
    raw: sqlite3.Connection,
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*rating.rater_id, rating.output_id"):
        insert_copy(raw, "rating")


@pytest.mark.parametrize(
    ("table", "changes", "match"),
    [
        ("study", {}, "UNIQUE.*study.slug"),
        ("study", {"slug": "b", "state": "paused"}, "ck_study_state"),
        ("study", {"slug": "b", "raters_per_item": 0}, "ck_study_raters_per_item"),
        ("criterion", {"key": "", "place": 9}, "ck_criterion_key"),
        ("item", {}, "UNIQUE.*item.study_id"),
        ("output", {}, "UNIQUE.*output.item_id"),
        ("rater", {"pseudonym": "other"}, "UNIQUE.*token_sha256"),
        ("rater", {"pseudonym": "other", "token_sha256": "secret"}, "ck_rater_token_sha256"),
        ("assignment", {"position": 9, "place": 2}, "UNIQUE.*assignment.rater_id, assignment.item_id"),
        ("assignment", {"state": "lost", "item_id": 2}, "ck_assignment_state"),
        ("assignment", {"item_id": 2, "position": 9, "place": None}, "ck_assignment_done_holds_place"),
        ("rating", {"output_id": 777}, "FOREIGN KEY"),
        ("rating_history", {}, "UNIQUE.*rating_history.rating_id"),
    ],
)
def test_rows_that_break_a_promise_cannot_be_inserted(
    raw: sqlite3.Connection, table: str, changes: dict[str, object], match: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=match):
        insert_copy(raw, table, **changes)


def test_one_place_of_an_item_cannot_be_held_twice(raw: sqlite3.Connection, store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*assignment.place"):
        insert_copy(raw, "assignment", rater_id=rater.id)


def test_one_submission_id_cannot_be_stored_twice(raw: sqlite3.Connection) -> None:
    (known,) = raw.execute("SELECT submission_id FROM submission").fetchone()
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*submission_id"):
        insert_copy(raw, "submission", "submission_id", submission_id=known)


def test_a_skip_needs_a_reason_of_the_fixed_set(raw: sqlite3.Connection) -> None:
    (known,) = raw.execute("SELECT submission_id FROM submission").fetchone()
    statement = "INSERT INTO skip (assignment_id, submission_id, reason, created_at) VALUES (1, ?, 'bored', '2026')"
    with pytest.raises(sqlite3.IntegrityError, match="ck_skip_reason"):
        raw.execute(statement, [known])


def test_a_study_with_outputs_cannot_be_deleted_from_under_them(raw: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        raw.execute("DELETE FROM study")


def test_no_table_has_a_column_for_a_name_an_address_or_a_readable_token(raw: sqlite3.Connection) -> None:
    columns = {row[1] for row in raw.execute("PRAGMA table_info(rater)")}
    assert columns == {
        *("id", "study_id", "pseudonym", "token_sha256", "language", "seed", "created_at", "tombstoned_at"),
        *("tombstone", "invitation_id", "proficiency", "consent_version", "consented_at", "background"),
        *("participant", "screened_out_at", "excluded_at", "exclusion_reason", "qualification"),
    }
    assert {row[1] for row in raw.execute("PRAGMA table_info(invitation)")} == {
        *("id", "study_id", "token_sha256", "language", "max_uses", "uses", "expires_at", "revoked_at", "created_at")
    }


def test_times_come_back_aware_and_in_utc_whatever_zone_they_had() -> None:
    column, dialect = UtcDateTime(), sqlite.dialect()
    east = datetime(2026, 1, 1, 2, 0, tzinfo=timezone(timedelta(hours=3)))
    stored = column.process_bind_param(east, dialect)
    assert stored is not None
    back = column.process_result_value(stored.replace(tzinfo=None), dialect)
    assert back == east
    assert back is not None
    assert back.tzinfo is UTC


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())
