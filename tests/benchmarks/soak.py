"""Studies lived through on the whole app, while things go wrong that go wrong for hosts. What was answered as saved must be there.

The server is ``python app/main.py --public``, with its guard, its allowances, Gradio and the tiny model (`soak_server` starts it).
Raters are those of `ratings` with a page's patience: a request that gets no answer is sent again, under the same id. In parts:

- **kill**: fifty raters; in the middle the machine is killed (SIGKILL) and its disk lost; it comes back over the backups on another disk.
- **overlap**: a host starts a new container before it ends the old one, both over one mirror; half of the raters go to the new one at
  once, the others go on with the old one until that takes no more.
- **clock**: the clock is set back by two days in the middle, then the machine is killed and its disk lost.
- **full**: the disk of the database is full for a while, then the disk of the backups, then the machine is killed and its disk lost.
  Wants root, for a disk of its own.

Of each part: ratings lost and doubled, and how often a machine called itself healthy (`BackupState`) in a stretch in which it was not, or
a rater was told "backed up" when the journal could not be written. Times of a submit are those answered at the first try. Memory is
the server's resident set, from /proc. ``make soak`` keeps the record in ``assets/results/soak.json``; the machine's load is in it.
"""

import argparse
import json
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ratings import fill
from soak_machine import EACH, Machine, Patient, SmallDisk, failures, kept, watched

from core.run_record import command, commit, write_record

GRACE_S = 2.0  # until a state that is noted every half second must say it
LEASE_S = 3.0  # that a start waits for the old container here; a host's is a minute
HAND_OVER_S = 45.0  # at most, for the old container to see the new lease (15 s) and the new one to merge


class Study:
    """A folder with a filled database, and its raters."""

    def __init__(self, folder: Path, data: Path, raters: int, minutes: float, pause: float) -> None:
        self.folder, self.path, self.minutes, self.pause = folder, data / "ratings.db", minutes, pause
        data.mkdir(parents=True, exist_ok=True)
        items = int(60 * minutes / pause * 1.5) + 10  # more than anybody gets through
        self.id, self.tokens = fill(self.path, raters, items)
        self.people: list[Patient] = []
        self.loads = [os.getloadavg()[0]]

    @contextmanager
    def rated(self, ports: list[int]) -> Iterator[None]:
        """Raters begin, and end with the block."""
        began = time.monotonic()
        self.people = [Patient(ports, token, self.pause, seed) for seed, token in enumerate(self.tokens)]
        for one in self.people:
            one.start()
        yield
        self.loads.append(os.getloadavg()[0])
        for one in self.people:
            one.ends = 0.0
        for one in self.people:
            one.join()
        self.seconds = time.monotonic() - began

    def told(self, begins: float, ends: float, backed_up: bool) -> int:
        """Submits that were answered as saved in that time, backed up or not."""
        return sum(begins < at < ends and said == backed_up for one in self.people for at, said in one.told)

    def record(self, path: Path, backups: Path | None) -> dict[str, Any]:
        """What came of it."""
        return {
            "raters": len(self.tokens), "minutes": round(self.seconds / 60, 1), "load": [round(one, 1) for one in self.loads],
            **kept(path, self.id, self.people, backups), "failures": failures(self.people),
        }  # fmt: skip


def kill(raters: int, minutes: float, pause: float, backup_minutes: float) -> dict[str, Any]:
    """Killed in the middle, with its disk."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        study = Study(folder, folder / "data", raters, minutes, pause)
        disk = folder / "another-disk"
        machine = Machine(folder, "one", folder / "data", backup_minutes, AGL_BACKUP_FOLDER=str(disk))
        first = machine.start()
        with watched(machine), study.rated([machine.port]):
            time.sleep(30 * minutes)
            machine.kill()
            answered_before = sum(len(one.saved) for one in study.people)
            again = machine.start()
            time.sleep(30 * minutes)
        machine.stop()
        return {
            **study.record(study.path, disk), "mean_pause_s": pause, "backup_minutes": backup_minutes,
            "first_start_s": round(first, 1), "away_s": round(again, 1), **times(study.people),
            "submissions_saved_before_the_kill": answered_before, "memory_mb": memory(machine),
        }  # fmt: skip


def overlap(raters: int, minutes: float, pause: float) -> dict[str, Any]:
    """Two containers over one mirror; the old one is ended late."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        study = Study(folder, folder / "old", raters, minutes, pause)
        where = {"AGL_BACKUP_REPO": f"folder:{folder / 'mirror'}", "AGL_LEASE_SECONDS": str(LEASE_S)}
        old, new = (Machine(folder, name, folder / name, 0.25, **where) for name in ("old", "new"))
        old.start()
        ports = [old.port]
        with study.rated(ports):
            time.sleep(15 * minutes)
            new.start()
            both = time.time()
            ports.append(new.port)
            for one in study.people[::2]:
                one.ports = [new.port]
                one.moving = True
            time.sleep(30 * minutes)
        ends = time.monotonic() + HAND_OVER_S
        while not any("late submissions" in note for one in new.said()[-2:] for note in one["notes"]):
            if time.monotonic() > ends:
                break
            time.sleep(1)
        refused = [one["at"] for one in old.said() if any("taken over" in text for text in one["failures"])]
        begun = new.said()[0]["at"]
        old.stop()
        new.stop()
        found = study.record(new.data / "ratings.db", None)
        return {
            **found, "the_old_one_stopped_after_the_new_one_had_its_database_s": round(refused[0] - begun, 1) if refused else None,
            "the_new_one_answered_after_that_s": round(both - begun, 1), "notes": new.said()[-1]["notes"],
            "unhealthy_told_healthy": old.healthy_between(refused[0] + GRACE_S, time.time()) if refused else None,
        }  # fmt: skip


