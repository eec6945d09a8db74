"""Records that a person opens for herself: a zip of a record's folder, or its files, checked and kept for her visit alone.

Nothing in them is executed or unpacked by name: of an archive three files are read, bounded, and the answers are written anew from the
columns that a report reads. What leads to such a record is a name that cannot be guessed; no list and no leaderboard has it.
"""

import json
import shutil
import stat
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.downloads import fresh_folder
from core.errors import CoreError, InvalidData
from core.evaluation.record import ITEMS, QUERIES, RECORD
from core.languages import language
from core.report.reading import NEEDED
from core.report.schema import EVALUATION, kind_of
from core.report.systems import FREE_TEXT

MOST_BYTES = 32 * 2**20  # of all files that are sent; the guard lets a little more through
MOST_UNPACKED = 128 * 2**20  # bytes of a file of an archive, and of the answers in memory: a small file can hold much
MOST_FILES = 1000  # in an archive
MOST_ROWS = 500_000
MOST_SYSTEMS = 64  # each is compared with each
MOST_RECORDS = 100  # open at one time, of all visitors; the oldest goes first
FILES = (RECORD, ITEMS, QUERIES)
PREFIX = "upload/"  # of names
GIVE = f"give a zip of a record's folder, or its {RECORD}, {ITEMS} and {QUERIES}"
TEXTS = (
    "item", "id", "language", "strategy", "shown_labels", "gold", "prediction", "prediction_batch", "log_probs", "calibrated",
    "answer", "answer_language", "demonstrations", "demonstration_languages", "demonstration_labels", "demonstration_origins",
)  # fmt: skip
WHOLE = ("seed", "k", "dropped")
NUMBERS = (*WHOLE, "confidence", "adherence", "coherence", *FREE_TEXT)


@dataclass
class Uploads:
    """The records that are open; each has a folder of its own below ``downloads``."""

    downloads: Path
    _folders: "OrderedDict[str, Path]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def folders(self) -> dict[str, Path]:
        """Folder by name; those that the sweeper of downloads took are gone."""
        with self._lock:
            return {name: folder for name, folder in self._folders.items() if (folder / RECORD).is_file()}

    def open(self, paths: Sequence[Path]) -> str:
        """Check and keep the record in ``paths``; its name. Raises ``InvalidData``, and ``DiskFull``."""
        size = sum(path.stat().st_size for path in paths)
        if size > MOST_BYTES:
            raise InvalidData(f"The record has {_mb(size)}; allowed are {_mb(MOST_BYTES)}.")
        contents, title = _contents(paths)
        made = fresh_folder(self.downloads)
        try:
            folder = made / title
            folder.mkdir()
            _write(folder, contents)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        name = f"{PREFIX}{made.name}"
        with self._lock:
            self._folders[name] = folder
            oldest = [self._folders.popitem(last=False)[1]] if len(self._folders) > MOST_RECORDS else []
        for gone in oldest:
            shutil.rmtree(gone.parent, ignore_errors=True)
        return name

    def forget(self, name: str) -> None:
        """Remove a record; harmless for a name that is none."""
        with self._lock:
            folder = self._folders.pop(name, None)
        if folder is not None:
            shutil.rmtree(folder.parent, ignore_errors=True)


def _mb(size: int) -> str:
    return f"{size / 2**20:.3g} MB"


def _contents(paths: Sequence[Path]) -> tuple[dict[str, bytes], str]:
    """The record's files by name, and what it may be called."""
    if len(paths) == 1 and paths[0].suffix.lower() == ".zip":
        return _unzipped(paths[0]), _title(paths[0].stem)
    unknown = [path.name for path in paths if path.name not in FILES]
    if unknown or len({path.name for path in paths}) < len(paths):
        raise InvalidData(f"{', '.join(unknown[:3]) or 'A name that occurs twice'} is no file of a record; {GIVE}.")
    return {path.name: path.read_bytes() for path in paths}, "record"


def _title(stem: str) -> str:
    """A file's name without what a path could be made of."""
    return "".join(c if c.isalnum() or c in "-_ " else "-" for c in stem)[:40].strip(" -") or "record"


def _unzipped(path: Path) -> dict[str, bytes]:
    """The record's files out of an archive, at its top or in its only folder with a record."""
    try:
        with zipfile.ZipFile(path) as bundle:
            entries = bundle.infolist()
            if len(entries) > MOST_FILES:
                raise InvalidData(f"The zip holds {len(entries):,} files; allowed are {MOST_FILES:,}.")
            for entry in entries:
                _refuse_outside(entry)
            own = {PurePosixPath(entry.filename): entry for entry in entries if not entry.is_dir()}
            records = [name for name in own if name.name == RECORD and "__MACOSX" not in name.parts]
            if len(records) != 1:
                raise InvalidData(
                    f"The zip holds {len(records) or 'no'} {RECORD}; give the zip of one record's folder."
                )
            beside = {name: own.get(records[0].parent / name) for name in FILES}
            return {name: _member(bundle, entry) for name, entry in beside.items() if entry is not None}
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InvalidData(f"The zip cannot be read ({type(error).__name__}: {error}); {GIVE}.") from None
    except zlib.error as error:
        raise InvalidData(f"The zip is damaged ({error}); make it again.") from None


