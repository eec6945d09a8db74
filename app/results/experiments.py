"""Records of experiments as the app shows them: which there are, the report of one, and its files.

A report as HTML of the app: findings and main tables open, long ones folded. Records are written in English, so it is left to right.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

from app.downloads import fresh_folder
from app.items.records import RecordTables
from app.results.leaderboard import MOST_NAMED, Boards
from app.results.uploads import PREFIX, Uploads
from core.errors import CoreError, InvalidData
from core.report.charts import chart
from core.report.document import Document, Figure, Section, Table
from core.report.html import facts_list, html_table, sentences
from core.report.leaderboard import GROUPINGS
from core.report.reading import read_record, record_folders
from core.report.renderers import document_of
from core.report.schema import kind_of
from core.report.writers import WRITERS

MOST_ROWS = 40  # of a table that is not folded
OPEN = 2  # sections that are not folded: the findings and the systems
MOST_FIGURES = 6  # that the page draws of one record; the HTML file has all
# What a record raises whose fields are of other kinds than a report expects.
UNSHOWABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def report(document: Document) -> str:
    """Everything of a report but its figures."""
    parts = [
        _section(section, index < OPEN) for index, section in enumerate(document.sections) if _has_content(section)
    ]
    return f'<div class="agl report" lang="en" dir="ltr">{"".join(parts)}<h2>{escape(document.title)}</h2>{facts_list(document)}</div>'


def figures_of(document: Document) -> list[Figure]:
    """The figures that the page draws."""
    return [figure for section in document.sections for figure in section.figures][:MOST_FIGURES]


def _has_content(section: Section) -> bool:
    return bool(section.sentences or section.tables)


def _section(section: Section, opened: bool) -> str:
    inside = sentences(section) + "".join(map(_table, section.tables))
    return f"<details{' open' if opened else ''}><summary><h2>{escape(section.title)}</h2></summary>{inside}</details>"


def _title(name: str, folder: Path) -> str:
    """Kind or title, task and what was compared, without the path, for a list to choose from."""
    try:
        entry = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        config = entry.get("config") or {}
    except (OSError, ValueError, AttributeError):
        return name
    parts = [str(entry.get("title") or kind_of(entry).capitalize())]
    parts += [str(entry["task"])] if entry.get("task") else []
    strategies = config.get("strategies") or () if isinstance(config, dict) else ()
    if strategies:
        parts.append(", ".join(strategies) if len(strategies) <= MOST_NAMED else f"{len(strategies)} strategies")
    return f"{' · '.join(parts)} ({name.rsplit('/', 1)[-1].replace('_', ' ')})"


def _table(table: Table) -> str:
    """A table whole; a long one folded, since a box that scrolls by itself hides most of it."""
    inside = html_table(_names_first(table))
    if len(table.rows) <= MOST_ROWS:
        return inside
    return f"<details><summary>{escape(table.title)}: {len(table.rows)}</summary>{inside}</details>"


def _names_first(table: Table) -> Table:
    """The table with names of languages before their codes."""
    if table.columns[:2] != ("language", "name"):
        return table
    swapped = {0: 1, 1: 0}
    order = [swapped.get(index, index) for index in range(len(table.columns))]
    columns = tuple(table.columns[index] for index in order)
    return replace(table, columns=columns, rows=tuple(tuple(row[index] for index in order) for row in table.rows))


@dataclass
class ReportService:
    """Reads what lies in ``folders``; a report is computed once for every state of its record."""

    folders: tuple[Path, ...]
    downloads: Path
    boards: Boards = field(init=False)
    tables: RecordTables = field(init=False)
    uploads: Uploads = field(init=False)
    _documents: dict[tuple[Path, int], Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The leaderboards are of the records on this machine; reports and items also of those that visitors opened for themselves."""
        self.uploads = Uploads(self.downloads)
        self.boards, self.tables = Boards(self._folders), RecordTables(self._readable)

    def names(self) -> list[str]:
        """Names of all records, those that ship with the app first."""
        return list(self._folders())

    def titles(self) -> list[tuple[str, str]]:
        """What people read of each record, and its name; a damaged one goes by its name."""
        return [(_title(name, folder), name) for name, folder in self._folders().items()]

    def upload(self, paths: Sequence[Path]) -> str:
        """Open a record that a person sent; its name, which she alone has. Raises ``InvalidData`` for one that cannot be shown whole."""
        name = self.uploads.open(paths)
        folder = self.uploads.folders()[name]
        try:
            document = self.document(name)
            report(document)
            for figure in figures_of(document):
                chart(figure)
            self.tables.read(name)
        except CoreError as error:
            self.forget(name)
            raise InvalidData(str(error).replace(f"{folder}/", "")) from None
        except UNSHOWABLE as error:
            self.forget(name)
            why = f"{type(error).__name__}: {str(error)[:80]}"
            raise InvalidData(
                f"The record cannot be shown ({why}); its fields are described in core/report/schema.py."
            ) from None
        return name

    def upload_title(self, name: str) -> str | None:
        """What its owner reads of a record that she opened; None once it is gone."""
        folder = self.uploads.folders().get(name)
        return None if folder is None else _title(folder.name, folder)

    def forget(self, name: str) -> None:
        """Remove a record that somebody opened, and all that was made of it."""
        folder = self.uploads.folders().get(name)
        self.uploads.forget(name)
        self._documents = {key: document for key, document in self._documents.items() if key[0] != folder}

    def leaderboard(self, task: str, grouping: str) -> Path:
        """The board of a task as CSV, written for download. Raises ``InvalidData``."""
        boards = self.boards.all()
        if task not in boards:
            raise InvalidData(f"There is no leaderboard of {task[:40]!r}; choose one of {', '.join(boards)}.")
        self.downloads.mkdir(parents=True, exist_ok=True)
        path = (
            self.downloads
            / f"leaderboard-{task.replace(' ', '-')}{f'-{grouping}' if grouping in GROUPINGS else ''}.csv"
        )
        path.write_text(self.boards.board(task).csv(grouping if grouping in GROUPINGS else ""), encoding="utf-8")
        return path

    def document(self, name: str) -> Document:
        """The report of a record. Raises ``InvalidData`` for a name that is not, or no longer, there."""
        records = self._readable()
        if name not in records:
            raise InvalidData(f"There is no record {name!r}; choose one of the list.")
        key = (records[name], (records[name] / "record.json").stat().st_mtime_ns)
        if key not in self._documents:
            own = name.startswith(PREFIX)
            self._documents[key] = document_of(read_record(records[name], records[name].name if own else name))
        return self._documents[key]

    def files(self, name: str) -> dict[str, Path]:
        """Markdown, LaTeX and HTML of the report, written for download. Raises ``CoreError``."""
        document = self.document(name)
        folder, paths = fresh_folder(self.downloads), {}
        for kind, (suffix, write) in WRITERS.items():
            paths[kind] = folder / f"report-{name.replace('/', '-').replace(' ', '-')}{suffix}"
            paths[kind].write_text(write([document]), encoding="utf-8")
        return paths

    def _readable(self) -> dict[str, Path]:
        return self._folders() | self.uploads.folders()

    def _folders(self) -> dict[str, Path]:
        records: dict[str, Path] = {}
        for folder in self.folders:
            try:
                listed = record_folders([folder])
            except CoreError:
                continue  # a folder without records, or not made yet
            for name, path in listed:
                records.setdefault(name if name not in records else f"{folder.name}/{name}", path)
        return records
