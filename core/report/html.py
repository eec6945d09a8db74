"""Documents as one HTML file that needs nothing else and may not call any host.

Every text is escaped and stands in its own direction. Plotly is inlined once, and only where a figure needs it; a document without such a
figure has no script at all.
"""

from collections.abc import Sequence
from html import escape

from core.report.cells import heading, written
from core.report.document import (
    BEST,
    LEVEL,
    Block,
    Bullets,
    Document,
    Figure,
    IntervalChart,
    Paragraph,
    Section,
    ShareChart,
    Table,
)
from core.report.look import LOOK, SHADES
from core.report.markup import notes

WITHOUT_SCRIPT = "default-src 'none'; style-src 'unsafe-inline'"
WITH_PLOTLY = f"{WITHOUT_SCRIPT}; script-src 'unsafe-inline'; img-src data: blob:"
CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}


def page(documents: Sequence[Document]) -> str:
    """The whole file, in English."""
    title = documents[0].title if len(documents) == 1 else f"{len(documents)} experiments"
    links = "".join(f'<li><a href="#d{n}">{escape(d.title)}</a></li>' for n, d in enumerate(documents))
    contents = f"<nav><ul>{links}</ul></nav>" if len(documents) > 1 else ""
    body = "".join(
        f'<article id="d{number}">{_article(document)}</article>' for number, document in enumerate(documents)
    )
    drawn = any(section.figures for document in documents for section in document.sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{WITH_PLOTLY if drawn else WITHOUT_SCRIPT}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{LOOK}</style>{_plotly() if drawn else ''}</head>"
        f"<body>{contents}{body}</body></html>\n"
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # 5 MB that a page without figures does without

    return f"<script>{get_plotlyjs()}</script>"


def _article(document: Document) -> str:
    parts = [f'<h1 dir="auto">{escape(document.title)}</h1>', facts_list(document) if document.facts else ""]
    for section in document.sections:
        heads = f'<h{section.level} dir="auto">{escape(section.title)}</h{section.level}>'
        parts += [heads if section.title else "", *map(html_block, section.blocks)]
    return "".join(parts)


def html_block(block: Block) -> str:
    """Any block."""
    match block:
        case Paragraph():
            return f'<p dir="auto">{escape(block.text)}</p>'
        case Bullets():
            return _list(block.texts)
        case Table():
            return html_table(block)
        case Figure():
            return _figure(block)
        case IntervalChart():
            return interval_chart(block)
        case ShareChart():
            return share_chart(block)


def facts_list(document: Document) -> str:
    """What was run, as a description list."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in document.facts)}</dl>"


def sentences(section: Section) -> str:
    """The sentences of a section as a list."""
    return _list(section.sentences)


def _list(texts: Sequence[str]) -> str:
    lines = "".join(f'<li dir="auto">{escape(text)}</li>' for text in texts)
    return f"<ul>{lines}</ul>" if texts else ""


def html_table(table: Table) -> str:
    """A table that scrolls by itself where it is wider than the page; the first cell heads its row.

    Figures keep their order of signs and brackets in a right-to-left page too.
    """
    looks = ['class="text" dir="auto"' if table.is_words(index) else 'dir="ltr"' for index in range(len(table.columns))]
    heads = "".join(
        f'<th scope="col" {look}>{escape(heading(column, table.units.get(column, "")))}</th>'
        for look, column in zip(looks, table.columns, strict=True)
    )
    rows = "".join(f"<tr>{_row(table, index, looks)}</tr>" for index in range(len(table.rows)))
    note = notes(table)
    return (
        f'<h3 dir="auto">{escape(table.title)}</h3><div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f'<table id="{escape(table.name)}"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        + (f'<p class="note">{escape(note)}</p>' if note else "")
    )


def _row(table: Table, index: int, looks: Sequence[str]) -> str:
    cells = []
    for number, (column, cell) in enumerate(zip(table.columns, table.rows[index], strict=True)):
        text, mark = escape(written(cell, table.units.get(column, ""))), table.marks.get((index, column), "")
        text = f"<b>{text}</b>" if mark == BEST else f"{text} †" if mark == LEVEL else text
        tag, scope = ("th", ' scope="row"') if number == 0 else ("td", "")
        cells.append(f"<{tag}{scope} {looks[number]}>{text}</{tag}>")
    return "".join(cells)


def _figure(figure: Figure) -> str:
    from core.report.charts import chart

    drawn = chart(figure).to_html(full_html=False, include_plotlyjs=False, include_mathjax=False, config=CONFIG)
    return f"<h3>{escape(figure.name)}</h3>{drawn}"


def interval_chart(block: IntervalChart) -> str:
    """Means as dots on one axis, intervals as lines; the numbers stand in the title of each line."""
    marks = "".join(f'<i style="left:{_across(mark, block):.2f}%"></i>' for mark in block.marks)
    numbers = "".join(f'<s style="left:{_across(mark, block):.2f}%">{mark:g}</s>' for mark in block.marks)
    lines = []
    for bar in block.bars:
        line = interval = ""
        if bar.low is not None and bar.high is not None:
            low, high = _across(bar.low, block), _across(bar.high, block)
            line = f'<b style="left:{low:.2f}%;width:{high - low:.2f}%"></b>'
            interval = f" [{bar.low:.2f}, {bar.high:.2f}]"
        dot = f'<u style="left:{_across(bar.middle, block):.2f}%"></u>'
        title = escape(f"{bar.label}: {bar.middle:.2f}{interval}")
        lines.append(
            f'<div class="line" title="{title}"><span dir="auto">{escape(bar.label)}</span>'
            f'<span class="axis" dir="ltr">{marks}{line}{dot}</span></div>'
        )
    axis = f'<div class="line"><span></span><span class="axis" dir="ltr">{numbers}</span></div>'
    return f"<figure><figcaption>{escape(block.caption)}</figcaption>{''.join(lines)}{axis}</figure>"


def _across(value: float, block: IntervalChart) -> float:
    """Where a value lies on the axis, in percent."""
    return 100 * (value - block.start) / (block.end - block.start)


def share_chart(block: ShareChart) -> str:
    """Stacked shares of the scale points; each part shows its point, so colour is never alone."""
    lines = []
    for label, counts in block.rows:
        total = sum(counts)
        names = [escape(name) for name in block.points or map(str, range(1, len(counts) + 1))]
        parts = "".join(
            f'<i style="width:{100 * count / total:.2f}%;background:{SHADES[_shade(point, len(counts))]}" '
            f'title="{names[point - 1]}: {count}">{names[point - 1]}</i>'
            for point, count in enumerate(counts, start=1)
            if count
        )
        lines.append(
            f'<div class="line"><span dir="auto">{escape(label)}</span><span class="stack">{parts}</span></div>'
        )
    return f"<figure><figcaption>{escape(block.caption)}</figcaption>{''.join(lines)}</figure>"


def _shade(point: int, points: int) -> int:
    """The shade of a scale point, from 1: scales of other lengths share the five shades evenly."""
    return 0 if points < 2 else round((point - 1) * (len(SHADES) - 1) / (points - 1))
