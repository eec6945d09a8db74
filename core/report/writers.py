"""The formats of a report, for commands and downloads."""

from collections.abc import Callable, Sequence

from core.report.document import Document
from core.report.html import page
from core.report.markup import latex, markdown

WRITERS: dict[str, tuple[str, Callable[[Sequence[Document]], str]]] = {
    "markdown": (".md", markdown),
    "latex": (".tex", latex),
    "html": (".html", page),
}  # by name: the ending of the file, and what writes it
