"""A report as HTML of the app: findings and main tables open, long ones folded. Records are written in English, so it is left to right."""

from html import escape

from core.report.document import Document, Section
from core.report.page import facts_list, html_table, sentences

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
