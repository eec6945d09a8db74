"""Marked errors in the report: how many of each severity, systems compared by weighted errors, agreement, and what raters were asked."""

from collections.abc import Iterator

from annotation.records import Study
from annotation.report.results import Report
from annotation.report.words import figure, p_value, signed, span
from annotation.statistics.error_spans import WEIGHTS, ErrorCounts, SpanAgreement
from annotation.statistics.values import Undefined
from core.report.document import Block, Heading, Paragraph, text_table

TASK = (
    "Before they rated an output, raters marked its errors: any part of the text, as a minor error (the text remains "
    "understandable and usable) or a major one (the meaning is changed or lost). An output may have none."
)


def error_blocks(report: Report) -> Iterator[Heading | Block]:
    """Tables of all languages; nothing where no errors were marked."""
    errors = report.everyone.errors
    if errors is None:
        return
    yield Heading("Marked errors")
    head = ["Language", "System", "Outputs marked", "Without errors", "Minor", "Major", "Weighted errors", "95 %"]
    yield text_table(
        "errors",
        f"Errors by severity; weighted: {_weights()}, per output",
        head,
        [_counts(one, report) for one in errors.counts],
        words=2,
    )
    rows = [
        [
            one.language or "all",
            report.named(one.first),
            report.named(one.second),
            str(one.items),
            signed(one.difference),
            span(one.interval) or "–",
            p_value(one.p).removeprefix("= "),
            p_value(one.p_holm).removeprefix("= "),
        ]
        for one in errors.comparisons
    ]
    head = ["Language", "First", "Second", "Items", "Difference", "95 %", "p", "p (Holm)"]
    yield text_table("errors-compared", "Weighted errors, first minus second (fewer is better)", head, rows, words=3)
    for one in errors.agreements:
        yield Paragraph(agreement(one))


def _weights() -> str:
    return ", ".join(f"{severity} {weight}" for severity, weight in WEIGHTS.items())


def _counts(one: ErrorCounts, report: Report) -> list[str]:
    numbers = map(str, (one.markings, one.clean, one.minor, one.major))
    return [
        one.language or "all", report.named(one.system), *numbers, figure(one.weighted_mean), span(one.weighted) or "–",
    ]  # fmt: skip


def agreement(one: SpanAgreement) -> str:
    """How far raters agree on errors, in a sentence."""
    where = one.language or "all languages"
    if isinstance(one.f1, Undefined) or isinstance(one.f1_severity, Undefined):
        return (
            f"Agreement on errors, {where}: not computable: {one.f1.reason if isinstance(one.f1, Undefined) else ''}."
        )
    value = f"not computable: {one.alpha.reason}" if isinstance(one.alpha, Undefined) else figure(one.alpha)
    return (
        f"Agreement on errors, {where}, {one.outputs} outputs marked by two raters or more: F1 of marked characters {figure(one.f1)}, "
        f"of characters marked with the same severity {figure(one.f1_severity)}; alpha {f'{value} {span(one.interval)}'.strip()}."
    )


def marked_errors(report: Report, unknown: str) -> Iterator[tuple[str, str, str]]:
    """The questions of a datasheet about marked errors; `unknown`: what only the organiser can say."""
    yield "4.1", "Type of quality, aspect, frame of reference", unknown
    yield (
        "4.2",
        "Objective or subjective; absolute or relative; intrinsic or extrinsic",
        "subjective; absolute; intrinsic",
    )
    yield "4.3.1", "Name of the criterion", "Errors"
    yield "4.3.2", "Definition given to evaluators", TASK
    yield "4.3.3", "Size of the scale", "2 severities (minor, major) of any number of parts of the text"
    yield "4.3.6", "Task, if there is no scale", "Marking parts of the output."
    yield "4.3.8", "Form of elicitation", "Annotation of the output (error spans, as in ESA)."
    yield "4.3.9", "Aggregation", f"Counts by severity; weighted errors ({_weights()}) averaged over raters."
    agreements = report.everyone.errors.agreements if report.everyone.errors else ()
    yield "4.3.11", "Agreement between evaluators", " ".join(map(agreement, agreements)) or "Nothing is marked yet."


def method(study: Study) -> list[str]:
    """How marked errors are stored and computed."""
    if not study.error_spans:
        return []
    return [
        "Marked errors are stored by their first character and the one behind their last, in Unicode code points of the text in NFC; "
        f"they do not overlap. Weighted errors ({_weights()}, as in MQM: Freitag et al. 2021) are averaged over raters and compared "
        "as ratings are, in a Holm family of their own.",
        "Agreement on errors: F1 of the characters that two raters marked, over all pairs of raters; and Krippendorff's alpha, nominal, "
        "with every character as a unit and none, minor and major as its values, with a bootstrap interval over items.",
    ]
