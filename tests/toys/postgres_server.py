"""A PostgreSQL server of its own for the tests: a fresh cluster in a temporary folder, reached by a socket in it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Durability is the server's business; the tests ask whether our statements are right on it.
SETTINGS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=200"]


def tool(name: str) -> Path | None:
    """A program of the server; Debian keeps them out of the PATH."""
    found = shutil.which(name)
    others = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return Path(found) if found else others[-1] if others else None


def reason_to_skip() -> str | None:
    """Why no server can be started here; None if one can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed: pip install 'psycopg[binary]'"
    if tool("initdb") is None:
        return "no PostgreSQL server: install the package 'postgresql' (`make postgres`)"
    if os.name != "posix":
        return "the test server needs a Unix socket"
    return None


@dataclass
class Server:
    """A running cluster; each database is a copy of a template, made in milliseconds."""

    folder: Path
    made: int = 0
    kept: dict[str, str] = field(default_factory=dict)  # what brings a database back to its first content

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://agl@/{database}?host={self.folder}"

    def database(self, template: str = "template1") -> str:
        """The URL of a new database."""
        self.made += 1
        name = f"t{self.made}"
        self.command(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.partition("@/")[2].partition("?")[0]
        self.command(f"DROP DATABASE {name} WITH (FORCE)")

    def unchanged(self, template: str) -> str:
        """The URL of a copy of ``template`` that one test after another has, rows and numbers as they were: a tenth of a new copy's time.

        Tables stay as they are; a test that changes one has a `database` of its own.
        """
        name = f"unchanged_{template}"
        if name not in self.kept:
            self.command(f"CREATE DATABASE {name} TEMPLATE {template}")
            self.kept[name] = self._keep(name)
        self.command(self.kept[name], name)
        return self.url(name)

    def _keep(self, name: str) -> str:
        """Copies all tables of a database into a schema beside them; the statements that bring them back."""
        tables = [row[0] for row in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)]
        self.command("CREATE SCHEMA kept;" + "".join(f'CREATE TABLE kept."{t}" AS TABLE "{t}";' for t in tables), name)
        sequences = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
        return (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();"
            "SET session_replication_role = replica;"  # no foreign key is looked at
            + "".join(f'DELETE FROM "{t}"; INSERT INTO "{t}" OVERRIDING SYSTEM VALUE TABLE kept."{t}";' for t in tables)
            + "".join(
                f"SELECT setval('\"{sequence}\"', {last or 1}, {'true' if last else 'false'});"
                for sequence, last in self.rows(sequences, name)
            )
        )

    def command(self, text: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(host=str(self.folder), user="agl", dbname=database, autocommit=True) as connection:
            connection.execute(text.encode())

    def rows(self, text: str, database: str) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(host=str(self.folder), user="agl", dbname=database) as connection:
            return connection.execute(text.encode()).fetchall()


@contextmanager
def running() -> Iterator[Server]:
    """Starts a cluster and removes it at the end. The server refuses to run as root, so root hands it to another."""
    initdb, postgres = tool("initdb"), tool("postgres")
    assert initdb is not None
    assert postgres is not None
    # Not pytest's folder, which only its owner may enter; short, because a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="agl-pg-"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        shutil.chown(folder, user)
    data = folder / "data"
    command = [initdb, "-D", data, "-U", "agl", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    try:
        made = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        options = [part for setting in SETTINGS for part in ("-c", setting)]
        start = [postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", *options]
        with subprocess.Popen(start, user=user, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if "ready to accept connections" in line:
                    break
            assert process.poll() is None, "".join(said)
            try:
                yield Server(folder)
            finally:
                process.send_signal(signal.SIGQUIT)  # SIGQUIT: at once; nothing here is worth keeping
                process.communicate(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
