"""Results as HTML: the answer in sentences and bars first, then what it rests on. Every text is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

import langcodes

from annotation.report.results import Report, Verdict, by_scale
from annotation.report.words import figure, p_value, signed, span
from annotation.scales import Scale
from annotation.statistics.analysis import Analysis
from annotation.statistics.summary import Cell
from annotation.statistics.values import Interval, Undefined
from app.criteria import criterion_label
from app.html import hint, in_one_line, isolated, wide
from app.texts import Texts
from core.report.document import ShareChart
from core.report.html import share_chart

TRANSLATED_REASONS = {
    "no_ratings", "few_items", "same_means", "no_pairable", "all_equal", "unsteady", "not_shared", "same_differences",
    "few_raters", "few_systems", "separated", "nothing_marked",
}  # fmt: skip


def reason(value: Undefined, texts: Texts) -> str:
    """Why there is no figure, in the language of the page."""
    return texts(f"results.reason_{value.code}", **value.facts) if value.code in TRANSLATED_REASONS else value.reason


def criterion(report: Report, key: str, texts: Texts) -> str:
    """The name of a criterion: the catalogue's for the three default ones, else the study's own."""
    own = next((one for one in report.study.criteria if one.key == key), None)
    return criterion_label(own, texts) if own is not None else key


def language_name(language: str | None, texts: Texts) -> str:
    """A language by its own name."""
    return langcodes.Language.get(language).autonym() if language else texts("results.all_languages")


def answer(report: Report, analysis: Analysis, language: str | None, verdicts: Iterable[Verdict], texts: Texts) -> str:
    """Sentences, then methods by criteria with interval bars, then the shares of the scale points."""
    cells = cells_of(analysis, language)
    sentences = [sentence(one, report, texts) for one in verdicts if one.language == language]
    lines = "".join(f'<li dir="auto" class="{kind}">{escape(text)}</li>' for kind, text in sentences)
    verdict_list = (
        f'<ul class="verdicts">{lines}</ul>' if sentences else f"<p>{escape(texts('results.one_system'))}</p>"
    )
    if not report.study.criteria:
        return ""
    points = "".join(_shares(report, cells, scale, keys, texts) for scale, keys in by_scale(report.study).items())
    return (
        f'<section class="agl results" dir="{texts.direction}"><h2>{escape(texts("results.answer"))}</h2>{means(report, cells, texts)}'
        f"{verdict_list}{points}</section>"
    )


def _shares(report: Report, cells: Sequence[Cell], scale: Scale, keys: Sequence[str], texts: Texts) -> str:
    """Shares of the points of one scale, for the criteria that are on it."""
    rows = [
        (f"{criterion(report, one.criterion, texts)}: {report.named(one.system)}", one.counts)
        for one in cells
        if one.n and one.criterion in keys
    ]
    caption = f"{texts('results.chart_counts')} ({scale.low}–{scale.high})"
    return share_chart(ShareChart(isolated(caption, texts), rows, scale.bins())) if rows else ""


def cells_of(analysis: Analysis, language: str | None) -> list[Cell]:
    """The cells of one language, or those over all of them."""
    if language is None and analysis.overall:
        return list(analysis.overall)
    return [one for one in analysis.cells if language is None or one.language == language]


def sentence(verdict: Verdict, report: Report, texts: Texts) -> tuple[str, str]:
    """The kind of a verdict, and what it says."""
    names = {
        "better": report.named(verdict.better),
        "worse": report.named(verdict.worse),
        "criterion": criterion(report, verdict.criterion, texts),
    }
    facts = texts(
        "results.facts",
        size=in_one_line(f"{signed(verdict.difference)} {span(verdict.interval)}".strip(), texts),
        p=in_one_line(p_value(verdict.p), texts),
        items=verdict.items,
    )
    if verdict.kind == "not_computable":
        why = reason(verdict.p, texts) if isinstance(verdict.p, Undefined) else ""
        text = texts("results.not_computable", **names, reason=why)
    elif verdict.kind == "alike":
        text = texts("results.alike", **names, target=f"{verdict.target:g}", facts=facts)
    else:
        text = texts(f"results.{verdict.kind}", **names, facts=facts)
    if verdict.more and isinstance(verdict.needed, int):
        text += " " + texts("results.needed", needed=verdict.needed, target=f"{verdict.target:g}", more=verdict.more)
    return verdict.kind, text


def means(report: Report, cells: Sequence[Cell], texts: Texts) -> str:
    """Methods down, criteria across; each mean with its interval as a bar on the scale."""
    keys = [one.key for one in report.study.criteria]
    of = {(one.system, one.criterion): one for one in cells if one.n}
    systems = [system for system in report.systems if any((system, key) in of for key in keys)]
    scales = report.study.scales
    several = len(by_scale(report.study)) > 1
    ranges = {
        key: f' <span class="quiet" dir="ltr">{one.low}–{one.high}</span>' if several else ""
        for key, one in scales.items()
    }
    heads = "".join(f'<th scope="col">{escape(criterion(report, key, texts))}{ranges[key]}</th>' for key in keys)
    rows = "".join(
        f'<tr><th scope="row" dir="auto" title="{escape(system)}">{escape(report.named(system))}</th>'
        + "".join(_mean(of.get((system, key)), scales[key], texts) for key in keys)
        + "</tr>"
        for system in systems
    )
    return wide(
        texts("results.answer"),
        f'<table class="means"><thead><tr><th scope="col">{escape(texts("results.method"))}</th>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table>",
    )


def no_interval(why: Undefined, texts: Texts) -> str:
    """What stands where an interval cannot be computed: "too few items" only where that is the reason."""
    return texts("results.too_few") if why.code in ("few_items", "no_ratings") else "–"


def _mean(cell: Cell | None, scale: Scale, texts: Texts) -> str:
    if cell is None or isinstance(cell.mean, Undefined):
        return "<td>–</td>"
    spread = cell.mean_interval
    ticks = range(0, 101, 20) if scale.is_continuous else scale.points
    marks = "".join(f'<i style="left:{100 * scale.share(point):.1f}%"></i>' for point in ticks)
    if isinstance(spread, Interval):
        interval_text = f'<span class="quiet">{span(spread)}</span>'
        low, high = 100 * scale.share(spread.low), 100 * scale.share(spread.high)
        line = f'<b style="left:{low:.1f}%;width:{high - low:.1f}%"></b>'
    else:
        interval_text, line = hint(no_interval(spread, texts), reason(spread, texts), "quiet"), ""
    return (
        f'<td><span class="figure"><strong>{figure(cell.mean)}</strong> {interval_text}</span>'
        f'<span class="axis" dir="ltr" aria-hidden="true">{marks}{line}<u style="left:{100 * scale.share(cell.mean):.1f}%"></u></span></td>'
    )


def table(name: str, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], texts: Texts, words: int) -> str:
    """A plain table; ``heads`` and cells are HTML already, the first ``words`` columns are words."""
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td dir="auto">{cell}</td>' if at < words else f'<td><span class="figure">{cell}</span></td>'
            for at, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    inside = f'<table id="{name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return (
        f'<section class="agl results" dir="{texts.direction}"><h3>{escape(title)}</h3>{wide(title, inside)}</section>'
    )


def comparisons(report: Report, analysis: Analysis, language: str | None, texts: Texts) -> str:
    """Every pair of methods, with the raw and the corrected p and both effect sizes."""
    rows = []
    for one in analysis.comparisons:
        if one.language != language:
            continue
        names = [escape(report.named(one.first)), escape(report.named(one.second))]
        names.append(escape(criterion(report, one.criterion, texts)))
        if isinstance(one.difference, Undefined):
            rows.append([*names, str(one.items), hint("–", reason(one.difference, texts)), *["–"] * 4])
            continue
        p, corrected = (p_value(value).removeprefix("= ") for value in (one.p, one.p_holm))
        size = f"{signed(one.difference)} {span(one.interval)}".strip()
        rows.append(
            [*names, str(one.items), size, escape(p), escape(corrected), signed(one.delta), figure(one.win_rate)]
        )
    heads = [
        *(escape(texts(f"results.{key}")) for key in ("first", "second", "criterion", "items", "difference")),
        "p",
        hint(texts("results.p_holm"), texts("results.p_holm_hint", tests=report.tests)),
        hint("δ", texts("results.delta_hint")),
        hint(texts("results.win_rate"), texts("results.win_rate_hint")),
    ]
    return table("comparisons", texts("results.comparisons"), heads, rows, texts, 3) if rows else ""


def agreement(report: Report, analysis: Analysis, language: str | None, texts: Texts) -> str:
    """Alpha with its interval, per criterion."""
    rows = []
    for one in analysis.agreements:
        if one.language != language:
            continue
        if isinstance(one.alpha, Undefined):
            value = f'<span class="quiet">{escape(reason(one.alpha, texts))}</span>'
        else:
            value = f"{figure(one.alpha)} {span(one.interval)}".strip()
        equal = "–" if isinstance(one.equal, Undefined) else f"{100 * one.equal:.0f} %"
        rows.append([escape(criterion(report, one.criterion, texts)), value, equal, str(one.outputs), str(one.raters)])
    heads = [
        escape(texts("results.criterion")),
        hint("α", texts("results.alpha_hint")),
        *(escape(texts(f"results.{key}")) for key in ("equal_pairs", "outputs", "raters")),
    ]
    return table("agreement", texts("results.agreement"), heads, rows, texts, 1) if rows else ""


def orders(report: Report, analysis: Analysis, language: str | None, texts: Texts) -> str:
    """Raw and rater-normalised order, per language and criterion."""
    rows = []
    for one in analysis.rankings:
        if language not in (None, one.language):
            continue
        where = [escape(language_name(one.language, texts)), escape(criterion(report, one.criterion, texts))]
        stable = "–" if isinstance(one.stable_raw, Undefined) else f"{100 * one.stable_raw:.0f} %"
        named = [
            f"<bdi>{escape(report.named(two.system))}</bdi> <span class='figure quiet'>{figure(two.raw)}, {signed(two.z)}</span>"
            for two in one.ranks
        ]
        order = named[0] + "".join(f" {escape(sign)} {text}" for sign, text in zip(one.signs(), named[1:], strict=True))
        same = {True: texts("results.order_same"), False: texts("results.order_moved")}
        verdict = "–" if isinstance(one.same_order, Undefined) else same[one.same_order]
        rows.append([*where, f'<span dir="{texts.direction}">{order}</span>', escape(verdict), stable])
    heads = [
        escape(texts("results.language")),
        escape(texts("results.criterion")),
        hint(texts("results.order"), texts("results.z_hint")),
        escape(texts("results.order_normalised")),
        hint(texts("results.stable"), texts("results.stable_hint")),
    ]
    return table("orders", texts("results.orders"), heads, rows, texts, 4) if rows else ""


def counted(report: Report, texts: Texts) -> str:
    """Who rated, who failed, what was removed, as one line."""
    answered, passed = report.checks
    line = texts(
        "results.counted",
        ratings=report.everyone.ratings,
        raters=report.everyone.raters,
        items=report.everyone.items,
        failed=len(report.failed),
        passed=passed,
        answered=answered,
        removed=len(report.removed),
    )
    return f'<p class="agl quiet" dir="{texts.direction}">{escape(line)}</p>'
