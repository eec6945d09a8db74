"""Marked errors as HTML: how many of each severity, methods compared, agreement of raters. Every text is escaped."""

from collections.abc import Sequence
from html import escape

from annotation.report.results import Report
from annotation.report.words import figure, p_value, signed, span
from annotation.statistics.analysis import Analysis
from annotation.statistics.error_spans import SpanAgreement
from annotation.statistics.values import Undefined
from app.html import hint, in_one_line
from app.results.ratings_html import reason, table
from app.texts import Texts


def answer(report: Report, analysis: Analysis, language: str | None, texts: Texts) -> str:
    """The tables of one language (None: over all of them); "" where no errors were marked."""
    errors = analysis.errors
    if errors is None:
        return ""
    rows: list[Sequence[str]] = [
        [
            escape(report.named(one.system)),
            *map(str, (one.markings, one.clean, one.minor, one.major)),
            f"<strong>{figure(one.weighted_mean)}</strong> {span(one.weighted)}".strip(),
        ]
        for one in errors.counts
        if one.language == language
    ]
    heads = [
        escape(texts("results.method")),
        *(escape(texts(f"results.errors_{key}")) for key in ("marked", "clean", "minor", "major")),
        hint(texts("results.errors_weighted"), texts("results.errors_weighted_hint")),
    ]
    html = table("errors", texts("results.errors"), heads, rows, texts, 1)
    html += _compared(report, analysis, language, texts)
    return html + "".join(_agreement(one, texts) for one in errors.agreements if one.language == language)


def _compared(report: Report, analysis: Analysis, language: str | None, texts: Texts) -> str:
    rows: list[Sequence[str]] = []
    for one in analysis.errors.comparisons if analysis.errors else ():
        if one.language != language:
            continue
        names = [escape(report.named(one.first)), escape(report.named(one.second)), str(one.items)]
        if isinstance(one.difference, Undefined):
            rows.append([*names, hint("–", reason(one.difference, texts)), "–", "–"])
            continue
        tests = (escape(p_value(value).removeprefix("= ")) for value in (one.p, one.p_holm))
        rows.append([*names, f"{signed(one.difference)} {span(one.interval)}".strip(), *tests])
    heads = [
        *(escape(texts(f"results.{key}")) for key in ("first", "second", "items", "difference")),
        "p",
        escape(texts("results.p_holm")),
    ]
    return table("errors-compared", texts("results.errors_compared"), heads, rows, texts, 2) if rows else ""


def _agreement(one: SpanAgreement, texts: Texts) -> str:
    if isinstance(one.f1, Undefined):
        line = f"F1 –: {reason(one.f1, texts)}"
    else:
        alpha = "–" if isinstance(one.alpha, Undefined) else f"{figure(one.alpha)} {span(one.interval)}".strip()
        values = {"f1": figure(one.f1), "same": figure(one.f1_severity), "alpha": in_one_line(alpha, texts)}
        line = texts("results.errors_agreement", outputs=one.outputs, **values)
    return f'<p class="agl quiet" dir="{texts.direction}">{escape(line)}</p>'
