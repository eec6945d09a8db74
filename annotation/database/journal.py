"""The second line of safety: every accepted change as one line of an append-only file, fsynced before "saved" is reported.

The database's own commit (synchronous=FULL) comes first, and a rating counts from then on. The journal serves a
disk that is lost or a file that is damaged between two snapshots: `restore` puts its lines on top of a snapshot.

A line holds the rows as one transaction left them, with the transaction's number. The number is SQLite's
user_version, raised inside the transaction, so it follows the order of the commits in all threads and processes,
while lines may reach the file in another order; a reader sorts. Rows go in whole and by primary key, so a line
may be replayed any number of times. No number is used twice by one database.

    {"journal": 1, "schema": "0001", "began": "2026-11-26T08:00:00+00:00"}
    {"crc": 2774105117, "change": {"number": 41, "at": "...", "rows": {"rating": {"key": "id", "columns": [...],
     "values": [[...], ...], "gone": []}}}}

    {"crc": 1190462111, "end": {"lines": 1, "last": 41}}

A file is begun with its first line and never opened again after it was closed; its name holds its first change. Half a
line can stand only at the end of a file (the power went off); its change was never confirmed as saved. A file that was
closed in order ends with a mark that counts its lines: without the mark the program was killed, or the file was cut.
Threads that append at once share one fsync.
"""

import json
import logging
import os
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from annotation.errors import RestoreFailed

FORMAT = 1
RETRY_S = 1.0  # after a failure the disk is asked again no sooner, so that raters need not wait for it each time
_NUMBER = re.compile(rb'"change": \{"number": (\d+)')
PREFIX, SUFFIX = "journal-", ".jsonl"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table as the database stores them, and the keys of those that are gone."""

    key: str  # the primary key's column
    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    gone: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction left behind."""

    number: int
    at: str  # ISO 8601, UTC; for people, not for order
    rows: Mapping[str, Rows]
    schema: str = ""  # revision of the tables; stands in the file's first line


@dataclass(frozen=True, slots=True)
class Contents:
    """What a journal file holds."""

    changes: tuple[Change, ...]  # in the file's order, without a torn last line
    ended: bool  # the file was closed in order and no line of it is missing


def stamp(now: datetime) -> str:
    """A time in names of files; sorts as time does."""
    return f"{now:%Y%m%dT%H%M%S%f}Z"


def sync_folder(folder: Path) -> None:
    """Makes new names in `folder` survive a power cut; systems that cannot fsync a folder need not."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


class Journal:
    """Appends changes. May be shared by threads; each process has its own."""

    def __init__(self, folder: Path, schema: str, clock: Callable[[], datetime]) -> None:
        """`folder` exists. Nothing is written before the first change."""
        self._folder, self._schema, self._clock = folder, schema, clock
        self._start = secrets.token_hex(4)  # two starts within a microsecond still have two names
        self._part = 0
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self._lock = threading.Lock()  # the lists below; held for moments
        self._disk = threading.Lock()  # the file; held while the disk works
        self._waiting: list[tuple[int, bytes]] = []
        self._lines, self._last = 0, 0  # in the present file
        self._appended = self._written = 0  # lines, since the start
        self._again_at = 0.0
        self._failure: str | None = None

    @property
    def failure(self) -> str | None:
        """What keeps lines from being written, in words; None while all is well."""
        return self._failure

    @property
    def path(self) -> Path | None:
        """The file that is written now; None between files."""
        return self._path

    @property
    def waiting(self) -> int:
        """Lines that could not be written yet."""
        with self._lock:
            return len(self._waiting)

    def append(self, change: Change) -> bool:
        """Whether the line is on the disk; if not, the failure is noted, and the change counts nevertheless."""
        line = encode(change)
        with self._lock:
            self._waiting.append((change.number, line))
            self._appended += 1
            ticket = self._appended
        with self._disk:
            with self._lock:
                if self._written >= ticket:  # went out with another thread's
                    return True
                if self._failure is not None and time.monotonic() < self._again_at:
                    return False
                entries, upto = list(self._waiting), self._appended
            try:
                self._write(entries)
            except OSError as error:
                self._fail(error)
                return False
            with self._lock:
                del self._waiting[: len(entries)]
                self._written = upto
                self._failure = None
            return True

    def rotate(self) -> None:
        """Ends the present file; the next line begins another."""
        with self._disk:
            self._end(marked=True)

    def covered(self, number: int) -> None:
        """A sound snapshot holds all changes up to `number`: lines that could not be written are not missed any more."""
        with self._disk, self._lock:
            self._waiting = [entry for entry in self._waiting if entry[0] > number]
            if not self._waiting:
                self._written, self._failure = self._appended, None

    def _write(self, entries: list[tuple[int, bytes]]) -> None:
        lines = [text for _, text in entries]
        if self._file is None:
            self._part += 1
            first = min(number for number, _ in entries)
            name = f"{PREFIX}{stamp(self._clock())}-{self._start}-{self._part:04d}-{first:010d}{SUFFIX}"
            self._path, self._lines, self._last = self._folder / name, 0, 0
            self._file = os.fdopen(
                os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
            )  # raters' words: its owner's alone
            head = {"journal": FORMAT, "schema": self._schema, "began": self._clock().isoformat()}
            lines = [json.dumps(head).encode() + b"\n", *lines]
            sync_folder(self._folder)
        self._file.write(b"".join(lines))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._lines += len(entries)
        self._last = max(self._last, *(number for number, _ in entries))

    def _fail(self, error: OSError) -> None:
        """After a failed write or fsync the file's end cannot be known, so it is left and another begun."""
        self._again_at = time.monotonic() + RETRY_S
        if self._failure is None:
            _log.error("the journal in '%s' cannot be written: %s", self._folder, error)
        self._failure = f"the journal in '{self._folder}' cannot be written ({error.strerror or error}); free space."
        self._end(marked=False)

    def _end(self, *, marked: bool) -> None:
        file, self._file, self._path = self._file, None, None
        if file is not None:
            try:
                if marked:
                    file.write(_line("end", {"lines": self._lines, "last": self._last}))
                    file.flush()
                    os.fsync(file.fileno())
                file.close()
            except OSError as error:  # what was promised was fsynced before
                _log.warning("a journal could not be closed: %s", error)


