"""The report as a document: the answer first, then per language, then what it rests on."""

from collections.abc import Iterator, Sequence

from annotation.criteria import text_for
from annotation.report.evidence import agreement_table, comparison_table, evidence
from annotation.report.results import Report
from annotation.report.words import figure, materials, sentence, span
from annotation.statistics.summary import Cell
from annotation.statistics.values import Interval, Undefined
from annotation.vocabulary import SCALE
from core.report.document import (
    Bar,
    Block,
    Bullets,
    Document,
    Heading,
    IntervalChart,
    Paragraph,
    ShareChart,
    Table,
    text_table,
)


def document(report: Report) -> Document:
    """All of the report; every table of it stands per language and per criterion."""
    blocks: list[Heading | Block] = []
    for part in (_lead, _answer, _languages, evidence, _questions, _method):
        blocks += part(report)
    return Document.of_blocks(f"Human evaluation: {report.study.name}", blocks)


def _lead(report: Report) -> Iterator[Heading | Block]:
    everyone = report.everyone
    yield Paragraph(
        f"{everyone.ratings} ratings by {everyone.raters} raters of {everyone.items} items and {len(report.systems)} systems, in "
        f"{_listed(everyone.languages) or 'no language yet'}. Study {report.study.slug}, {report.study.state}; made at "
        f"{report.created_at:%Y-%m-%d %H:%M} UTC."
    )


def _answer(report: Report) -> Iterator[Heading | Block]:
    yield Heading("Which is better, and how sure is that?")
    if not report.everyone.ratings:
        yield Paragraph("There are no ratings yet.")
        return
    several = len(report.everyone.languages) > 1
    scope = None if several else report.everyone.languages[0]
    first = [one for one in report.verdicts if one.language == scope]
    if first:
        yield Bullets([sentence(one, report) for one in first])
    else:
        yield Paragraph("There is one system only, so there is nothing to compare.")
    cells = report.everyone.overall if several else report.everyone.cells
    yield _chart(cells, report, "Mean rating with its 95 % interval" + (", over all languages" if several else ""))
    if several:
        yield _means("means-all", "Mean rating over all languages, with its 95 % interval", cells, report)


def _languages(report: Report) -> Iterator[Heading | Block]:
    for language in report.everyone.languages:
        cells = [one for one in report.everyone.cells if one.language == language]
        yield Heading(f"Language: {language}")
        if len(report.everyone.languages) > 1:
            sentences = [sentence(one, report) for one in report.verdicts if one.language == language]
            if sentences:
                yield Bullets(sentences)
            yield _chart(cells, report, f"Mean rating with its 95 % interval, {language}")
        yield _means(f"means-{language}", f"Mean rating with its 95 % interval, {language}", cells, report)
        yield ShareChart(
            f"Share of each scale point, 1 to 5, {language}",
            [(_label(one, report), one.counts) for one in cells if one.n],
        )
        yield _points(language, cells, report)
        yield agreement_table(report.everyone, report, language)
        yield comparison_table(report.everyone, report, language)


def _means(name: str, caption: str, cells: Sequence[Cell], report: Report) -> Table:
    """Method by criterion."""
    keys = [one.key for one in report.study.criteria]
    of = {(one.system, one.criterion): one for one in cells}
    rows = [
        [report.named(system), *(_mean(of.get((system, key))) for key in keys)]
        for system in report.systems
        if any((system, key) in of for key in keys)
    ]
    return text_table(name, caption, ["System", *(report.criterion(key) for key in keys)], rows)


def _mean(cell: Cell | None) -> str:
    if cell is None or isinstance(cell.mean, Undefined):
        return "–"
    return f"{figure(cell.mean)} {span(cell.mean_interval)}".strip()


def _points(language: str, cells: Sequence[Cell], report: Report) -> Table:
    head = ["System", "Criterion", *map(str, SCALE), "Median", "Ratings", "Items", "Raters", "Missing", "Skipped"]
    rows = [
        [
            report.named(one.system),
            report.criterion(one.criterion),
            *map(str, one.counts),
            figure(one.median, 1),
            *map(str, (one.n, one.items, one.raters, one.missing, one.skipped)),
        ]
        for one in cells
    ]
    return text_table(f"points-{language}", f"Counts of every scale point, {language}", head, rows, words=2)


def _chart(cells: Sequence[Cell], report: Report, caption: str) -> IntervalChart:
    bars = [
        Bar(
            _label(one, report),
            one.mean,
            *((one.mean_interval.low, one.mean_interval.high) if isinstance(one.mean_interval, Interval) else ()),
        )
        for one in sorted(cells, key=lambda cell: [two.key for two in report.study.criteria].index(cell.criterion))
        if not isinstance(one.mean, Undefined)
    ]
    return IntervalChart(caption, bars, SCALE[0], SCALE[-1], SCALE)


def _label(cell: Cell, report: Report) -> str:
    return f"{report.criterion(cell.criterion)}: {report.named(cell.system)}"


def _questions(report: Report) -> Iterator[Heading | Block]:
    study = report.study
    yield Heading("What raters were asked")
    yield Paragraph(f"Task: {study.task}")
    if report.tasks:
        yield Paragraph(f"Some items had tasks of their own instead: {'; '.join(report.tasks)}.")
    yield Paragraph(f"Instructions: {text_for(study.instructions, 'en')}")
    yield Paragraph(materials(study))
    for one in study.criteria:
        anchors = text_for(one.anchors, "en")
        yield Paragraph(f"{report.criterion(one.key)} (version {one.version}): {text_for(one.question, 'en')}")
        yield Bullets([f"{point}: {anchor}" for point, anchor in zip(SCALE, anchors, strict=True)])


def _method(report: Report) -> Iterator[Heading | Block]:
    study = report.study
    checks = f"one among {study.check_every} items" if study.check_every else "none"
    answered, passed = report.checks
    yield Heading("How it was done and computed")
    yield Bullets(
        [
            f"Up to {study.raters_per_item} raters per item and language; a rater sees all systems of an item, as letters, "
            f"in an order drawn per rater and item (seed {study.seed}). Nothing is preselected.",
            f"Attention checks: {checks}. Answered {answered}, passed {passed}. A rater fails when more than "
            f"{100 * study.failed_share:.0f} % of her checks failed. Checks never count as ratings.",
            f"Raters who failed: {len(report.failed)}. Raters whose data was removed: {len(report.removed)}. Raters left out "
            f"of all results by the organiser: {_excluded(report)}.",
            "Means are over ratings; their intervals (95 %) are percentile bootstrap intervals over items, each drawn with "
            "all its ratings.",
            "Systems are compared on the items rated for both, after averaging over raters (and, over all languages, over "
            "an item's languages): mean difference with a percentile bootstrap interval over items, and a two-sided "
            "sign-flip permutation test within items, exact up to 14 items that differ and with 10,000 random flips above.",
            f"p-values are corrected by Holm over all {report.tests} comparisons of this report: pairs of systems, criteria "
            "and languages together. The level is .05.",
            "Effect sizes: Cliff's delta of the item values, and the share of items in which the first system is better, "
            "ties as halves.",
            "Agreement is Krippendorff's alpha for ordinal values with a bootstrap interval over items, and the share of "
            "equal pairs of ratings of one output.",
            "Normalised scores are z = (value − rater's mean) / rater's standard deviation, per criterion and language.",
            "The paired items said to be needed follow from the normal approximation at the level corrected for all tests, "
            "with the spread of differences seen so far.",
        ]
    )


def _excluded(report: Report) -> str:
    return "; ".join(f"{rater} ({reason})" for rater, reason in report.excluded.items()) or "none"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
