"""Which renderer shows which kind of record. A kind without one is shown by the tables and figures it brings."""

from collections.abc import Callable, Sequence
from pathlib import Path

from core.report import evaluation, generic
from core.report.document import Document
from core.report.reading import Record, read_record, record_folders
from core.report.schema import EVALUATION

RENDERERS: dict[str, Callable[[Record], Document]] = {EVALUATION: evaluation.document}


def document_of(record: Record) -> Document:
    """The report of one record."""
    return RENDERERS.get(record.kind, generic.document)(record)


def documents_in(paths: Sequence[Path]) -> list[Document]:
    """The reports of all records in ``paths``, see ``record_folders``."""
    return [document_of(read_record(folder, name)) for name, folder in record_folders(paths)]
