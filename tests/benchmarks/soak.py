"""A study lived through: fifty raters for ten minutes on the whole app, which is killed in the middle and comes back on an empty disk.

The server is ``python app/main.py --public``, with its guard, its allowances, Gradio and the embedded model, over a data folder; backups
go to another folder, which stands for another disk. In the middle it is killed (SIGKILL), the data folder is removed whole, and the
program is started again. Raters are those of `ratings` with a page's patience: a request that gets no answer is sent again, under the
same id. At the end the database is opened and every submission that was answered as saved must be in it once, whole.

Times of a submit are those answered at the first try; what the outage took is apart. Memory is the server's resident set, from /proc.
``make soak`` keeps the record in ``assets/results/soak.json``; the machine's load is in it, for other work spoils the times.
"""

import argparse
import contextlib
import http.client
import json
import os
import platform
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ratings import SYSTEMS, Rater, fill

from annotation.backup.backed_up_store import open_with_backups
from annotation.criteria import DEFAULT_CRITERIA
from annotation.database.snapshots import fault_of
from core.run_record import command, commit, write_record

ROOT = Path(__file__).resolve().parents[2]
EACH = len(SYSTEMS) * len(DEFAULT_CRITERIA)  # ratings of one submission
EVERY_S = 5.0  # between looks at the server's memory


class Patient(Rater):
    """A rater whose page waits for a server that is away, and whose time is up at ``ends``."""

    def __init__(self, port: int, token: str, pause: float, seed: int, ends: float) -> None:
        super().__init__(port, token, pause, seed)
        self.daemon, self.ends = True, ends
        self.waits: list[float] = []  # seconds of requests that were sent again because the server was away
        self.again = False  # whether the last one was

    def post(self, name: str, **body: Any) -> tuple[int, dict[str, Any]]:
        began, tries = time.monotonic(), 0
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self.http.request("POST", f"/rate/{name}", json.dumps(body), self.headers)
                answer = self.http.getresponse()
                status, content = answer.status, json.loads(answer.read())
                if status < 500 and status != 429:
                    if tries > 1:
                        self.waits.append(time.monotonic() - began)
                    self.again = tries > 1
                    return status, content
                self.failures[f"{name}: {status} {content.get('error')}"] += 1
            self.http.close()
            tries += 1
            if tries > 1:  # the first may be an idle connection that was closed, as every browser meets
                time.sleep(min(2.0 * tries, 8.0))

    def measured(self, milliseconds: float) -> None:
        """A submit that was sent again after an outage is told apart."""
        if not self.again:
            super().measured(milliseconds)

    def goes_on(self) -> bool:
        return time.monotonic() < self.ends


class Server:
    """The app, started, watched and killed."""

    def __init__(self, folder: Path, port: int, minutes: float) -> None:
        self.folder, self.data, self.port = folder, folder / "data", port
        self.environment = {
            **os.environ, "HF_HUB_OFFLINE": "1", "AGL_BACKUP_FOLDER": str(folder / "another-disk"),
            "AGL_BACKUP_MINUTES": str(minutes), "AGL_ORGANISER_SECRET": "a secret for the soak", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.memory: list[tuple[float, float, int]] = []  # seconds, MB, which start
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._began = time.monotonic()

    def start(self) -> float:
        """Start and wait for the first answer to a rater; seconds."""
        self.data.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            str(ROOT / "app" / "main.py"),
            "--port",
            str(self.port),
            "--data",
            str(self.data),
            "--public",
        ]
        command += ["--cache", str(self.folder / "cache")]
        began = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.starts += 1
        while True:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            with contextlib.suppress(OSError, http.client.HTTPException):
                line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                line.request("GET", "/rate")
                status = line.getresponse().status
                line.close()
                if status == 200:
                    return time.monotonic() - began
            time.sleep(0.2)

    def kill(self) -> None:
        """As a host's power cut does, and its disk with it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.data)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)

    def watch(self, ended: threading.Event) -> None:
        """Notes the resident set until ``ended``."""
        while not ended.wait(EVERY_S):
            with contextlib.suppress(OSError, AttributeError, StopIteration, ValueError):
                status = Path(f"/proc/{self.process.pid}/status").read_text()  # type: ignore[union-attr]
                line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
                self.memory.append((round(time.monotonic() - self._began, 1), int(line.split()[1]) / 1024, self.starts))


@contextlib.contextmanager
def watched(server: Server) -> Iterator[None]:
    ended = threading.Event()
    watcher = threading.Thread(target=server.watch, args=(ended,))
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def soak(raters: int, minutes: float, pause: float, backup_minutes: float) -> dict[str, Any]:
    """The whole of it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        server = Server(folder, port, backup_minutes)
        server.data.mkdir()
        items = int(60 * minutes / pause * 1.5) + 10  # more than anybody gets through
        study, tokens = fill(server.data / "ratings.db", raters, items)
        loads = [os.getloadavg()[0]]
        first = server.start()
        began = time.monotonic()
        people = [Patient(port, token, pause, seed, began + 60 * minutes) for seed, token in enumerate(tokens)]
        with watched(server):
            for one in people:
                one.start()
            time.sleep(30 * minutes)
            loads.append(os.getloadavg()[0])
            server.kill()
            answered_before = sum(len(one.saved) for one in people)
            again = server.start()
            for one in people:
                one.join()
        loads.append(os.getloadavg()[0])
        seconds = time.monotonic() - began
        server.stop()
        return {
            "raters": raters, "minutes": round(seconds / 60, 1), "mean_pause_s": pause, "backup_minutes": backup_minutes,
            "first_start_s": round(first, 1), "away_s": round(again, 1), "load": [round(one, 1) for one in loads],
            **times(people), "submissions_saved_before_the_kill": answered_before,
            **kept(server.data / "ratings.db", study, people, folder), "memory_mb": memory(server),
            "failures": dict(sum((one.failures for one in people), Counter())),
        }  # fmt: skip


