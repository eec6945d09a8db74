"""Documents as Markdown and as LaTeX. Texts of records are escaped: they are shown, never obeyed."""

import re
from collections.abc import Callable, Sequence

from core.report.document import BEST, LEVEL, Document, Section, Table, heading, written

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "†": r"\dag{}",
    "±": r"$\pm$",
    "≤": r"$\leq$",
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
    lines = [heads, ["---"] * len(heads)]
    for place, row in enumerate(table.rows):
        cells = [plain(written(cell, table.units.get(c, ""))) for c, cell in zip(table.columns, row, strict=True)]
        marks = [table.marks.get((place, column), "") for column in table.columns]
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

    Underscores within words, "<" before a space and brackets without a target do nothing.
    """
    escaped = re.sub(r"([\\|*`]|<(?=[\w/!?])|\](?=[(\[:]))", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)


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
            lines += ["", f"\\subsection*{{{tex(section.title)}}}", *(f"{tex(text)}" for text in section.sentences)]
            lines += [text for table in section.tables for text in ("", latex_table(table))]
    return "\n".join(lines) + "\n"


def latex_table(table: Table) -> str:
    """A ``table`` environment with booktabs rules; numbers to the right; shrunk where it is wider than the text."""
    heads = [tex(heading(column, table.units.get(column, ""))) for column in table.columns]
    texts = [all(isinstance(row[place], str) for row in table.rows) for place in range(len(heads))]
    body = []
    for place, row in enumerate(table.rows):
        cells = [tex(written(cell, table.units.get(c, ""))) for c, cell in zip(table.columns, row, strict=True)]
        marks = [table.marks.get((place, column), "") for column in table.columns]
        shown = [
            f"\\textbf{{{cell}}}" if m == BEST else f"{cell}$^\\dagger$" if m == LEVEL else cell
            for cell, m in zip(cells, marks, strict=True)
        ]
        guard = (
            "{}" if shown[0].startswith("[") else ""
        )  # after a row's end, LaTeX would read [ as the space wanted there
        body.append(f"  {guard}{' & '.join(shown)} \\\\")
    note = notes(table)
    return "\n".join(
        [
            r"\begin{table}[ht]",
            r" \centering",
            f" \\caption{{{tex(table.name)}.{' ' if note else ''}{tex(note)}}}",
            r" \begin{adjustbox}{max width=\textwidth}",
            f" \\begin{{tabular}}{{{''.join('l' if text else 'r' for text in texts)}}}",
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
        lines += ["", *_markdown_section(section, plain)]
    return [*lines, ""]


def _markdown_section(section: Section, escape: Callable[[str], str]) -> list[str]:
    lines = [f"## {escape(section.title)}"]
    lines += ["", *(f"- {escape(text)}" for text in section.sentences)] if section.sentences else []
    for table in section.tables:
        lines += ["", f"**{escape(table.name)}**", "", markdown_table(table)]
        lines += ["", escape(notes(table))] if notes(table) else []
    return lines


def _code(text: str) -> str:
    """A code span around any text: its fence is longer than any run of backticks in it."""
    flat = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", flat)), default=0))
    return f"{fence} {flat} {fence}" if "`" in flat else f"{fence}{flat}{fence}"
