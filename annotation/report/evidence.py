"""Tables that results rest on: comparisons, agreement, orders, failed raters, mixed models, raters."""

from collections.abc import Iterator

from annotation.report.preferences import without_failed
from annotation.report.results import Report
from annotation.report.words import adjudication, figure, p_value, signed, span
from annotation.statistics.analysis import Analysis
from annotation.statistics.comparisons import Comparison
from annotation.statistics.mixed import MixedModel
from annotation.statistics.summary import Cell
from annotation.statistics.values import Undefined
from core.report.document import Block, Heading, Paragraph, Table, text_table


def evidence(report: Report) -> Iterator[Heading | Block]:
    """Blocks that concern all languages together."""
    if not report.everyone.answered:
        return
    if len(report.everyone.languages) > 1 and report.everyone.ratings:
        yield Heading("Over all languages")
        yield comparison_table(report.everyone, report, None)
        yield agreement_table(report.everyone, report, None)
    if report.everyone.ratings:
        yield from _orders(report)
    yield from _without_failed(report)
    yield from _adjudicated(report)
    yield from _models(report)
    yield from _raters(report)


def comparison_table(analysis: Analysis, report: Report, language: str | None) -> Table:
    """All pairs of systems in one language (None: over all of them)."""
    head = ["First", "Second", "Criterion", "Items", "Difference", "95 %", "p", "p (Holm)", "Delta", "Win rate"]
    rows = [_compared(one, report) for one in analysis.comparisons if one.language == language]
    where = language or "all languages"
    caption = (
        f"Systems compared, paired by item, {where}: mean of first minus second in points of the criterion's scale"
    )
    return text_table(f"compared-{language or 'all'}", caption, head, rows, words=3)


def _compared(one: Comparison, report: Report) -> list[str]:
    names = [report.named(one.first), report.named(one.second), report.criterion(one.criterion), str(one.items)]
    if isinstance(one.difference, Undefined):
        return [*names, f"not computable: {one.difference.reason}", *[""] * 5]
    return [
        *names,
        signed(one.difference),
        span(one.interval) or "–",
        p_value(one.p).removeprefix("= "),
        p_value(one.p_holm).removeprefix("= "),
        signed(one.delta),
        figure(one.win_rate),
    ]


def agreement_table(analysis: Analysis, report: Report, language: str | None) -> Table:
    """Agreement on each criterion in one language (None: over all of them)."""
    rows = []
    for one in analysis.agreements:
        if one.language != language:
            continue
        alpha = f"not computable: {one.alpha.reason}" if isinstance(one.alpha, Undefined) else figure(one.alpha)
        equal = "–" if isinstance(one.equal, Undefined) else f"{100 * one.equal:.0f} %"
        name = report.criterion(one.criterion)
        rows.append([name, one.level, alpha, span(one.interval) or "–", equal, str(one.outputs), str(one.raters)])
    head = ["Criterion", "Level", "Alpha", "95 %", "Equal pairs", "Outputs", "Raters"]
    where = language or "all languages"
    return text_table(
        f"agreement-{language or 'all'}", f"Agreement of raters (Krippendorff's alpha), {where}", head, rows, words=2
    )


def _orders(report: Report) -> Iterator[Heading | Block]:
    yield Heading("Raw and rater-normalised order")
    head = ["Language", "Criterion", "System", "Raw mean", "Place", "Mean z", "Place by z"]
    rows: list[list[str]] = []
    without_z: dict[str, Undefined] = {}
    for ranking in report.everyone.rankings:
        without_z.update(ranking.without_z)
        rows += [
            [
                ranking.language,
                report.criterion(ranking.criterion),
                report.named(rank.system),
                figure(rank.raw),
                str(rank.raw_rank),
                signed(rank.z),
                "–" if isinstance(rank.z_rank, Undefined) else str(rank.z_rank),
            ]
            for rank in ranking.ranks
        ]
    yield text_table("orders", "Order of systems by raw means and by rater-normalised means", head, rows, words=3)
    moved = [one for one in report.everyone.rankings if one.same_order is False]
    yield Paragraph(
        "Normalising moves no system."
        if not moved
        else "Normalising changes the order in: "
        + "; ".join(f"{report.criterion(one.criterion)} ({one.language})" for one in moved)
        + "."
    )
    stable = [
        f"{report.criterion(one.criterion)} ({one.language}): {figure(one.stable_raw)} raw, {figure(one.stable_z)} normalised"
        for one in report.everyone.rankings
        if isinstance(one.stable_raw, float)
    ]
    if stable:
        yield Paragraph("Share of resamples over items with the same order of systems. " + "; ".join(stable) + ".")
    for rater, why in sorted(without_z.items()):
        yield Paragraph(f"Rater {rater} has no normalised score on some criterion: {why.reason}.")