def clock(raters: int, minutes: float, pause: float) -> dict[str, Any]:
    """Set back by two days, then killed with its disk."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        study = Study(folder, folder / "data", raters, minutes, pause)
        disk = folder / "another-disk"
        machine = Machine(folder, "one", folder / "data", 0.1, AGL_BACKUP_FOLDER=str(disk))
        machine.start()
        with study.rated([machine.port]):
            time.sleep(15 * minutes)
            machine.set_clock(-2 * 24 * 3600)
            time.sleep(20 * minutes)
            notes = machine.said()[-1]["notes"]
            machine.kill()
            machine.start()
            time.sleep(15 * minutes)
        healthy = machine.said()[-1]["healthy"]
        machine.stop()
        found = study.record(study.path, disk)
        told = [note for note in notes if "clock went back" in note]
        return {**found, "told": told, "unhealthy_told_healthy": int(healthy and found["ratings_lost"] > 0)}


def full(raters: int, minutes: float, pause: float) -> dict[str, Any]:
    """First the database's disk, then that of the backups."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as at_end:
        folder = Path(place)
        try:
            disks = [SmallDisk(folder / name, 600) for name in ("data", "another-disk")]
        except OSError as error:
            return {"left_out": str(error)}
        for disk in disks:
            at_end.callback(disk.close)
        data, backups = disks
        study = Study(folder, data.path, raters, minutes, pause)
        machine = Machine(folder, "one", data.path, 0.1, AGL_BACKUP_FOLDER=str(backups.path))
        machine.start()
        stretches = []
        with study.rated([machine.port]):
            for disk in disks:
                time.sleep(8 * minutes)
                disk.fill()
                begins = time.time()
                time.sleep(12 * minutes)
                stretches.append((begins + GRACE_S, time.time()))
                disk.free()
            time.sleep(8 * minutes)
            well = machine.said()[-1]
            machine.kill()
            machine.start()
            time.sleep(8 * minutes)
        machine.stop()
        healthy = [machine.healthy_between(*stretch) for stretch in stretches]
        return {
            **study.record(study.path, backups.path),
            "submits_answered_as_saved_while_the_database_could_not_grow": study.told(*stretches[0], backed_up=True),
            "submits_told_not_backed_up_while_the_journal_could_not": study.told(*stretches[1], backed_up=False),
            "healthy_again_after_it": well["healthy"],
            "unhealthy_told_healthy": sum(healthy) + study.told(*stretches[1], backed_up=True),
        }


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


def memory(machine: Machine) -> dict[str, Any]:
    """The resident set after each start: at first, at the end, at most, and by minute; MB."""
    found: dict[str, Any] = {}
    for start in range(1, machine.starts + 1):
        seen = [(second, size) for second, size, which in machine.memory if which == start]
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
    parser.add_argument("--minutes", type=float, default=10.0, help="how long people rate in the part kill")
    parser.add_argument("--other-minutes", type=float, default=2.0, help="the same in each of the other parts")
    parser.add_argument("--pause", type=float, default=3.0, help="mean seconds before a submit")
    parser.add_argument(
        "--backup-minutes",
        type=float,
        default=1.0,
        help="between snapshots in the part kill; the journal holds the rest",
    )
    parser.add_argument("--only", nargs="*", default=["kill", "overlap", "clock", "full"], help="parts")
    parser.add_argument("--note", default="", help="what else ran on the machine, for the record")
    options = parser.parse_args()
    found: dict[str, Any] = {
        "command": command(),
        "note": options.note,
        "commit": commit(),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "sqlite": sqlite3.sqlite_version},
        "ratings_a_submit": EACH,
    }
    if "kill" in options.only:
        found |= kill(options.raters, options.minutes, options.pause, options.backup_minutes)
    for part in (overlap, clock, full):
        if part.__name__ in options.only:
            found[part.__name__] = part(max(2, options.raters // 3), options.other_minutes, options.pause)
    print(json.dumps(found, indent=1))
    if options.output:
        write_record(options.output, found)


if __name__ == "__main__":
    main()
