"""Opening databases: good paths, bad paths, network paths, and what the connections are set to."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from rating_examples import new_study, outputs_of, submission
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from annotation.database.engine import filesystem_type, is_network, open_engines
from annotation.errors import DatabaseUnavailable
from annotation.store import RatingStore

ROOT = Path(__file__).parents[3]


def pragma(engine: Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.execute(text(f"PRAGMA {name}")).scalar()


def test_a_local_file_gets_wal_full_sync_foreign_keys_and_a_busy_timeout(path: Path) -> None:
    engines = open_engines(path)
    for engine in (engines.writer, engines.reader):
        assert pragma(engine, "journal_mode") == "wal"
        assert pragma(engine, "synchronous") == 2  # FULL
        assert pragma(engine, "foreign_keys") == 1
        assert pragma(engine, "busy_timeout") == 30_000
    engines.dispose()


def test_the_writer_takes_the_write_lock_at_begin_and_the_reader_cannot_write(path: Path) -> None:
    engines = open_engines(path)
    with (
        closing(sqlite3.connect(path, timeout=0)) as other,
        engines.writer.begin(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")
    with engines.reader.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute(text("CREATE TABLE t (x)"))
    engines.dispose()


def test_readers_are_not_blocked_while_a_write_is_open(store: RatingStore) -> None:
    with store._engines.writer.begin():
        assert store.studies() == []


def test_an_engine_made_by_somebody_else_is_not_touched_by_our_listeners(store: RatingStore) -> None:
    """On the Engine class it would turn foreign keys on in other programs' migrations and lose rows."""
    foreign = create_engine("sqlite://")
    assert store.studies() == []
    assert pragma(foreign, "foreign_keys") == 0
    foreign.dispose()


@pytest.mark.parametrize("spelling", ["{path}", "sqlite:///{path}"])
def test_a_path_and_its_url_open_the_same_file(path: Path, spelling: str) -> None:
    with RatingStore.open(spelling.format(path=path)) as store:
        store.ensure_study(new_study())
    with RatingStore.open(path) as store:
        assert [study.slug for study in store.studies()] == ["topics"]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    with RatingStore.open(tmp_path / "new" / "folder" / "r.db") as store:
        assert store.studies() == []


def test_memory_is_one_database_for_all_threads() -> None:
    with RatingStore.open("sqlite://") as store:
        study = store.ensure_study(new_study())
        store.add_outputs(study.id, outputs_of("i1"))
        rater, _ = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view))
        assert len(store.ratings(study.id)) == 9


def test_a_folder_is_refused_with_a_path_that_would_do(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"is a folder.*study.db"):
        RatingStore.open(tmp_path)


def test_a_garbage_file_is_refused_and_left_as_it_was(path: Path) -> None:
    path.write_bytes(b"this is a letter to my aunt, and no database at all\n" * 40)
    before = path.read_bytes()
    with pytest.raises(DatabaseUnavailable, match="no SQLite database"):
        RatingStore.open(path)
    assert path.read_bytes() == before


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatabaseUnavailable, match="cannot be made"):
        RatingStore.open(tmp_path / "file" / "r.db")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_path_that_cannot_be_written_is_refused_before_anyone_rates(tmp_path: Path, what: str) -> None:
    path = tmp_path / "r.db"
    if what == "file":
        RatingStore.open(path).close()
        path.chmod(0o444)
    else:
        tmp_path.chmod(0o555)
    # root may write anything, so the attempt is made without its privileges where we are root
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    assert not drop or shutil.which("setpriv"), "this test needs setpriv (util-linux) when run as root"
    code = f"from annotation.store import RatingStore; RatingStore.open({str(path)!r})"
    try:
        done = subprocess.run(
            [*drop, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
        )
    finally:
        tmp_path.chmod(0o755)
    assert "DatabaseUnavailable" in done.stderr
    assert "cannot be written" in done.stderr


def test_the_database_of_another_program_is_refused_and_not_touched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipe (name TEXT)")
    with pytest.raises(DatabaseUnavailable, match=r"another program.*recipe"):
        RatingStore.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipe",)]


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("", "empty"),
        ("mysql://localhost/x", "not supported"),
        ("sqlite:///file:x.db?mode=ro&uri=true", "URI"),
        ("postgresql+nosuchdriver://user:secret@localhost/x", "not installed"),
        ("://", "cannot be read"),
    ],
)
def test_other_urls_are_refused_with_what_is_allowed_and_without_the_password(url: str, match: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=match) as caught:
        RatingStore.open(url)
    assert "secret" not in str(caught.value)


MOUNTS = """\
overlay / overlay rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
server:/x /mnt/lab nfs4 rw 0 0
hf-mount /data fuse.hf-mount rw 0 0
/dev/sdb1 /mnt/lab/local\\040disk ext4 rw 0 0
share /over ext4 rw 0 0
share /over 9p rw 0 0
"""


@pytest.mark.parametrize(
    ("where", "fstype", "network"),
    [
        ("/home/a/r.db", "overlay", False),
        ("/mnt/lab/r.db", "nfs4", True),
        ("/mnt/laboratory/r.db", "overlay", False),
        ("/mnt/lab/local disk/r.db", "ext4", False),
        ("/data/r.db", "fuse.hf-mount", True),
        ("/over/r.db", "9p", True),
    ],
)
def test_network_and_fuse_mounts_are_told_from_local_ones(
    tmp_path: Path, where: str, fstype: str, network: bool
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert filesystem_type(Path(where), mounts) == fstype
    assert is_network(fstype) is network


def test_a_system_without_proc_mounts_counts_as_local(tmp_path: Path) -> None:
    assert filesystem_type(tmp_path, tmp_path / "none") is None
    assert not is_network(None)


def test_on_a_network_path_there_is_one_connection_and_no_wal_and_ratings_are_kept(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"lab:/x {tmp_path} nfs4 rw 0 0\n")
    path = tmp_path / "r.db"
    with RatingStore.open(path, mounts_file=mounts) as store:
        assert store.journal_mode == "delete"
        assert store._engines.writer is store._engines.reader
        assert pragma(store._engines.writer, "journal_mode") == "delete"
        assert pragma(store._engines.writer, "locking_mode") == "exclusive"
        study = store.ensure_study(new_study())
        store.add_outputs(study.id, outputs_of("i1"))
        rater, _ = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view))
        assert not (tmp_path / "r.db-wal").exists()
    with RatingStore.open(path, mounts_file=mounts) as store:
        assert len(store.ratings(study.id)) == 9


def test_a_wal_file_that_moves_to_a_network_path_leaves_wal(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    RatingStore.open(path).close()
    mounts = tmp_path / "mounts"
    mounts.write_text(f"lab:/x {tmp_path} fuse.sshfs rw 0 0\n")
    with RatingStore.open(path, mounts_file=mounts) as store:
        assert store.journal_mode == "delete"


def test_a_locked_database_is_reported_as_unavailable_and_a_broken_promise_is_not(
    store: RatingStore, path: Path
) -> None:
    with store._engines.writer.connect() as connection:
        connection.execute(text("PRAGMA busy_timeout=50"))
        connection.rollback()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="nothing was stored"):
            store.ensure_study(new_study())
        other.execute("ROLLBACK")
    store.ensure_study(new_study())
    with pytest.raises(IntegrityError):
        store._write(lambda session: session.execute(text("UPDATE study SET state = 'paused'")))
