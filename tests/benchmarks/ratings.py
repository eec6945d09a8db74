"""How fast a rating is saved, and whether one is lost, when fifty people rate at once on SQLite.

A server process serves the rating page's own endpoints over HTTP from a kept store: WAL, synchronous=FULL, the journal
fsynced before each answer, and backups running. This process plays the raters, one thread and one connection each:
ask for the next item, wait, submit all its ratings, until none is left. Measured is the time of a submit from the request
to the answer, as a rater's browser would see it. With a pause before each submit (exponential, 3 s in the mean, where
a person reads three answers and sets nine scales), and without, on a quarter of the items, which is fifty requests in flight
all the time and far more than fifty people make. Then ten raters and one, without a pause.

Every receipt is noted. At the end the server is killed (SIGKILL), the database is opened anew, and each submission that was
answered must be there whole. The client takes its share of the same cores. ``make bench`` keeps the record in
``assets/results/rating_load.json``; other work on the machine spoils the times, so its load is in the record.
"""

import argparse
import contextlib
import http.client
import json
import os
import platform
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from annotation.backup.backed_up_store import open_with_backups
from annotation.criteria import DEFAULT_CRITERIA
from annotation.database.snapshots import fault_of
from annotation.records import NewOutput, NewStudy
from annotation.store import RatingStore
from core.run_record import command, commit, write_record

SYSTEMS = ("agl", "knn", "zero-shot")
SERVER = """
import socket, sys
import uvicorn
from starlette.applications import Starlette
from annotation.backup.backed_up_store import open_with_backups
from app.rate.routes import rater_routes

kept = open_with_backups(sys.argv[1])
kept.backups.start(0.1)
taken = socket.socket(fileno=int(sys.argv[2]))
uvicorn.Server(uvicorn.Config(Starlette(routes=rater_routes(kept.store)), log_level="warning")).run(sockets=[taken])
"""


def fill(path: Path, raters: int, items: int) -> tuple[int, list[str]]:
    """A study in which every rater may rate every item; its id and the raters' tokens."""
    with RatingStore.open(path) as store:
        study = store.ensure_study(
            NewStudy("load", "Load", "Name the topic.", {"en": "Rate."}, DEFAULT_CRITERIA, raters_per_item=raters)
        )
        text = "Mchezaji alifunga bao katika dakika ya mwisho ya mchezo, na mashabiki walishangilia. " * 3
        provenance = {
            "model": "embedded",
            "prompt": text * 4,
            "demonstrations": [f"sw-{k}" for k in range(8)],
            "seed": 0,
        }
        outputs = [
            NewOutput(f"item {number:02d}", "sw", text, "Name the topic.", system, "sw", text, provenance)
            for number in range(items)
            for system in SYSTEMS
        ]
        store.add_outputs(study.id, outputs)
        return study.id, [store.new_rater(study.id, "sw")[1] for _ in range(raters)]


