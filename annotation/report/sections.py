"""The report as a document: the answer first, then per language, then what it rests on."""

from collections.abc import Iterator, Sequence

from annotation.criteria import text_for
from annotation.records import Study
from annotation.report import error_spans as _errors
from annotation.report import preferences as _preferences
from annotation.report.evidence import agreement_table, comparison_table, evidence
from annotation.report.groups import assigned, group_blocks
from annotation.report.judges import judge_blocks
from annotation.report.looks import look_blocks
from annotation.report.results import Report, by_scale
from annotation.report.words import figure, materials, quotas, sentence, span, training
from annotation.scales import FIVE, Scale, labels_of
from annotation.statistics.summary import Cell
from annotation.statistics.values import Interval, Undefined
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
    parts = (
        _lead, _answer, look_blocks, _languages, group_blocks, _errors.error_blocks, evidence, judge_blocks, _questions, _method,
    )  # fmt: skip
    for part in parts:
        blocks += part(report)
    return Document.of_blocks(f"Human evaluation: {report.study.name}", blocks)


def _lead(report: Report) -> Iterator[Heading | Block]:
    everyone = report.everyone
    yield Paragraph(
        f"{everyone.ratings} ratings{_none_applicable(everyone.not_applicable)}{_orders(report)} by {everyone.raters} raters of "
        f"{everyone.items} items and {len(report.systems)} systems, in "
        f"{_listed(everyone.languages) or 'no language yet'}. Study {report.study.slug}, {report.study.state}; made at "
        f"{report.created_at:%Y-%m-%d %H:%M} UTC."
    )


def _none_applicable(count: int) -> str:
    return f" (and {count} times 'not applicable', which is no rating)" if count else ""


def _orders(report: Report) -> str:
    """How many orders of answers there are, in words, where the study asks for them."""
    several = len(report.everyone.languages) > 1
    count = sum(one.preferences for one in report.everyone.preferences if (one.language is None) == several)
    return f" and {count} orders of answers" if report.study.preferences else ""


def _answer(report: Report) -> Iterator[Heading | Block]:
    yield Heading("Which is better, and how sure is that?")
    if not report.everyone.answered:
        yield Paragraph("There are no ratings yet.")
        return
    several = len(report.everyone.languages) > 1
    scope = None if several else report.everyone.languages[0]
    yield from _preferences.preference_blocks(report, scope)
    if not report.study.criteria:
        return
    first = [one for one in report.verdicts if one.language == scope]
    if first:
        yield Bullets([sentence(one, report) for one in first])
    else:
        yield Paragraph("There is one system only, so there is nothing to compare.")
    cells = report.everyone.overall if several else report.everyone.cells
    yield from _charts(
        cells, report, "Mean rating with its 95 % interval" + (", over all languages" if several else "")
    )
    if several:
        yield _means("means-all", "Mean rating over all languages, with its 95 % interval", cells, report)


def _languages(report: Report) -> Iterator[Heading | Block]:
    for language in report.everyone.languages:
        cells = [one for one in report.everyone.cells if one.language == language]
        yield Heading(f"Language: {language}")
        if len(report.everyone.languages) > 1:
            yield from _preferences.preference_blocks(report, language)
        if not report.study.criteria:
            continue
        if len(report.everyone.languages) > 1:
            sentences = [sentence(one, report) for one in report.verdicts if one.language == language]
            if sentences:
                yield Bullets(sentences)
            yield from _charts(cells, report, f"Mean rating with its 95 % interval, {language}")
        yield _means(f"means-{language}", f"Mean rating with its 95 % interval, {language}", cells, report)
        for number, (scale, keys) in enumerate(by_scale(report.study).items()):
            own = [one for one in cells if one.criterion in keys]
            share = "tenth" if scale.is_continuous else "scale point"
            yield ShareChart(
                f"Share of each {share}, {scale}, {language}",
                [(_label(one, report), one.counts) for one in own if one.n],
                scale.bins(),
            )
            yield _points(
                f"points-{language}" + (f"-{scale.low}-{scale.high}" if number else ""), language, own, report, scale
            )
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
    return text_table(name, caption, ["System", *(_on_scale(report, key) for key in keys)], rows)


def _on_scale(report: Report, key: str) -> str:
    """A criterion with its scale, where a study has several."""
    scale = report.study.scales.get(key)
    return f"{report.criterion(key)} ({scale})" if len(by_scale(report.study)) > 1 else report.criterion(key)


def _mean(cell: Cell | None) -> str:
    if cell is None or isinstance(cell.mean, Undefined):
        return "–"
    return f"{figure(cell.mean)} {span(cell.mean_interval)}".strip()


