"""The journal: one line per change, whole or not counted, in the order of the commits; failures said, not raised.

Tests of `annotation.database.changes`.
"""

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rating_examples import Clock, new_study, outputs_of, skip_of, submission
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from annotation.database import journal as journals
from annotation.database.journal import Change, Journal, Rows, encode, last_number, read
from annotation.database.tables import RaterRow, SkipRow, StudyRow, SystemRow
from annotation.errors import RestoreFailed
from annotation.store import RatingStore


def change(number: int, text: str = "x") -> Change:
    return Change(number, "2026-11-26T08:00:00+00:00", {"t": Rows("id", ("id", "a"), ((number, text),), (7,))}, "0001")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "backups"
    place.mkdir()
    return place


@pytest.fixture
def journal(folder: Path, clock: Clock) -> Iterator[Journal]:
    made = Journal(folder, "0001", clock)
    yield made
    made.rotate()


def test_lines_come_back_equal_with_any_text_and_the_schema_of_the_file(journal: Journal, folder: Path) -> None:
    sent = [change(1, "=1+1\n\u2028'\x00"), change(2, "العربية 日本語"), change(3, "")]
    for one in sent:
        journal.append(one)
    (path,) = folder.iterdir()
    assert list(read(path).changes) == sent
    assert path.read_bytes().count(b"\n") == 1 + 3
    assert last_number(path) == 3


def test_nothing_is_written_before_the_first_change_and_no_file_is_opened_twice(journal: Journal, folder: Path) -> None:
    journal.rotate()
    assert list(folder.iterdir()) == []
    journal.append(change(1))
    journal.rotate()
    journal.append(change(2))
    first, second = sorted(folder.iterdir())
    assert [one.number for path in (first, second) for one in read(path).changes] == [1, 2]


