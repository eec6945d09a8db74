"""The answers in every language side by side."""

from html import escape

from app.texts import Texts
from app.views.html import bar, hint, label_of, number, said
from core.records import Answer, Prediction


def answer_table(prediction: Prediction, texts: Texts, waiting: int = 0) -> str:
    """One row a language; ``waiting`` rows are still to come."""
    columns = ["confidence", "adherence", "coherence"]
    heads = "".join(
        f'<th scope="col">{hint(texts(f"explore.{key}"), texts(f"explore.{key}_hint"))}</th>' for key in columns
    )
    heads += f'<th scope="col">{escape(texts("explore.without"))}</th>'
    heads += f'<th scope="col">{hint(texts("explore.kl"), texts("explore.kl_hint"))}</th>'
    rows = "".join(_row(answer, texts) for answer in prediction.answers)
    rows += '<tr class="waiting"><td colspan="7"></td></tr>' * waiting
    dropped = max((len(answer.prompt.dropped) for answer in prediction.answers), default=0)
    note = f'<p class="quiet">{escape(texts("explore.dropped", count=dropped))}</p>' if dropped else ""
    return (
        f'<section class="answered"><span class="heading">{escape(texts("explore.answered"))}</span>'
        f'<table class="answers"><thead><tr><th scope="col"></th><th scope="col">{escape(texts("explore.answer"))}</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table>{note}</section>"
    )


def _row(answer: Answer, texts: Texts) -> str:
    bare = said(answer.bare_text, answer.language) if answer.bare_text else "–"
    css = ' class="changed"' if answer.bare_text != answer.text else ""
    cells = [
        _measure(texts("explore.confidence"), answer.confidence, bar(answer.confidence or 0.0)),
        _measure(texts("explore.adherence"), answer.adherence, bar(answer.adherence or 0.0, "second")),
        _measure(texts("explore.coherence"), answer.coherence, bar(answer.coherence or 0.0, "second")),
        f'<td data-name="{escape(texts("explore.without"))}"{css}>{bare}</td>',
        f'<td data-name="{escape(texts("explore.kl"))}" class="figure">{number(answer.kl)}</td>',
    ]
    shown = said(answer.text, answer.language, "answer") if answer.text else "–"
    return f'<tr><th scope="row">{label_of(answer.language)}</th><td class="main">{shown}</td>{"".join(cells)}</tr>'


def _measure(name: str, value: float | None, drawn: str) -> str:
    inside = f'<span class="figure">{number(value)}</span>{drawn}' if value is not None else "–"
    return f'<td data-name="{escape(name)}" class="measure">{inside}</td>'
