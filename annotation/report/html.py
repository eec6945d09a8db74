"""A report as one HTML file: no script, no other file, every text escaped and in its own direction."""

from collections.abc import Sequence
from html import escape

from annotation.report.document import Block, Bullets, Document, Heading, Intervals, Paragraph, Shares, Table

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, "Noto Sans", sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 1.2rem; font-size: .9rem; }
caption { text-align: start; font-weight: 600; padding: .4rem 0; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid rgba(128,128,128,.35); text-align: start; vertical-align: top; }
td.figure, th.figure { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: .5rem 0 1.2rem; } figcaption { font-weight: 600; }
.line { display: grid; grid-template-columns: minmax(8rem, 38%) 1fr; gap: .6rem; align-items: center; font-size: .85rem; }
.axis { position: relative; height: 1.4rem; }
.axis i { position: absolute; top: 0; bottom: 0; width: 1px; background: rgba(128,128,128,.3); }
.axis b { position: absolute; top: .62rem; height: .16rem; background: #0072B2; }
.axis u { position: absolute; top: .4rem; width: .6rem; height: .6rem; margin-left: -.3rem; border-radius: 50%; background: #0072B2; }
.axis s { position: absolute; font-size: .7rem; text-decoration: none; transform: translateX(-50%); opacity: .75; }
.stack { display: flex; height: 1.1rem; direction: ltr; }
.stack i { display: block; font-style: normal; font-size: .7rem; text-align: center; overflow: hidden; color: #111; }
"""
# Five steps from orange to blue, safe for colour-blind eyes (after ColorBrewer's PuOr).
SHADES = ("#E66101", "#FDB863", "#D9D9D9", "#B2C7E3", "#5E8FC9")


def to_html(document: Document) -> str:
    """The whole page, in English, with tables that read without style."""
    body = "\n".join(_block(block) for block in document.blocks)
    title = escape(document.title)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head>\n"
        f'<body><h1 dir="auto">{title}</h1>\n{body}\n</body></html>\n'
    )


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f'<h{block.level} dir="auto">{escape(block.text)}</h{block.level}>'
        case Paragraph():
            return f'<p dir="auto">{escape(block.text)}</p>'
        case Bullets():
            return "<ul>" + "".join(f'<li dir="auto">{escape(text)}</li>' for text in block.texts) + "</ul>"
        case Table():
            return table(block)
        case Intervals():
            return intervals(block)
        case Shares():
            return shares(block.rows, block.caption)


def table(block: Table) -> str:
    """A table whose first column heads its row."""
    heads = "".join(_cell("th", text, index >= block.words, ' scope="col"') for index, text in enumerate(block.head))
    rows = "".join(f"<tr>{_row(row, block.words)}</tr>" for row in block.rows)
    return (
        f'<div class="wide"><table id="{escape(block.name)}"><caption>{escape(block.caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(row: Sequence[str], words: int) -> str:
    return "".join(
        _cell("th", text, False, ' scope="row"') if index == 0 else _cell("td", text, index >= words)
        for index, text in enumerate(row)
    )


def _cell(tag: str, text: str, figure: bool, more: str = "") -> str:
    """Figures keep their order of signs and brackets in a right-to-left page too."""
    look = 'class="figure" dir="ltr"' if figure else 'dir="auto"'
    return f"<{tag}{more} {look}>{escape(text)}</{tag}>"


def intervals(block: Intervals) -> str:
    """Means as dots on one axis, intervals as lines; the figures stand in the title of each line."""
    marks = "".join(f'<i style="left:{_percent(mark, block):.2f}%"></i>' for mark in block.marks)
    numbers = "".join(f'<s style="left:{_percent(mark, block):.2f}%">{mark:g}</s>' for mark in block.marks)
    lines = []
    for bar in block.bars:
        span = interval = ""
        if bar.low is not None and bar.high is not None:
            low, high = _percent(bar.low, block), _percent(bar.high, block)
            span, interval = (
                f'<b style="left:{low:.2f}%;width:{high - low:.2f}%"></b>',
                f" [{bar.low:.2f}, {bar.high:.2f}]",
            )
        dot = f'<u style="left:{_percent(bar.middle, block):.2f}%"></u>'
        title = escape(f"{bar.label}: {bar.middle:.2f}{interval}")
        lines.append(
            f'<div class="line" title="{title}"><span dir="auto">{escape(bar.label)}</span>'
            f'<span class="axis" dir="ltr">{marks}{span}{dot}</span></div>'
        )
    axis = f'<div class="line"><span></span><span class="axis" dir="ltr">{numbers}</span></div>'
    return f"<figure><figcaption>{escape(block.caption)}</figcaption>{''.join(lines)}{axis}</figure>"


def _percent(value: float, block: Intervals) -> float:
    return 100 * (value - block.start) / (block.end - block.start)


def shares(rows: Sequence[tuple[str, Sequence[int]]], caption: str) -> str:
    """Stacked shares of the scale points; each part shows its point, so colour is never alone."""
    lines = []
    for label, counts in rows:
        total = sum(counts)
        parts = "".join(
            f'<i style="width:{100 * count / total:.2f}%;background:{shade}" title="{point}: {count}">{point}</i>'
            for point, (count, shade) in enumerate(zip(counts, SHADES, strict=True), start=1)
            if count
        )
        lines.append(
            f'<div class="line"><span dir="auto">{escape(label)}</span><span class="stack">{parts}</span></div>'
        )
    return f"<figure><figcaption>{escape(caption)}</figcaption>{''.join(lines)}</figure>"