class Rater(threading.Thread):
    """One rater: her own connection, pauses and notes."""

    def __init__(self, port: int, token: str, pause: float, seed: int) -> None:
        super().__init__()
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.pause, self.random = pause, random.Random(seed)
        self.milliseconds: list[float] = []
        self.saved: dict[str, dict[str, dict[str, int]]] = {}  # submission -> letter -> criterion -> value
        self.done = False
        self.failures: Counter[str] = Counter()

    def post(self, name: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """Sent again, under the same id, over a new connection where the server closed an idle one, as the page does."""
        for last in (False, False, True):
            try:
                self.http.request("POST", f"/rate/{name}", json.dumps(body), self.headers)
                answer = self.http.getresponse()
                return answer.status, json.loads(answer.read())
            except (ConnectionError, http.client.HTTPException):
                self.http.close()
                if last:
                    raise
        raise AssertionError

    def goes_on(self) -> bool:
        """Whether she takes another item; one who has an end takes none after it."""
        return True

    def measured(self, milliseconds: float) -> None:
        """Note the time of a submit."""
        self.milliseconds.append(milliseconds)

    def run(self) -> None:
        while self.goes_on():
            status, shown = self.post("next")
            if status != 200:
                self.failures[f"next: {status} {shown.get('error')}"] += 1
                if status == 503:  # busy: nothing was stored, and the page asks again
                    continue
                return
            item = shown["item"]
            if item is None:
                self.done = True
                return
            if self.pause:
                time.sleep(self.random.expovariate(1 / self.pause))
            keys = [one["key"] for one in item["criteria"]]
            values = {one["letter"]: {key: self.random.randint(1, 5) for key in keys} for one in item["outputs"]}
            sent = str(uuid.uuid4())
            began = time.perf_counter()
            named = {"position": item["position"], "item": item["name"]}
            status, receipt = self.post("submit", id=sent, **named, values=values, seconds=1.0)
            self.measured(1000 * (time.perf_counter() - began))
            if status == 200:
                self.saved[sent] = values
            else:
                self.failures[f"submit: {status} {receipt.get('error')}"] += 1


def load(raters: int, items: int, pause: float) -> dict[str, Any]:
    """One run on a database of its own."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0), backlog=256) as taken:
        path = Path(folder) / "ratings.db"
        study, tokens = fill(path, raters, items)
        os.set_inheritable(taken.fileno(), True)
        command = [sys.executable, "-c", SERVER, str(path), str(taken.fileno())]
        load_before = os.getloadavg()[0]
        with subprocess.Popen(command, pass_fds=[taken.fileno()]) as server:
            people = [Rater(taken.getsockname()[1], token, pause, seed) for seed, token in enumerate(tokens)]
            people[0].post("session")  # the socket takes connections before the server answers
            people[0].http.close()
            began = time.perf_counter()
            for one in people:
                one.start()
            for one in people:
                one.join()
            assert all(one.done for one in people), "a rater gave up; see above"
            seconds = time.perf_counter() - began
            server.send_signal(signal.SIGKILL)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept = open_with_backups(path)
        stored = Counter(record.submission_id for record in kept.store.ratings(study))
        kept.close()
        each = len(SYSTEMS) * len(DEFAULT_CRITERIA)
        saved = [sent for one in people for sent in one.saved]
        times = sorted(number for one in people for number in one.milliseconds)
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        return {
            "raters": raters,
            "items": items,
            "mean_pause_s": pause,
            "submits": len(times),
            "submits_per_s": round(len(times) / seconds, 1),
            "p50_ms": round(cuts[49], 1),
            "p95_ms": round(cuts[94], 1),
            "p99_ms": round(cuts[98], 1),
            "max_ms": round(times[-1], 1),
            "ratings_answered_as_saved": len(saved) * each,
            "ratings_lost": sum(each - stored[sent] for sent in saved),
            "failures": dict(sum((one.failures for one in people), Counter())),
            "integrity": fault_of(path) or "ok",
            "database_bytes": path.stat().st_size,
            "load_before": round(load_before, 1),
        }


def main() -> None:
    """Measure, print, and save with ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, help="JSON file for the record")
    parser.add_argument("--raters", type=int, default=50)
    parser.add_argument("--items", type=int, default=40)
    parser.add_argument("--pause", type=float, default=3.0, help="mean seconds before a submit in the paced run")
    parser.add_argument("--note", default="", help="what else ran on the machine, for the record")
    options = parser.parse_args()
    found = {
        "command": command(),
        "note": options.note,
        "commit": commit(),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "sqlite": sqlite3.sqlite_version},
        "ratings_a_submit": len(SYSTEMS) * len(DEFAULT_CRITERIA),
        "runs": [
            load(options.raters, options.items, options.pause),
            load(options.raters, max(1, options.items // 4), 0.0),
            load(10, options.items, 0.0),
            load(1, options.items, 0.0),
        ],
    }
    print(json.dumps(found, indent=1))
    if options.output:
        write_record(options.output, found)


if __name__ == "__main__":
    main()