def test_a_line_is_on_the_disk_when_append_returns(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sizes at each fsync: a line that was only in a buffer would not be counted by then."""
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_size), real(handle)))
    journal.append(change(1))
    journal.append(change(2))
    (path,) = folder.iterdir()
    assert synced[-1] == path.stat().st_size
    assert synced[-2] == synced[-1] - len(encode(change(2)))


def test_half_a_line_at_the_end_is_passed_over(journal: Journal, folder: Path) -> None:
    journal.append(change(1))
    journal.append(change(2))
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    for cut in range(len(whole) - len(encode(change(2))) + 1, len(whole)):
        path.write_bytes(whole[:cut])
        assert read(path).changes == (change(1),)
        assert last_number(path) == 1


@pytest.mark.parametrize("damage", [b"9", b"{", b""])
def test_a_damaged_line_before_the_end_is_an_error_that_names_it(journal: Journal, folder: Path, damage: bytes) -> None:
    for number in (1, 2, 3):
        journal.append(change(number, "value"))
    (path,) = folder.iterdir()
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"value", b"valve") if damage == b"9" else damage
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(RestoreFailed, match=r"line 3 of the journal .* damaged"):
        read(path)


def test_a_journal_of_a_later_format_is_refused(folder: Path) -> None:
    path = folder / "journal-20260101T000000000000Z-a-0001.jsonl"
    path.write_text(json.dumps({"journal": 2, "schema": "0001"}) + "\n")
    with pytest.raises(RestoreFailed, match="format 2"):
        read(path)


def test_threads_that_append_at_once_share_fsyncs_and_lose_no_line(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    gate, real = threading.Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (gate.wait(5), calls.append(handle), real(handle)))
    threads = [threading.Thread(target=journal.append, args=(change(number),)) for number in range(1, 31)]
    for thread in threads:
        thread.start()
    while journal.waiting < 30:
        pass
    gate.set()
    for thread in threads:
        thread.join()
    (path,) = folder.iterdir()
    assert sorted(one.number for one in read(path).changes) == list(range(1, 31))
    assert len(calls) <= 4  # the folder, the first thread's line, and the rest together


def test_a_full_disk_is_said_and_made_good_in_another_file(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(change(1))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journals, "RETRY_S", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        journal.append(change(2))  # raises nothing: the change counts
        assert journal.waiting == 1
        assert journal.failure is not None
        assert "No space left" in journal.failure
    journal.append(change(3))
    assert (journal.failure, journal.waiting) == (None, 0)
    assert {one.number for path in folder.iterdir() for one in read(path).changes} == {1, 2, 3}


def test_a_snapshot_makes_up_for_lines_that_could_not_be_written(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    journal.append(change(1))
    journal.append(change(2))
    journal.covered(1)
    assert (journal.waiting, journal.failure is None) == (1, False)
    journal.covered(2)
    assert (journal.waiting, journal.failure) == (0, None)


@pytest.fixture
def kept(path: Path, journal: Journal, clock: Clock, store: RatingStore) -> RatingStore:
    """The store of the fixture once more, with a journal."""
    return RatingStore(store._engines, clock, journal)


def lines(folder: Path) -> list[Change]:
    return sorted((one for path in folder.glob("journal-*") for one in read(path).changes), key=lambda one: one.number)


def test_every_writing_method_leaves_a_line_and_a_read_or_a_retry_none(kept: RatingStore, folder: Path) -> None:
    study = kept.ensure_study(new_study())
    kept.add_outputs(study.id, [output for item in ("i1", "i2") for output in outputs_of(item)])
    rater, token = kept.new_rater(study.id, "sw")
    view = kept.next_assignment(rater.id)
    assert view is not None
    sent = submission(rater.id, view)
    kept.submit(sent)
    second = kept.next_assignment(rater.id)
    assert second is not None
    kept.skip(skip_of(rater.id, second))
    kept.set_study_state(study.id, "closed")
    touched = [set(one.rows) for one in lines(folder)]
    assert [one.number for one in lines(folder)] == list(range(1, 9))
    assert {"study", "criterion"} <= touched[0]
    assert {"item", "output", "system"} <= touched[1]
    assert {"rating", "rating_history", "submission", "assignment"} <= touched[4]
    assert {"skip", "submission", "assignment"} <= touched[6]
    before = kept.change_number
    kept.submit(sent)
    kept.data(study.id)
    kept.progress(rater.id)
    kept.rater_by_token(study.id, token)
    assert kept.change_number == before == len(lines(folder))
    assert token not in "".join(path.read_text() for path in folder.glob("journal-*"))


def test_rows_changed_by_statements_are_seen_too(kept: RatingStore, folder: Path) -> None:
    """A lease that ends is returned by an UPDATE without objects; a line without it would give the place twice."""
    study = kept.ensure_study(new_study())
    rater, _ = kept.new_rater(study.id, "sw")

    def work(session: Session) -> None:
        session.execute(update(StudyRow).where(StudyRow.slug == "topics").values(name="Other"))
        session.add(SystemRow(study_id=study.id, key="gone soon"))
        session.flush()
        session.execute(delete(RaterRow).where(RaterRow.id == rater.id))
        session.execute(delete(SkipRow))

    kept._write(work)
    rows = lines(folder)[-1].rows
    assert dict(zip(rows["study"].columns, rows["study"].values[0], strict=True))["name"] == "Other"
    assert rows["rater"].gone == (rater.id,)
    assert rows["rater"].values == ()
    assert len(rows["system"].values) == 1
    assert "skip" not in rows


def test_an_insert_statement_which_names_no_keys_is_refused(kept: RatingStore) -> None:
    with pytest.raises(AssertionError, match="add_all"):
        kept._write(lambda session: session.execute(insert(SystemRow), [{"study_id": 1, "key": "k"}]))


def test_a_transaction_that_fails_leaves_no_line_and_its_number_to_the_next(kept: RatingStore, folder: Path) -> None:
    kept.ensure_study(new_study())

    def fail(session: Session) -> Any:
        session.add(SystemRow(study_id=1, key="k"))
        session.flush()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        kept._write(fail)
    kept.ensure_study(new_study("second"))
    assert [one.number for one in lines(folder)] == [1, 2]


def test_times_in_names_sort_as_time_does() -> None:
    early, late = datetime(2026, 9, 30, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    assert journals.stamp(early) < journals.stamp(late)
