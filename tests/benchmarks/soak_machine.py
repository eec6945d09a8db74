"""What a soak is made of: machines that run the app, disks that fill up, raters that do not give up, and what is left at the end."""

import contextlib
import http.client
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from ratings import SYSTEMS, Rater

from annotation.backup.backed_up_store import open_with_backups
from annotation.criteria import DEFAULT_CRITERIA
from annotation.database.snapshots import fault_of
from annotation.records import HistoryRecord

ROOT = Path(__file__).resolve().parents[2]
EACH = len(SYSTEMS) * len(DEFAULT_CRITERIA)  # ratings of one submission
EVERY_S = 5.0  # between looks at the server's memory


class Patient(Rater):
    """A rater whose page waits for a server that is away, and who goes on until ``ends``.

    ``ports`` may grow: a server that does not answer, or answers that it is busy, is left for the newest one.
    """

    def __init__(self, ports: list[int], token: str, pause: float, seed: int) -> None:
        super().__init__(ports[0], token, pause, seed)
        self.daemon, self.ends, self.ports, self.at = True, math.inf, ports, ports[0]
        self.moving = False  # whether the next request goes to the newest port
        self.waits: list[float] = []  # seconds of requests that were sent again because the server was away
        self.again = False  # whether the last one was
        self.told: list[
            tuple[float, bool]
        ] = []  # when a submit was answered as saved, and whether "backed up" was said

    def go_to(self, port: int) -> None:
        """The next request goes there."""
        if port != self.at:
            self.http.close()
            self.http, self.at = http.client.HTTPConnection("127.0.0.1", port, timeout=30), port

    def post(self, name: str, **body: Any) -> tuple[int, dict[str, Any]]:
        began, tries = time.monotonic(), 0
        if self.moving and name == "next":
            self.moving = False
            self.go_to(self.ports[-1])
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self.http.request("POST", f"/rate/{name}", json.dumps(body), self.headers)
                answer = self.http.getresponse()
                status, content = answer.status, json.loads(answer.read())
                if status < 500 and status != 429:
                    if tries > 1:
                        self.waits.append(time.monotonic() - began)
                    self.again = tries > 1
                    if name == "submit" and status == 200:
                        self.told.append((time.time(), bool(content["backed_up"])))
                    return status, content
                self.failures[f"{name}: {status} {content.get('error')}"] += 1
            self.http.close()
            tries += 1
            if tries > 1:  # the first may be an idle connection that was closed, as every browser meets
                self.go_to(self.ports[-1])
                time.sleep(min(2.0 * tries, 8.0))

    def measured(self, milliseconds: float) -> None:
        """A submit that was sent again after an outage is told apart."""
        if not self.again:
            super().measured(milliseconds)

    def goes_on(self) -> bool:
        return time.monotonic() < self.ends


class Machine:
    """One machine with the app: its data folder, its address; ``folder`` is where its notes lie."""

    def __init__(self, folder: Path, name: str, data: Path, minutes: float, **environment: str) -> None:
        self.folder, self.name, self.data, self.port = folder, name, data, free_port()
        self.environment = {
            **os.environ, "HF_HUB_OFFLINE": "1", "AGL_MODEL": "tiny", "AGL_BACKUP_MINUTES": str(minutes), "SOAK_NAME": name,
            "AGL_ORGANISER_SECRET": "a secret for the soak", "PYTHONPATH": str(ROOT), **environment,
        }  # fmt: skip
        self.memory: list[tuple[float, float, int]] = []  # seconds, MB, which start
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._began = time.monotonic()

    def start(self) -> float:
        """Start and wait for the first answer to a rater; seconds."""
        began = self.begin()
        while not self.answers():
            time.sleep(0.2)
        return time.monotonic() - began

    def begin(self) -> float:
        """Start; when."""
        self.data.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(ROOT / "tests" / "benchmarks" / "soak_server.py"), "--port", str(self.port)]
        command += ["--data", str(self.data), "--public", "--cache", str(self.folder / "cache")]
        with (self.folder / f"log-{self.name}").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.starts += 1
        return time.monotonic()

    def answers(self) -> bool:
        """Whether raters are served."""
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / f"log-{self.name}").read_text()
        with contextlib.suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            line.request("GET", "/rate")
            status = line.getresponse().status
            line.close()
            return status == 200
        return False

    def set_clock(self, off_s: float) -> None:
        """The store's clock is off by so many seconds from now on."""
        (self.folder / f"clock-{self.name}").write_text(str(off_s))

    def kill(self, lose: bool = True) -> None:
        """As a host's power cut does; ``lose``: and its disk with it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if lose:
            for path in self.data.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def stop(self) -> None:
        """As a host ends a container."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)

    def said(self) -> list[dict[str, Any]]:
        """What it said of its backups, in order."""
        path = self.folder / f"state-{self.name}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def healthy_between(self, begins: float, ends: float) -> int:
        """How often it called itself healthy in a stretch of time in which it was not."""
        return sum(one["healthy"] for one in self.said() if begins < one["at"] < ends)

    def watch(self, ended: threading.Event) -> None:
        """Notes the resident set until ``ended``."""
        while not ended.wait(EVERY_S):
            with contextlib.suppress(OSError, AttributeError, StopIteration, ValueError):
                status = Path(f"/proc/{self.process.pid}/status").read_text()  # type: ignore[union-attr]
                line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
                self.memory.append((round(time.monotonic() - self._began, 1), int(line.split()[1]) / 1024, self.starts))


