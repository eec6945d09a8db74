"""Small pieces of HTML, escaped."""

from html import escape

from core.languages import language


def said(text: str, code: str, css: str = "", tag: str = "span") -> str:
    """A text in its own language and direction, shown as text."""
    spoken = language(code)
    css_part = f' class="{css}"' if css else ""
    return f'<{tag}{css_part} lang="{spoken.tag}" dir="{spoken.direction}">{escape(text)}</{tag}>'


def label_of(code: str) -> str:
    """A language's tag with its name on hover."""
    spoken = language(code)
    return f'<abbr class="lang" title="{escape(spoken.name)}">{escape(spoken.autonym)}</abbr>'


def hint(text: str, explanation: str, css: str = "") -> str:
    """A word with its explanation on hover and for screen readers."""
    return f'<abbr class="hint {css}" title="{escape(explanation)}">{escape(text)}</abbr>'


def bar(value: float, css: str = "") -> str:
    """A thin bar for a share in [0, 1]; the number stands beside it, so colour is never alone."""
    width = max(0.0, min(1.0, value)) * 100
    return f'<span class="bar {css}" aria-hidden="true"><i style="width:{width:.0f}%"></i></span>'


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def message(text: str, kind: str = "note") -> str:
    """A one-sentence message where the eye is."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="message {kind}" role="{role}">{escape(text)}</p>'
