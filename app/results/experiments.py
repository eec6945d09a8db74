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
    parts = [_section(section, place < OPEN) for place, section in enumerate(document.sections) if _says(section)]
    return f'<div class="agl report" lang="en" dir="ltr">{"".join(parts)}<h3>{escape(document.title)}</h3>{facts_list(document)}</div>'


def _says(section: Section) -> bool:
    return bool(section.sentences or section.tables)


def _section(section: Section, opened: bool) -> str:
    inside = sentences(section) + "".join(map(html_table, section.tables))
    return f"<details{' open' if opened else ''}><summary>{escape(section.title)}</summary>{inside}</details>"


@dataclass
class ReportDesk:
    """Reads what lies in ``folders``; a report is computed once for every state of its record."""

    folders: tuple[Path, ...]
    downloads: Path
    _known: dict[tuple[Path, int], Document] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Names of all records, those that ship with the app first."""
        return list(self._places())

    def document(self, name: str) -> Document:
        """The report of a record. Raises ``InvalidData`` for a name that is not, or no longer, there."""
        places = self._places()
        if name not in places:
            raise InvalidData(f"There is no record {name!r}; choose one of the list.")
        key = (places[name], (places[name] / "record.json").stat().st_mtime_ns)
        if key not in self._known:
            self._known[key] = document_of(read_record(places[name], name))
        return self._known[key]

    def files(self, name: str) -> dict[str, Path]:
        """Markdown, LaTeX and HTML of the report, written for download."""
        document = self.document(name)
        self.downloads.mkdir(parents=True, exist_ok=True)
        found = {}
        for kind, (suffix, write) in WRITERS.items():
            found[kind] = self.downloads / f"report-{name.replace('/', '-').replace(' ', '-')}{suffix}"
            found[kind].write_text(write([document]), encoding="utf-8")
        return found

    def _places(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self.folders:
            try:
                listed = record_folders([folder])
            except CoreError:
                continue  # a folder without records, or not made yet
            for name, place in listed:
                found.setdefault(name if name not in found else f"{folder.name}/{name}", place)
        return found