@contextlib.contextmanager
def watched(machine: Machine) -> Iterator[None]:
    ended = threading.Event()
    watcher = threading.Thread(target=machine.watch, args=(ended,))
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


class SmallDisk:
    """A disk of its own in memory, which can be filled to its last byte. Wants root; raises OSError where that is not had."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path, self.ballast = path, path / "ballast"
        path.mkdir(parents=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "soak", str(path)], capture_output=True
        )
        if done.returncode:
            raise OSError(f"no disk could be mounted at {path}: {done.stderr.decode().strip()}")

    def fill(self) -> None:
        """Not a byte is left."""
        with self.ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    def free(self) -> None:
        """What filled it is gone."""
        self.ballast.unlink()

    def close(self) -> None:
        """The disk is gone."""
        subprocess.run(["umount", "-l", str(self.path)], check=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kept(path: Path, study: int, people: list[Patient], backups: Path | None) -> dict[str, Any]:
    """What of all that was answered as saved is in the database, with the values that were sent.

    A machine that does not know of a rater's answer gives her the item again, so what she said first may stand in the history alone.
    """
    found = open_with_backups(path, folder=backups)
    ratings, history = found.store.ratings(study), found.store.history(study)
    found.close()
    current = Counter(record.submission_id for record in ratings)
    stored = in_effect(history)
    cells = Counter((record.rater, record.item_key, record.system, record.criterion) for record in ratings)
    saved = {name: by_criterion(sent) for one in people for name, sent in one.saved.items()}
    return {
        "ratings_answered_as_saved": len(saved) * EACH,
        "ratings_lost": sum((sent - stored.get(name, Counter())).total() for name, sent in saved.items()),
        "ratings_answered_anew_by_their_rater": sum(max(0, EACH - current[name]) for name in saved),
        "ratings_doubled": sum(max(0, current[name] - EACH) for name in saved)
        + sum(count - 1 for count in cells.values()),
        "integrity": fault_of(path) or "ok",
        "database_bytes": path.stat().st_size,
    }


def by_criterion(sent: dict[str, dict[str, int]]) -> Counter[tuple[str, int]]:
    """How often each value was given by each criterion."""
    return Counter((criterion, value) for row in sent.values() for criterion, value in row.items())


def in_effect(history: Iterable[HistoryRecord]) -> dict[str, Counter[tuple[str, int]]]:
    """By submission, how often each value stood by each criterion of its item after it: a value given again has no line of its own."""
    items: dict[tuple[str, str], list[HistoryRecord]] = {}
    for one in history:
        items.setdefault((one.rater, one.item_key), []).append(one)
    found = {}
    for lines in items.values():
        standing: dict[tuple[str, str], int] = {}
        for at, together in groupby(sorted(lines, key=lambda one: one.recorded_at), lambda one: one.recorded_at):
            for one in (told := list(together)):
                standing[one.system, one.criterion] = int(one.value or 0)
            assert len({one.submission_id for one in told}) == 1, f"two submissions of one rater and item at {at}"
            found[told[0].submission_id] = Counter((criterion, value) for (_, criterion), value in standing.items())
    return found


def failures(people: list[Patient]) -> dict[str, int]:
    """Requests that were answered otherwise than with 200, by what was said."""
    return dict(sum((one.failures for one in people), Counter()))
