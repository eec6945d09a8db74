"""Small pieces of HTML, escaped."""

import re
from collections.abc import Sequence
from html import escape

from app.texts import Texts
from core.errors import CoreError
from core.languages import language


def spoken(text: str, code: str, css: str = "", tag: str = "span") -> str:
    """A text in its own language and direction, shown as text."""
    own = language(code)
    css_part = f' class="{css}"' if css else ""
    return f'<{tag}{css_part} lang="{own.tag}" dir="{own.direction}">{escape(text)}</{tag}>'


def label_of(code: str) -> str:
    """A language by its own name, with the English one on hover."""
    own = language(code)
    return f'<span class="lang" lang="{own.tag}" title="{escape(own.name)}">{escape(own.autonym)}</span>'


def language_label(code: str) -> str:
    """A language by its own name, or its code where nobody knows it."""
    try:
        return language(code).autonym
    except CoreError:
        return code


def hint(text: str, explanation: str, css: str = "") -> str:
    """A word with its definition behind a "?" that finger, mouse and keyboard open (``keys.js`` shows it)."""
    return f'<span class="hint {css}">{escape(text)}{help_button(explanation)}</span>'


def help_button(explanation: str) -> str:
    """The "?" alone, for a word that is more than text."""
    return f'<button type="button" class="help" aria-haspopup="dialog" title="{escape(explanation)}">?</button>'


def bar(value: float, css: str = "") -> str:
    """A thin bar for a share in [0, 1]; the number stands beside it, so colour is never alone."""
    width = max(0.0, min(1.0, value)) * 100
    return f'<span class="bar {css}" aria-hidden="true"><i style="width:{width:.0f}%"></i></span>'


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def wide(name: str, table: str) -> str:
    """A table that may be wider than the page: it scrolls inside, which fingers, mouse and keyboard can do; ``name`` is read aloud."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">{table}</div>'


def isolated(figure: str, texts: Texts) -> str:
    """A figure whose signs, brackets and commas keep their order in right-to-left text around it (U+2066, U+2069)."""
    return f"\u2066{figure}\u2069" if texts.direction == "rtl" else figure


def in_one_line(figures: str, texts: Texts) -> str:
    """The same for figures that no line ends within, such as a mean with its interval: right-to-left text would turn the rest."""
    return isolated(figures.replace(" ", "\u00a0"), texts)


def message(text: str, kind: str = "note") -> str:
    """A one-sentence message where the eye is."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="message {kind}" role="{role}">{escape(text)}</p>'


def facts_line(facts: Sequence[str]) -> str:
    """Facts in a row, set off by dots; addresses in them can be followed."""
    linked = (re.sub(r"(https?://[^\s)]+|\bai\.google\.dev/[\w/]+)", _link, escape(fact)) for fact in facts)
    return f'<p class="quiet">{" · ".join(linked)}</p>'


def _link(match: re.Match[str]) -> str:
    address = match[1] if match[1].startswith("http") else f"https://{match[1]}"
    return f'<a href="{address}" rel="noreferrer" target="_blank">{match[1]}</a>'
