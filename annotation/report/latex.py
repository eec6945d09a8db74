"""A report's tables in LaTeX with booktabs, to be read into a paper; charts are left to the author.

Compile with LuaLaTeX or XeLaTeX where names are not in Latin script.
"""

import re

from annotation.report.document import Block, Bullets, Document, Heading, Paragraph, Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "$-$",
    "–": "--",
}


def escaped(text: str) -> str:
    """Text that LaTeX prints as it stands; line breaks become spaces."""
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def to_latex(document: Document) -> str:
    """Comments for the texts, one table environment per table."""
    lines = [
        f"% {_comment(document.title)}",
        r"% Needs \usepackage{booktabs}; other scripts need LuaLaTeX or XeLaTeX and a font that has them.",
    ]
    for block in document.blocks:
        lines += _block(block)
    return "\n".join(lines) + "\n"


def _block(block: Block) -> list[str]:
    match block:
        case Heading() | Paragraph():
            return ["", f"% {_comment(block.text)}"]
        case Bullets():
            return [f"% - {_comment(text)}" for text in block.texts]
        case Table():
            return ["", table(block)]
    return []


def table(block: Table) -> str:
    """A booktabs table. A row with fewer cells than the head, or empty ones, keeps its columns."""
    columns = "l" * block.words + "r" * (len(block.head) - block.words)
    label = re.sub(r"[^A-Za-z0-9-]", "-", block.name)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{escaped(block.caption)}}}",
            rf"\label{{tab:{label}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(escaped(text) for text in block.head) + r" \\",
            r"\midrule",
            *(" & ".join(_cell(text) for text in row) + r" \\" for row in block.rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _cell(text: str) -> str:
    """A cell that begins with a bracket would be read as the option of the line break before it."""
    return f"{{{escaped(text)}}}" if text.startswith("[") else escaped(text)


def _comment(text: str) -> str:
    return " ".join(text.split())
