"""Engines. One for writing, one for reading; listeners sit on each engine, never on the `Engine` class.

SQLite, local disk: WAL, synchronous=FULL, foreign keys, busy timeout, and every write starts with BEGIN
IMMEDIATE. A deferred transaction that reads before it writes fails at once with "database is locked", and
pysqlite's own mode loses updates silently. The writer pool has ONE connection: threads queue in order instead
of polling the file lock, while the busy timeout is for other processes.
SQLite, network or FUSE path, and in memory: one connection for everything, DELETE journal, no shared memory.
PostgreSQL: two pools, READ COMMITTED to write and REPEATABLE READ to read; the store locks the study's row
where SQLite locks the file.
Connections do not survive a fork: open a store after forking, never before.

Tells whether a path lies on a network or FUSE file system, where SQLite's WAL loses data.

Known losses: trackio PR#501 (bucket mounts), trackio#555 (WekaFS, Lustre, NFS), vaara PR#573 (virtiofs, 9p).
Reads /proc/mounts; a system without it counts as local, and `database` then still reads the journal mode
back.
"""

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from annotation.errors import DatabaseUnavailable

PROC_MOUNTS = Path("/proc/mounts")
_NETWORK = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "drvfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lizardfs",
        "lustre",
        "moosefs",
        "ncpfs",
        "nfs",
        "nfs3",
        "nfs4",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "prl_fs",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
        "wekafs",
    ]
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def filesystem_type(path: Path, mounts_file: Path = PROC_MOUNTS) -> str | None:
    """Type of the file system that holds `path` (which need not exist yet); None if it is unknown.

    The longest mount point wins; of equal ones the later, which hides the earlier.
    """
    try:
        lines = mounts_file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    target = path.resolve()
    best: tuple[int, str] | None = None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1]))
        if target.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), fields[2])
    return best[1] if best else None


def is_network(fstype: str | None) -> bool:
    """True for file systems on which locks or shared memory cannot be trusted;

    None (unknown) is taken as local.
    """
    return fstype is not None and (fstype.startswith("fuse") or fstype in _NETWORK)


BUSY_TIMEOUT_MS = 30_000
POOL_TIMEOUT_S = 60
READERS = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engines:
    """Both engines of one database; the same object twice where only one connection is safe."""

    writer: Engine
    reader: Engine
    path: Path | None  # of the SQLite file; None in memory and for PostgreSQL
    journal_mode: str | None  # "wal", "delete", "memory"; None for PostgreSQL

    def dispose(self) -> None:
        """Closes all pooled connections."""
        self.reader.dispose()
        self.writer.dispose()


def open_engines(url_or_path: str | Path, mounts_file: Path = PROC_MOUNTS) -> Engines:
    """Engines for a path, `sqlite:///path`, `sqlite://` (memory) or `postgresql+driver://...`.

    Creates the folder of a new SQLite file. Raises DatabaseUnavailable with the reason and the remedy.
    """
    url = _parse(url_or_path)
    if url.get_backend_name() == "postgresql":
        return _postgres(url)
    name = url.database
    if name is None or name in ("", ":memory:"):
        engine = _sqlite(URL.create("sqlite", database=":memory:"), "memory", write=True, connections=1)
        return Engines(engine, engine, None, "memory")
    if name.startswith("file:"):
        raise DatabaseUnavailable(
            f"'{name}' is an SQLite URI, which is not supported; give the plain path of the file."
        )
    path = Path(name).expanduser().absolute()
    journal = _prepare(path, mounts_file)
    file_url = URL.create("sqlite", database=str(path))
    if journal != "wal":
        engine = _sqlite(file_url, journal, write=True, connections=1)
        return Engines(engine, engine, path, journal)
    return Engines(
        _sqlite(file_url, journal, write=True, connections=1),
        _sqlite(file_url, journal, write=False, connections=READERS),
        path,
        journal,
    )


def file_of(url_or_path: str | Path) -> Path | None:
    """The SQLite file meant; None in memory and for PostgreSQL. Raises DatabaseUnavailable for what is no database."""
    url = _parse(url_or_path)
    name = url.database
    if url.get_backend_name() != "sqlite" or name is None or name in ("", ":memory:") or name.startswith("file:"):
        return None
    return Path(name).expanduser().absolute()