def _points(name: str, language: str, cells: Sequence[Cell], report: Report, scale: Scale) -> Table:
    offered = any(report.study.scales[one.criterion].not_applicable for one in cells)
    last = ["Median", "Ratings", "Items", "Raters", "Missing", "Skipped", *(["Not applicable"] if offered else [])]
    head = ["System", "Criterion", *scale.bins(), *last]
    rows = [
        [
            report.named(one.system),
            report.criterion(one.criterion),
            *map(str, one.counts),
            figure(one.median, 1),
            *map(str, (one.n, one.items, one.raters, one.missing, one.skipped)),
            *([str(one.not_applicable)] if offered else []),
        ]
        for one in cells
    ]
    return text_table(name, f"Counts on the scale {scale}, {language}", head, rows, words=2)


def _charts(cells: Sequence[Cell], report: Report, caption: str) -> Iterator[IntervalChart]:
    """One for each scale."""
    scales = by_scale(report.study)
    for scale, keys in scales.items():
        own = [one for one in cells if one.criterion in keys]
        yield _chart(own, report, caption + (f", on the scale {scale}" if len(scales) > 1 else ""), scale)


def _chart(cells: Sequence[Cell], report: Report, caption: str, scale: Scale) -> IntervalChart:
    bars = [
        Bar(
            _label(one, report),
            one.mean,
            *((one.mean_interval.low, one.mean_interval.high) if isinstance(one.mean_interval, Interval) else ()),
        )
        for one in sorted(cells, key=lambda cell: [two.key for two in report.study.criteria].index(cell.criterion))
        if not isinstance(one.mean, Undefined)
    ]
    return IntervalChart(
        caption, bars, scale.low, scale.high, range(0, 101, 20) if scale.is_continuous else scale.points
    )


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
    if study.qualification is not None:
        yield Paragraph(training(report))
    for one in study.criteria:
        anchors = text_for(one.anchors, "en")
        yield Paragraph(
            f"{report.criterion(one.key)} (version {one.version}): {text_for(one.question, 'en')} From {one.scale}."
        )
        yield Bullets([f"{point}: {anchor}" for point, anchor in labels_of(one.scale, anchors)])
        if one.scale.not_applicable:
            yield Paragraph("Raters could answer 'not applicable'.")
    yield from _preferences.questions(study)
    if study.error_spans:
        yield Paragraph(_errors.TASK)


def _method(report: Report) -> Iterator[Heading | Block]:
    study = report.study
    checks = f"one among {study.check_every} items" if study.check_every else "none"
    answered, passed = report.checks
    yield Heading("How it was done and computed")
    yield Bullets(
        [
            f"Up to {study.raters_per_item} raters per item and language{quotas(study)}; a rater sees all systems of an item, as letters, "
            f"in an order drawn per rater and item (seed {study.seed}). Nothing is preselected.",
            *filter(None, [assigned(report)]),
            f"Attention checks: {checks}. Answered {answered}, passed {passed}. A rater fails when more than "
            f"{100 * study.failed_share:.0f} % of her checks failed. Checks never count as ratings.",
            f"Raters who failed: {len(report.failed)}. Raters whose data was removed: {len(report.removed)}. Raters left out "
            f"of all results by the organiser: {_excluded(report)}.",
            *(_of_ratings(report) if study.criteria else ()),
            *_preferences.method(report),
            *_errors.method(study),
        ]
    )


def _of_ratings(report: Report) -> Iterator[str]:
    """How ratings on scales were computed."""
    yield (
        "Means are over ratings; their intervals (95 %) are percentile bootstrap intervals over items, each drawn with "
        "all its ratings."
    )
    yield (
        "Systems are compared on the items rated for both, after averaging over raters (and, over all languages, over "
        "an item's languages): mean difference with a percentile bootstrap interval over items, and a two-sided "
        "sign-flip permutation test within items, exact up to 14 items that differ and with 10,000 random flips above."
    )
    yield (
        f"p-values are corrected by Holm over all {report.tests} comparisons of this report: pairs of systems, criteria "
        "and languages together. The level is .05."
    )
    yield (
        "Effect sizes: Cliff's delta of the item values, and the share of items in which the first system is better, "
        "ties as halves."
    )
    yield (
        "Agreement is Krippendorff's alpha with a bootstrap interval over items, for ordinal values (for interval values "
        "on a scale from 0 to 100), and the share of equal pairs of ratings of one output."
    )
    yield ("Normalised scores are z = (value − rater's mean) / rater's standard deviation, per criterion and language.")
    yield (
        "The paired items said to be needed follow from the normal approximation at the level corrected for all tests, "
        "with the spread of differences seen so far."
    )
    yield from _of_scales(report.study)


def _of_scales(study: Study) -> Iterator[str]:
    """What has to be said of scales other than 1 to 5, and of answers that are no ratings."""
    if any(one.scale.not_applicable for one in study.criteria):
        yield "'Not applicable' is an answer, so it is not missing, and no rating: means, tests and agreement leave it out."
    if set(by_scale(study)) != {FIVE}:
        yield (
            "Differences are in points of the criterion's own scale. The difference aimed for is named in points of 1 to 5 and "
            "is the same share of the other scales."
        )


def _excluded(report: Report) -> str:
    return "; ".join(f"{rater} ({reason})" for rater, reason in report.excluded.items()) or "none"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
