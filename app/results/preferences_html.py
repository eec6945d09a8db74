"""Preferences as HTML: which answers were preferred in sentences and bars, then the figures. Every text is escaped."""

from collections.abc import Sequence
from html import escape

from annotation.report.preferences import chart, is_clear, preferred
from annotation.report.results import Report
from annotation.report.words import figure, p_value, signed, span
from annotation.statistics.analysis import Analysis
from annotation.statistics.preferences import Duel, Preferences
from annotation.statistics.values import Undefined
from app.criteria import question_label
from app.html import hint, in_one_line
from app.results.ratings_html import reason, table
from app.texts import Texts
from core.report.html import interval_chart


def name_of(report: Report, key: str, texts: Texts) -> str:
    """What answers were compared on, in the language of the page."""
    own = next((one for one in report.study.preferences if one.key == key), None)
    return question_label(own, texts) if own is not None else key


def answer(report: Report, analysis: Analysis, language: str | None, texts: Texts) -> str:
    """Sentences, bars and tables of one language (None: over all of them); "" where no answers were compared."""
    parts = [_question(report, one, texts) for one in of_language(analysis, language)]
    if not parts:
        return ""
    count = sum(one.preferences for one in of_language(analysis, language))
    lead = f"<p>{escape(texts('results.pref_count', count=count))}</p>"
    return (
        f'<section class="agl results" dir="{texts.direction}"><h2>{escape(texts("results.preferences"))}</h2>{lead}</section>'
        + "".join(parts)
    )


def of_language(analysis: Analysis, language: str | None) -> list[Preferences]:
    """Those of one language, or those over all of them."""
    return [one for one in analysis.preferences if one.language == language]


def _question(report: Report, one: Preferences, texts: Texts) -> str:
    name = name_of(report, one.question, texts)
    sentences = "".join(_sentence(duel, name, report, texts) for duel in one.duels)
    bars = interval_chart(chart(one, report, texts("results.pref_chart", question=name)))
    return (
        f'<section class="agl results" dir="{texts.direction}"><ul class="verdicts">{sentences}</ul>{bars}</section>'
        f"{_standings(one, name, report, texts)}{_duels(one, name, report, texts)}{_agreement(one, texts)}"
    )


def _sentence(duel: Duel, question: str, report: Report, texts: Texts) -> str:
    better, worse, difference, interval = preferred(duel)
    names = {"better": report.named(better), "worse": report.named(worse), "question": question}
    if isinstance(difference, Undefined):
        kind, text = "not_computable", texts("results.pref_none", **names, reason=reason(difference, texts))
    else:
        facts = texts(
            "results.pref_facts",
            size=in_one_line(f"{signed(difference)} {span(interval)}".strip(), texts),
            p=in_one_line(p_value(duel.p_holm), texts),
            items=duel.items,
        )
        kind = "better" if is_clear(duel) else "undecided"
        text = texts(f"results.pref_{kind}", **names, facts=facts)
    return f'<li dir="auto" class="{kind}">{escape(text)}</li>'


def _standings(of: Preferences, name: str, report: Report, texts: Texts) -> str:
    heads = [
        escape(texts("results.method")),
        *(escape(texts(f"results.{key}")) for key in ("items", "wins", "ties", "losses")),
        hint(texts("results.win_rate"), texts("results.pref_rate_hint")),
        hint(texts("results.strength"), texts("results.strength_hint")),
    ]
    rows: list[Sequence[str]] = []
    for one in of.standings:
        if isinstance(one.strength, Undefined):
            strength = hint("–", reason(one.strength, texts))
        else:
            strength = f"{signed(one.strength)} {span(one.strength_interval)}".strip()
        counts = map(str, (one.items, one.wins, one.ties, one.losses))
        rate = f"<strong>{figure(one.rate)}</strong> {span(one.win_rate)}".strip()
        rows.append([escape(report.named(one.system)), *counts, rate, strength])
    return table(f"standings-{of.question}", name, heads, rows, texts, 1)


def _duels(of: Preferences, name: str, report: Report, texts: Texts) -> str:
    heads = [
        *(
            escape(texts(f"results.{key}"))
            for key in ("first", "second", "items", "pref_first", "pref_equal", "pref_second", "difference")
        ),
        "p",
        escape(texts("results.p_holm")),
    ]
    rows: list[Sequence[str]] = []
    for one in of.duels:
        names = [escape(report.named(one.first)), escape(report.named(one.second))]
        counts = [str(number) for number in (one.items, one.wins, one.ties, one.losses)]
        if isinstance(one.difference, Undefined):
            rows.append([*names, *counts, hint("–", reason(one.difference, texts)), "–", "–"])
            continue
        tests = (escape(p_value(value).removeprefix("= ")) for value in (one.p, one.p_holm))
        rows.append([*names, *counts, f"{signed(one.difference)} {span(one.interval)}".strip(), *tests])
    return table(f"duels-{of.question}", texts("results.pref_pairs", question=name), heads, rows, texts, 2)


def _agreement(of: Preferences, texts: Texts) -> str:
    if isinstance(of.agreement, Undefined):
        line = f"α –: {reason(of.agreement, texts)}"
    else:
        equal = "–" if isinstance(of.equal, Undefined) else f"{100 * of.equal:.0f}"
        value = in_one_line(f"{figure(of.agreement)} {span(of.agreement_interval)}".strip(), texts)
        line = texts("results.pref_agreement", pairs=of.pairs, alpha=value, equal=equal)
    return f'<p class="agl quiet" dir="{texts.direction}">{escape(line)}</p>'
