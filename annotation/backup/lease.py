"""Whose turn it is to write: a lease in the mirror, so that two machines that overlap lose nothing.

A host may start a new container before it ends the old one. Each start writes `lease-NUMBER-OWNER.json` to the mirror;
the highest one holds. A start waits for the `ended-...` mark of the lease before it, at most some time, and takes over
then. The old writer looks every few seconds: once it sees a newer lease it takes no more ratings, and hands what it had
not mirrored yet to the new one as `late-OWNER-journal-...`, to be merged by submission id (`annotation.queries.merge`).
"""

import json
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

WAIT_S = 60.0  # for the old writer's end; a host ends the old container within this time, or has killed it
POLL_S = 2.0
LATE = "late-"
_LEASE = re.compile(r"lease-(\d{6})-([0-9a-f]{8})\.json\Z")
SUPERSEDED = (
    "another machine has taken over these ratings (a newer lease is in the mirror), so this one takes no more; nothing was "
    "stored. Open the page again."
)


class Shelf(Protocol):
    """What a lease needs of a mirror."""

    def names(self) -> set[str]:
        """Names of all files there. Raises MirrorFailed."""

    def push(self, files: list[Path], *, alone: bool = False) -> None:
        """Adds files. Raises MirrorFailed."""


@dataclass(frozen=True, order=True, slots=True)
class Lease:
    """One turn of one writer; a later number holds, of equal ones the higher owner."""

    number: int
    owner: str

    @property
    def file_name(self) -> str:
        """The name that announces it in the mirror."""
        return f"lease-{self.number:06d}-{self.owner}.json"

    @property
    def end_name(self) -> str:
        """The name that announces its end."""
        return f"ended-{self.number:06d}-{self.owner}.json"


def newest(names: Iterable[str]) -> Lease | None:
    """The lease that holds, of all names in a mirror."""
    return max((Lease(int(match[1]), match[2]) for name in names if (match := _LEASE.match(name))), default=None)


def take(
    mirror: Shelf, folder: Path, clock: Callable[[], datetime], sleep: Callable[[float], None], wait_s: float = WAIT_S
) -> Lease:
    """Waits until the writer before has ended, at most `wait_s` seconds, and takes the lease. Raises MirrorFailed.

    The owner is this folder of backups, so a program that was killed and starts again on its own disk waits for nobody.
    """
    owner = _owner(folder)
    waited = 0.0
    while True:
        names = mirror.names()
        holder = newest(names)
        if holder is None or holder.owner == owner or holder.end_name in names or waited >= wait_s:
            break
        sleep(POLL_S)
        waited += POLL_S
    lease = Lease(1 if holder is None else holder.number + 1, owner)
    announce(mirror, folder, lease.file_name, clock())
    return lease


def announce(mirror: Shelf, folder: Path, name: str, now: datetime) -> None:
    """Puts a small file with the time into the mirror. Raises MirrorFailed."""
    file = folder / name
    file.write_text(json.dumps({"at": now.isoformat()}) + "\n", encoding="utf-8")
    try:
        mirror.push([file])
    finally:
        file.unlink(missing_ok=True)


def _owner(folder: Path) -> str:
    file = folder / ".owner"
    try:
        owner = file.read_text(encoding="utf-8").strip()
    except OSError:
        owner = ""
    if not re.fullmatch(r"[0-9a-f]{8}", owner):
        owner = secrets.token_hex(4)
        file.write_text(owner, encoding="utf-8")
    return owner
