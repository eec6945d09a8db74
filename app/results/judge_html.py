"""How models that grade agree with people, as HTML for Results. Every text is escaped."""

from collections.abc import Sequence
from html import escape

from annotation.report.results import Report
from annotation.report.words import figure, signed, span
from annotation.scales import scale_of
from annotation.statistics.analysis import Analysis
from annotation.statistics.judged import Judged
from annotation.statistics.values import Undefined
from app.html import hint, wide
from app.results.ratings_html import criterion, language_name, reason, table
from app.texts import Texts


def judges(report: Report, _: Analysis, language: str | None, texts: Texts) -> str:
    """Kappa and alpha by model, language and criterion, then the confusion tables, folded; nothing without a model."""
    own = [one for one in report.judged if language in (None, one.language)]
    if not own:
        return ""
    rows = [
        [
            escape(one.judge),
            escape(language_name(one.language, texts)),
            escape(criterion(report, one.criterion, texts)),
            str(one.texts),
            _with_interval(one, texts),
            _value(one.alpha_people, texts),
            _value(one.alpha_with, texts),
            signed(one.shift),
        ]
        for one in own
    ]
    heads = [
        escape(texts("results.judge")),
        escape(texts("results.language")),
        escape(texts("results.criterion")),
        escape(texts("results.outputs")),
        hint("κ", texts("results.kappa_hint")),
        hint(texts("results.alpha_people"), texts("results.alpha_people_hint")),
        escape(texts("results.alpha_with")),
        hint(texts("results.shift"), texts("results.shift_hint")),
    ]
    note = f'<p class="agl quiet" dir="{texts.direction}">{escape(texts("results.judge_note"))}</p>'
    summary = escape(texts("results.confusions"))
    folded = "".join(_confusion(one, report, texts) for one in own)
    fold = f'<details class="agl results" dir="{texts.direction}"><summary>{summary}</summary>{folded}</details>'
    return table("judges", texts("results.judged"), heads, rows, texts, 3) + note + fold


def _with_interval(one: Judged, texts: Texts) -> str:
    if isinstance(one.kappa, Undefined):
        return _value(one.kappa, texts)
    return f"{figure(one.kappa)} {span(one.interval)}".strip()


def _value(value: float | Undefined, texts: Texts) -> str:
    return hint("–", reason(value, texts)) if isinstance(value, Undefined) else figure(value)


def _confusion(one: Judged, report: Report, texts: Texts) -> str:
    """What people gave down, what the model gave across."""
    bins: Sequence[str] = scale_of(report.study.scales, one.criterion).bins()
    head = "".join(f'<th scope="col"><bdi dir="ltr">{escape(name)}</bdi></th>' for name in bins)
    body = "".join(
        f'<tr><th scope="row"><bdi dir="ltr">{escape(name)}</bdi></th>'
        + "".join(
            f'<td class="{"same" if row == column else ""}">{count or "·"}</td>' for column, count in enumerate(counts)
        )
        + "</tr>"
        for row, (name, counts) in enumerate(zip(bins, one.confusion, strict=True))
    )
    title = f"{one.judge} · {language_name(one.language, texts)} · {criterion(report, one.criterion, texts)}"
    corner = escape(texts("results.people_by_judge"))
    table = f'<table class="confusion"><thead><tr><th>{corner}</th>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<h4 dir="auto">{escape(title)}</h4>{wide(title, table)}'