def _parse(url_or_path: str | Path) -> URL:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        if not str(url_or_path).strip():
            raise DatabaseUnavailable("the database's path is empty; give a file path or a database URL.")
        return URL.create("sqlite", database=str(url_or_path))
    try:
        rest = url_or_path.removeprefix("postgres://")  # the spelling some hosts put into DATABASE_URL
        url = make_url(url_or_path if rest == url_or_path else f"postgresql://{rest}")
    except ArgumentError:  # the text may hold a password: it is not repeated
        raise DatabaseUnavailable("the database URL cannot be read; write sqlite:///path or postgresql://...") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise DatabaseUnavailable(
            f"'{url.get_backend_name()}' is not supported; use sqlite:///path or postgresql://..."
        )
    return url


def _prepare(path: Path, mounts_file: Path) -> str:
    """Makes sure that `path` is or can become a SQLite database; sets and returns its journal mode."""
    if path.is_dir():
        raise DatabaseUnavailable(
            f"'{path}' is a folder; give the path of a file in it, for example '{path / 'study.db'}'."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"the folder '{path.parent}' cannot be made ({error.strerror}); give a path in a folder that can "
            "be written."
        ) from error
    fstype = filesystem_type(path, mounts_file)
    mode = "delete" if is_network(fstype) else "wal"
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)) as probe:
            journal = str(probe.execute(f"PRAGMA journal_mode={mode}").fetchone()[0])
            version = int(probe.execute("PRAGMA user_version").fetchone()[0])
            # BEGIN IMMEDIATE succeeds on a read-only file too, so something has to be written
            probe.execute("BEGIN IMMEDIATE")
            probe.execute(f"PRAGMA user_version={version}")
            probe.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise DatabaseUnavailable(_what_sqlite_means(path, error)) from error
    if mode == "delete":
        _log.warning(
            "'%s' is on %s: DELETE journal and one connection, which is slower; a local disk is better",
            path,
            fstype,
        )
    elif journal != "wal":
        _log.warning("'%s' did not accept WAL (stays '%s'): one connection, which is slower", path, journal)
    return journal


def _what_sqlite_means(path: Path, error: sqlite3.Error) -> str:
    message = str(error)
    if "not a database" in message or "malformed" in message:
        return f"'{path}' is no SQLite database, or damaged ({message}); give another path or restore a backup."
    if "readonly" in message or "unable to open" in message:
        return f"'{path}' cannot be written ({message}); check the permissions of the file and of its folder."
    if "locked" in message:
        return f"'{path}' is held by another program ({message}); close it and start again."
    return f"'{path}' cannot be used ({message}); check the disk, or give another path."


def _sqlite(url: URL, journal: str, *, write: bool, connections: int) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions by itself
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            "synchronous=FULL",
            "trusted_schema=OFF",
            "secure_delete=ON",  # what was removed leaves no trace in free pages, nor in copies of them
        ):
            connection.execute(f"PRAGMA {pragma}")
        if journal not in ("wal", "memory"):
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA mmap_size=0")
        if not write:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres(url: URL) -> Engines:
    try:
        writer = create_engine(url, pool_pre_ping=True, pool_timeout=POOL_TIMEOUT_S, isolation_level="READ COMMITTED")
        reader = create_engine(url, pool_pre_ping=True, pool_timeout=POOL_TIMEOUT_S, isolation_level="REPEATABLE READ")
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise DatabaseUnavailable(
            f"the driver of '{url.drivername}' is not installed ({error}); install it, for example with `pip "
            "install 'psycopg[binary]'`, and write the URL as postgresql+psycopg://..."
        ) from error
    return Engines(writer, reader, None, None)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns failures of the connection (locked, disk full, server gone) into DatabaseUnavailable.

    Broken constraints are let through: they are faults of this package, or the signal of a lost race.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("the database is too busy; nothing was stored. Try again in a moment.") from error
    except (IntegrityError, DataError, ProgrammingError):
        raise
    except DBAPIError as error:
        raise DatabaseUnavailable(
            f"the database did not answer ({error.orig}); nothing was stored. Try again."
        ) from error
