"""A report in Markdown, for a README or a dataset card; charts are left out, their figures stand in the tables."""

import re

from annotation.report.document import Block, Bullets, Document, Heading, Paragraph, Table

_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~$!])")


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands, on one line."""
    return _ACTIVE.sub(r"\\\1", " ".join(text.split()))


def to_markdown(document: Document) -> str:
    """The whole report."""
    parts = [f"# {escaped(document.title)}", *(_block(block) for block in document.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {escaped(block.text)}"
        case Paragraph():
            return escaped(block.text)
        case Bullets():
            return "\n".join(f"- {escaped(text)}" for text in block.texts)
        case Table():
            return table(block)
    return ""


def table(block: Table) -> str:
    """A table with its caption in front."""
    rule = ["---" if column < block.words else "---:" for column in range(len(block.head))]
    rows = [[escaped(text) for text in block.head], rule, *([escaped(text) for text in row] for row in block.rows)]
    return f"**{escaped(block.caption)}**\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)
