"""A PostgreSQL server of its own for the tests: a fresh cluster in a temporary folder, reached by a socket in it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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

    def command(self, text: str) -> None:
        import psycopg

        with psycopg.connect(host=str(self.folder), user="agl", dbname="postgres", autocommit=True) as connection:
            connection.execute(text.encode())


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