def encode(change: Change) -> bytes:
    """One line with its checksum."""
    content = {
        "number": change.number,
        "at": change.at,
        "rows": {name: asdict(rows) for name, rows in change.rows.items()},
    }
    return _line("change", content)


def _line(kind: str, content: Any) -> bytes:
    body = _text(content)
    return f'{{"crc": {zlib.crc32(body.encode())}, "{kind}": {body}}}\n'.encode()


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def read(path: Path) -> Contents:
    """The changes of one file. Raises RestoreFailed with the number of the first line that is damaged."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RestoreFailed(f"the journal '{path}' cannot be read ({error.strerror}); check its rights.") from error
    torn = lines.pop()  # empty where the last line is whole
    if torn:
        _log.warning("the last line of '%s' is torn; its change was never confirmed as saved", path)
    if not lines:
        return Contents((), False)
    try:
        head = json.loads(lines[0])
        schema, version = str(head["schema"]), int(head["journal"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, 1, error) from error
    if version != FORMAT:
        raise RestoreFailed(
            f"'{path}' is a journal of format {version}; this program reads {FORMAT}. Install a newer one."
        )
    mark = _end_mark(path, len(lines), lines[-1]) if len(lines) > 1 else None
    body = lines[1:] if mark is None else lines[1:-1]
    changes = tuple(_decode(path, number, line, schema) for number, line in enumerate(body, start=2))
    if mark is not None and mark != len(changes):
        _log.error("'%s' counts %d lines, and %d are there", path, mark, len(changes))
    return Contents(changes, mark == len(changes) and not torn)


def _end_mark(path: Path, number: int, line: bytes) -> int | None:
    """How many lines the last line counts; None if it is no mark."""
    try:
        record = json.loads(line)
        if "end" not in record:
            return None
        if zlib.crc32(_text(record["end"]).encode()) != record["crc"]:
            raise ValueError("the checksum differs")
        return int(record["end"]["lines"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, number, error) from error


def last_number(path: Path) -> int:
    """The highest number in a journal, without checking its lines; 0 where there is none to be read."""
    try:
        lines = path.read_bytes().split(b"\n")[1:-1]
    except OSError:
        return 0
    return max((int(match[1]) for line in lines if (match := _NUMBER.search(line, 0, 80))), default=0)


def _decode(path: Path, number: int, line: bytes, schema: str) -> Change:
    try:
        record = json.loads(line)
        content = record["change"]
        if zlib.crc32(_text(content).encode()) != record["crc"]:
            raise ValueError("the checksum differs")
        rows = {
            name: Rows(one["key"], tuple(one["columns"]), tuple(map(tuple, one["values"])), tuple(one["gone"]))
            for name, one in content["rows"].items()
        }
        return Change(content["number"], content["at"], rows, schema)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, number, error) from error


def _damaged(path: Path, number: int, error: Exception) -> RestoreFailed:
    return RestoreFailed(
        f"line {number} of the journal '{path}' is damaged ({error}); bring the file back from a copy, or move it "
        "out of the folder to go on without its changes."
    )
