"""Records of experiments as the app shows them: which there are, the report of one, and its files.

A report as HTML of the app: findings and main tables open, long ones folded. Records are written in English, so it is left to right.
"""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from core.errors import CoreError, InvalidData
from core.report.document import Document, Section
from core.report.html import facts_list, html_table, sentences
from core.report.reading import read_record, record_folders
from core.report.renderers import document_of
from core.report.writers import WRITERS

OPEN = 2  # sections that are not folded: the findings and the systems


def report(document: Document) -> str:
    """Everything of a report but its figures."""
    parts = [
        _section(section, index < OPEN) for index, section in enumerate(document.sections) if _has_content(section)
    ]
    return f'<div class="agl report" lang="en" dir="ltr">{"".join(parts)}<h3>{escape(document.title)}</h3>{facts_list(document)}</div>'


def _has_content(section: Section) -> bool:
    return bool(section.sentences or section.tables)


def _section(section: Section, opened: bool) -> str:
    inside = sentences(section) + "".join(map(html_table, section.tables))
    return f"<details{' open' if opened else ''}><summary>{escape(section.title)}</summary>{inside}</details>"


@dataclass
class ReportService:
    """Reads what lies in ``folders``; a report is computed once for every state of its record."""

    folders: tuple[Path, ...]
    downloads: Path
    _documents: dict[tuple[Path, int], Document] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Names of all records, those that ship with the app first."""
        return list(self._folders())

    def document(self, name: str) -> Document:
        """The report of a record. Raises ``InvalidData`` for a name that is not, or no longer, there."""
        records = self._folders()
        if name not in records:
            raise InvalidData(f"There is no record {name!r}; choose one of the list.")
        key = (records[name], (records[name] / "record.json").stat().st_mtime_ns)
        if key not in self._documents:
            self._documents[key] = document_of(read_record(records[name], name))
        return self._documents[key]

    def files(self, name: str) -> dict[str, Path]:
        """Markdown, LaTeX and HTML of the report, written for download."""
        document = self.document(name)
        self.downloads.mkdir(parents=True, exist_ok=True)
        paths = {}
        for kind, (suffix, write) in WRITERS.items():
            paths[kind] = self.downloads / f"report-{name.replace('/', '-').replace(' ', '-')}{suffix}"
            paths[kind].write_text(write([document]), encoding="utf-8")
        return paths

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