def _refuse_outside(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or ".." in parts or ":" in name or stat.S_ISLNK(entry.external_attr >> 16):
        raise InvalidData(f"The zip holds {name[:60]!r}, which points outside of it; zip the record's folder itself.")


def _member(bundle: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One file, read no further than its bound, whatever the archive says of its size."""
    with bundle.open(entry) as file:
        content = file.read(MOST_UNPACKED + 1)
    if len(content) > MOST_UNPACKED:
        raise InvalidData(
            f"{entry.filename[:60]} unpacks to more than {_mb(MOST_UNPACKED)}, which is the most allowed."
        )
    return content


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """The record as it is read later. Raises ``InvalidData``."""
    if RECORD not in contents:
        raise InvalidData(f"There is no {RECORD}; {GIVE}.")
    entry = _object(contents[RECORD], RECORD)
    if ITEMS not in contents and kind_of(entry) in (EVALUATION, "batch"):
        raise InvalidData(f"There is no {ITEMS}, where an evaluation has its answers; {GIVE}.")
    if QUERIES in contents:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _queries(contents[QUERIES]))
        (folder / QUERIES).write_text(lines, encoding="utf-8")
    if ITEMS in contents:
        pq.write_table(_answers(contents[ITEMS]), folder / ITEMS)
    (folder / RECORD).write_text(json.dumps(entry, ensure_ascii=False), encoding="utf-8")


def _object(content: bytes, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidData(f"{where} cannot be read as JSON ({str(error)[:80]}).") from None
    if not isinstance(entry, dict):
        raise InvalidData(f"{where} holds a {type(entry).__name__}; it must be an object with named fields.")
    return entry


def _queries(content: bytes) -> Iterator[dict[str, Any]]:
    """The texts of the queries, line by line."""
    for number, line in enumerate(content.decode("utf-8-sig", "replace").split("\n"), start=1):
        if not line.strip():
            continue
        row = _object(line.encode(), f"Line {number} of {QUERIES}")
        texts = {name: row.get(name, "") for name in ("id", "item", "language", "text", "label")}
        choices = row.get("choices") or []
        if not all(isinstance(value, str) for value in (*texts.values(), *choices)) or not texts["id"]:
            raise InvalidData(
                f"Line {number} of {QUERIES} is no query; it has id, item, language, text and label as texts."
            )
        yield {**texts, "choices": list(choices)}


def _answers(content: bytes) -> pa.Table:
    """The answers, of the columns that a report reads, as plain texts and numbers."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        rows, present = file.metadata.num_rows, file.schema_arrow.names
        scored = () if set(FREE_TEXT) & set(present) else ("gold",)
        missing = [name for name in (*NEEDED, "prediction", *scored) if name not in present]
        if missing:
            raise InvalidData(
                f"{ITEMS} has no column {', '.join(missing)}; its columns are {', '.join(present)[:200]}."
            )
        if not 0 < rows <= MOST_ROWS:
            raise InvalidData(f"{ITEMS} has {rows:,} rows; allowed are 1 to {MOST_ROWS:,}.")
        kept = [name for name in (*TEXTS, *NUMBERS) if name in present]
        batches, size = [], 0
        for batch in file.iter_batches(10_000, columns=kept):
            batches.append(_plain(batch))
            size += batches[-1].nbytes
            if size > MOST_UNPACKED:
                raise InvalidData(f"{ITEMS} unpacks to more than {_mb(MOST_UNPACKED)}, which is the most allowed.")
        table = pa.concat_tables(batches)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, NotImplementedError) as error:
        raise InvalidData(f"{ITEMS} cannot be read as Parquet ({type(error).__name__}: {str(error)[:80]}).") from None
    if (count := table.group_by(["strategy", "k"]).aggregate([]).num_rows) > MOST_SYSTEMS:
        raise InvalidData(f"{ITEMS} compares {count:,} systems (strategy and k); allowed are {MOST_SYSTEMS}.")
    for column in sorted({"language", "answer_language"} & set(table.column_names)):
        for code in table[column].unique().to_pylist():
            _refuse_unknown_language(code, column)
    return table


def _plain(batch: pa.RecordBatch) -> pa.Table:
    """The batch with texts as texts and numbers as numbers. Raises an ``ArrowException`` for what is neither."""
    columns = {}
    for name in batch.schema.names:
        kind = pa.large_string() if name in TEXTS else pa.int64() if name in WHOLE else pa.float64()
        column = batch.column(name).cast(kind)
        if name in NEEDED and column.null_count:
            raise InvalidData(f"{ITEMS} has rows without {name}; every answer has one.")
        columns[name] = column.fill_null("") if name in TEXTS else column
    return pa.table(columns)


def _refuse_unknown_language(code: str | None, column: str) -> None:
    try:
        if code:
            language(code)
    except CoreError as error:
        raise InvalidData(f"The column {column} of {ITEMS} has {str(code)[:40]!r}: {error}") from None