def _without_failed(report: Report) -> Iterator[Heading | Block]:
    yield Heading("With and without raters who failed attention checks")
    if report.without_failed is None:
        answered, _ = report.checks
        yield Paragraph(
            "No rater failed her attention checks." if answered else "No attention check was answered in this study."
        )
        return
    rest = report.without_failed
    remain = f" {rest.ratings} of {report.everyone.ratings} ratings remain." if report.everyone.ratings else ""
    yield Paragraph(f"Left out here: {', '.join(report.failed)}.{remain}")
    yield from without_failed(report, rest)
    if not report.everyone.ratings:
        return
    all_raters = {(one.system, one.language, one.criterion): one for one in report.everyone.cells}
    rows = [
        [
            one.language or "",
            report.criterion(one.criterion),
            report.named(one.system),
            _with_interval(all_raters[one.system, one.language, one.criterion]),
            _with_interval(one),
        ]
        for one in rest.cells
        if not isinstance(all_raters[one.system, one.language, one.criterion].mean, Undefined)
    ]
    head = ["Language", "Criterion", "System", "All raters", "Without failed"]
    yield text_table("failed-means", "Means with and without failed raters", head, rows, words=3)
    others = {(one.criterion, one.language, one.first, one.second): one for one in rest.comparisons}
    rows = []
    for one in report.everyone.comparisons:
        other = others.get((one.criterion, one.language, one.first, one.second))
        if other is None or isinstance(one.difference, Undefined):
            continue
        rows.append(
            [
                one.language or "all",
                report.criterion(one.criterion),
                f"{report.named(one.first)} − {report.named(one.second)}",
                f"{signed(one.difference)}, p {p_value(one.p_holm)}",
                f"{signed(other.difference)}, p {p_value(other.p_holm)}",
            ]
        )
    head = ["Language", "Criterion", "Difference of", "All raters", "Without failed"]
    yield text_table(
        "failed-differences", "Differences with and without failed raters (p by Holm)", head, rows, words=3
    )


def _adjudicated(report: Report) -> Iterator[Heading | Block]:
    if not report.adjudicators:
        return
    yield Heading("Adjudicated")
    yield Paragraph(adjudication(report))
    if not report.adjudicated:
        return
    rows = [
        [
            one.adjudicator,
            one.language,
            report.criterion(one.criterion),
            str(one.texts),
            figure(one.mean),
            figure(one.raters_mean),
            figure(one.distance),
            f"{100 * one.shared:.0f} %",
        ]
        for one in report.adjudicated
    ]
    head = ["Adjudicator", "Language", "Criterion", "Texts", "Adjudicated", "Raters", "Distance", "A rater's too"]
    caption = "Adjudicated values beside the raters' of the same texts: means, mean distance in points, share that a rater gave too"
    yield text_table("adjudicated", caption, head, rows, words=3)


def _with_interval(cell: Cell) -> str:
    return f"{figure(cell.mean)} {span(cell.mean_interval)}".strip()


def _models(report: Report) -> Iterator[Heading | Block]:
    if not report.everyone.models:
        return
    yield Heading("Mixed models, as a check")
    rows = []
    for one in report.everyone.models:
        names = [one.language, report.criterion(one.criterion)]
        if not isinstance(one.fitted, MixedModel):
            rows.append([*names, f"not computable: {one.fitted.reason}", *[""] * 7])
            continue
        model = one.fitted
        spreads = [figure(value) for value in (model.rater_sd, model.item_sd, model.text_sd, model.residual_sd)]
        rows += [
            [
                *names,
                f"{report.named(effect.system)} − {report.named(model.reference)}",
                signed(effect.estimate),
                span(effect.interval),
                p_value(effect.p).removeprefix("= "),
                *spreads,
            ]
            for effect in model.effects
        ]
    head = ["Language", "Criterion", "Effect", "Estimate", "95 %", "p", "Rater SD", "Item SD", "Text SD", "Rest SD"]
    caption = "Linear mixed models: system fixed; rater, item and text random (REML, Wald intervals, uncorrected)"
    yield text_table("mixed", caption, head, rows, words=3)


def _raters(report: Report) -> Iterator[Heading | Block]:
    yield Heading("Raters, time, skips")
    rows = [[one.language, str(one.items), figure(one.seconds, 0)] for one in report.pace]
    yield text_table("pace", "Answered items and median seconds per item", ["Language", "Items", "Seconds"], rows)
    levels = [f"{level or 'not stated'}: {count}" for level, count in report.proficiency.items()]
    yield Paragraph("Language proficiency, as raters said: " + (", ".join(levels) or "nothing") + ".")
    skips = [f"{reason}: {count}" for reason, count in report.skips.items()]
    yield Paragraph("Items skipped, by reason: " + (", ".join(skips) or "none") + ".")
