"""Documents as Markdown and as LaTeX. Texts of records are escaped: they are shown, never obeyed."""

import re
from collections.abc import Sequence

from core.report.cells import heading, written
from core.report.document import BEST, LEVEL, Block, Bullets, Document, Paragraph, Table

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "†": r"\dag{}",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "−": "$-$",
    "–": "--",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def markdown(documents: Sequence[Document]) -> str:
    """All documents, one heading each."""
    return "\n".join(line for document in documents for line in _markdown_lines(document)).strip() + "\n"


def markdown_table(table: Table) -> str:
    """A table of GitHub's Markdown; the best in bold."""
    heads = [plain(heading(column, table.units.get(column, ""))) for column in table.columns]
    aligned = ["---" if table.words is None or index < table.words else "---:" for index in range(len(heads))]
    lines = [heads, aligned]
    for index, row in enumerate(table.rows):
        cells = [plain(written(cell, table.units.get(c, ""))) for c, cell in zip(table.columns, row, strict=True)]
        marks = [table.marks.get((index, column), "") for column in table.columns]
        lines.append(
            [
                f"**{cell}**" if m == BEST else f"{cell} †" if m == LEVEL else cell
                for cell, m in zip(cells, marks, strict=True)
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def notes(table: Table) -> str:
    """What stands under a table: its own note, else what its marks mean."""
    if table.note or not table.marks:
        return table.note
    return "Bold: the best." + (
        " †: not significantly different from the best." if LEVEL in table.marks.values() else ""
    )


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line: signs are escaped where they would do something.

    Underscores within words, "<" before a space, brackets without a target, and "#" or "-" within a line do nothing.
    """
    escaped = re.sub(
        r"([\\|*`~$]|<(?=[\w/!?])|\](?=[(\[:])|^[#>+-](?=\s|[#>+-])|^\d+(?=[.)]\s))", _escape, " ".join(text.split())
    )
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)


def _escape(sign: re.Match[str]) -> str:
    """A list number gets its backslash before the dot, any other sign before itself."""
    return f"{sign[0]}\\" if sign[0].isdigit() else f"\\{sign[0]}"


def latex(documents: Sequence[Document]) -> str:
    """Tables with booktabs, the sentences of each section before them."""
    lines = ["% Needs \\usepackage{booktabs,adjustbox}; for non-Latin scripts compile with XeLaTeX or LuaLaTeX."]
    for document in documents:
        lines += ["", f"\\section*{{{tex(document.title)}}}"]
        lines += [
            f"{{\\raggedright\\noindent {tex(name)}: \\texttt{{{_broken(value)}}}\\par}}"
            for name, value in document.facts
        ]
        for section in document.sections:
            lines += ["", f"\\subsection*{{{tex(section.title)}}}"] if section.title else []
            lines += [line for block in section.blocks for line in _latex_lines(block)]
    return "\n".join(lines) + "\n"


def _latex_lines(block: Block) -> list[str]:
    """Charts are left to the author: their numbers stand in the tables."""
    match block:
        case Paragraph():
            return ["", tex(block.text)]
        case Bullets():
            return ["", *(f"{tex(text)}\n" for text in block.texts)]
        case Table():
            return ["", latex_table(block)]
    return []


def latex_table(table: Table) -> str:
    """A ``table`` environment with booktabs rules; numbers to the right; shrunk where it is wider than the text."""
    heads = [tex(heading(column, table.units.get(column, ""))) for column in table.columns]
    body = []
    for index, row in enumerate(table.rows):
        cells = [tex(written(cell, table.units.get(c, ""))) for c, cell in zip(table.columns, row, strict=True)]
        marks = [table.marks.get((index, column), "") for column in table.columns]
        printed = [
            f"\\textbf{{{cell}}}" if m == BEST else f"{cell}$^\\dagger$" if m == LEVEL else cell
            for cell, m in zip(cells, marks, strict=True)
        ]
        guard = (
            "{}" if printed[0].startswith("[") else ""
        )  # after a row's end, LaTeX reads [ as the space asked for there
        body.append(f"  {guard}{' & '.join(printed)} \\\\")
    note = notes(table)
    columns = "".join("l" if table.is_words(index) else "r" for index in range(len(heads)))
    return "\n".join(
        [
            r"\begin{table}[ht]",
            r" \centering",
            f" \\caption{{{tex(table.title)}.{' ' if note else ''}{tex(note)}}}",
            f" \\label{{tab:{re.sub('[^A-Za-z0-9-]', '-', table.name)}}}",
            r" \begin{adjustbox}{max width=\textwidth}",
            f" \\begin{{tabular}}{{{columns}}}",
            r"  \toprule",
            "  " + " & ".join(heads) + r" \\",
            r"  \midrule",
            *body,
            r"  \bottomrule",
            r" \end{tabular}",
            r" \end{adjustbox}",
            r"\end{table}",
        ]
    )


def tex(text: str) -> str:
    """Text that LaTeX shows as it is, on one line."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))


def _broken(text: str) -> str:
    """``tex``, with a place to break a line after each comma: a list of 28 languages is one word. Two hyphens stay two."""
    return tex(text).replace(",", r",\allowbreak{}").replace("--", "-{}-")


def _markdown_lines(document: Document) -> list[str]:
    lines = [f"# {plain(document.title)}", ""]
    lines += [f"- {plain(name)}: {_code(value)}" for name, value in document.facts]
    for section in document.sections:
        lines += ["", f"{'#' * section.level} {plain(section.title)}"] if section.title else []
        lines += [line for block in section.blocks for line in _markdown_block(block)]
    return [*lines, ""]


def _markdown_block(block: Block) -> list[str]:
    """Charts are left out: their numbers stand in the tables."""
    match block:
        case Paragraph():
            return ["", plain(block.text)]
        case Bullets():
            return ["", *(f"- {plain(text)}" for text in block.texts)]
        case Table():
            below = ["", plain(notes(block))] if notes(block) else []
            return ["", f"**{plain(block.title)}**", "", markdown_table(block), *below]
    return []


def _code(text: str) -> str:
    """A code span around any text: its fence is longer than any run of backticks in it."""
    flat = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", flat)), default=0))
    return f"{fence} {flat} {fence}" if "`" in flat else f"{fence}{flat}{fence}"