def times(people: list[Patient]) -> dict[str, Any]:
    """Of submits answered at the first try, in milliseconds; and the longest that anybody waited, in seconds."""
    found = sorted(number for one in people for number in one.milliseconds)
    cuts = statistics.quantiles(found, n=100, method="inclusive")
    waits = [wait for one in people for wait in one.waits]
    return {
        "submits_at_first_try": len(found),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(found[-1], 1),
        "requests_sent_again": len(waits),
        "longest_wait_s": round(max(waits, default=0.0), 1),
    }


def kept(path: Path, study: int, people: list[Patient], folder: Path) -> dict[str, Any]:
    """What of all that was answered as saved is in the database."""
    found = open_with_backups(path, folder=folder / "another-disk")
    ratings = found.store.ratings(study)
    found.close()
    stored = Counter(record.submission_id for record in ratings)
    cells = Counter((record.rater, record.item_key, record.system, record.criterion) for record in ratings)
    saved = [sent for one in people for sent in one.saved]
    return {
        "ratings_answered_as_saved": len(saved) * EACH,
        "ratings_lost": sum(max(0, EACH - stored[sent]) for sent in saved),
        "ratings_doubled": sum(max(0, stored[sent] - EACH) for sent in saved)
        + sum(count - 1 for count in cells.values()),
        "integrity": fault_of(path) or "ok",
        "database_bytes": path.stat().st_size,
    }


def memory(server: Server) -> dict[str, Any]:
    """The resident set after each start: at first, at the end, at most, and by minute; MB."""
    found: dict[str, Any] = {}
    for start in range(1, server.starts + 1):
        seen = [(second, size) for second, size, which in server.memory if which == start]
        if seen:
            minutes = {int(second // 60): round(size) for second, size in seen}
            found[f"start {start}"] = {
                "first": round(seen[0][1]),
                "last": round(seen[-1][1]),
                "most": round(max(size for _, size in seen)),
                "by_minute": list(minutes.values()),
            }
    return found


def main() -> None:
    """Soak, print, and save with ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, help="JSON file for the record")
    parser.add_argument("--raters", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long people rate; the kill is in the middle")
    parser.add_argument("--pause", type=float, default=3.0, help="mean seconds before a submit")
    parser.add_argument(
        "--backup-minutes", type=float, default=1.0, help="between snapshots; the journal holds the rest"
    )
    parser.add_argument("--note", default="", help="what else ran on the machine, for the record")
    options = parser.parse_args()
    found = {
        "command": command(),
        "note": options.note,
        "commit": commit(),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "sqlite": sqlite3.sqlite_version},
        "ratings_a_submit": EACH,
        **soak(options.raters, options.minutes, options.pause, options.backup_minutes),
    }
    print(json.dumps(found, indent=1))
    if options.output:
        write_record(options.output, found)


if __name__ == "__main__":
    main()
