"""Documents as one HTML file that needs nothing else: Plotly is inlined once, and the page may not call any host."""

from collections.abc import Sequence
from html import escape

from plotly.offline import get_plotlyjs

from core.report.charts import FONT, chart
from core.report.document import BEST, LEVEL, Document, Section, Table, heading, written
from core.report.markup import notes

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}
LOOK = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 FONT; max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin-top: 3rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .9rem; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } .note { font-size: .85rem; opacity: .75; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid rgba(128,128,128,.3); text-align: end; white-space: nowrap; }
tr > :first-child { position: sticky; inset-inline-start: 0; background: Canvas; } h3::first-letter { text-transform: uppercase; }
th { border-bottom-width: 2px; } th.text, td.text { text-align: start; }
""".replace("FONT", FONT)


def page(documents: Sequence[Document]) -> str:
    """The whole file."""
    title = documents[0].title if len(documents) == 1 else f"{len(documents)} experiments"
    links = "".join(f'<li><a href="#d{n}">{escape(d.title)}</a></li>' for n, d in enumerate(documents))
    contents = f"<nav><ul>{links}</ul></nav>" if len(documents) > 1 else ""
    body = "".join(
        f'<article id="d{number}">{_article(document)}</article>' for number, document in enumerate(documents)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{LOOK}</style><script>{get_plotlyjs()}</script></head>"
        f"<body>{contents}{body}</body></html>\n"
    )


def facts_list(document: Document) -> str:
    """What was run, as a description list."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in document.facts)}</dl>"


def sentences(section: Section) -> str:
    """The sentences of a section as a list."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in section.sentences)}</ul>" if section.sentences else ""


def html_table(table: Table) -> str:
    """A table that scrolls by itself where it is wider than the page."""
    texts = [all(isinstance(row[place], str) for row in table.rows) for place in range(len(table.columns))]
    css = [' class="text" dir="auto"' if text else "" for text in texts]
    heads = "".join(
        f"<th{c}>{escape(heading(column, table.units.get(column, '')))}</th>"
        for c, column in zip(css, table.columns, strict=True)
    )
    rows = []
    for place, row in enumerate(table.rows):
        cells = []
        for column, cell, look in zip(table.columns, row, css, strict=True):
            text, mark = escape(written(cell, table.units.get(column, ""))), table.marks.get((place, column), "")
            cells.append(
                f"<td{look}>{f'<b>{text}</b>' if mark == BEST else f'{text} †' if mark == LEVEL else text}</td>"
            )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    note = notes(table)
    return (
        f"<h3>{escape(table.name)}</h3>"
        f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        + (f'<p class="note">{escape(note)}</p>' if note else "")
    )


def _article(document: Document) -> str:
    parts = [f"<h1>{escape(document.title)}</h1>", facts_list(document)]
    for section in document.sections:
        parts += [f"<h2>{escape(section.title)}</h2>", sentences(section), *map(html_table, section.tables)]
        for figure in section.figures:
            drawn = chart(figure).to_html(full_html=False, include_plotlyjs=False, include_mathjax=False, config=CONFIG)
            parts += [f"<h3>{escape(figure.name)}</h3>", drawn]
    return "".join(parts)
