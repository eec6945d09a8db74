"""Preferences in the report: which answers were preferred, win rates with ties, strengths, agreement, and what raters were asked."""

from collections.abc import Iterator

from annotation.criteria import text_for
from annotation.preference_records import PreferenceQuestion
from annotation.records import Study
from annotation.report.results import ALPHA, Report
from annotation.report.words import figure, p_value, signed, span
from annotation.statistics.analysis import Analysis
from annotation.statistics.preferences import Duel, Preferences, Standing
from annotation.statistics.values import Interval, Undefined
from core.report.document import Bar, Block, Bullets, Heading, IntervalChart, Paragraph, text_table
from core.report.markup import plain


def question_name(study: Study, key: str) -> str:
    """The English name of what answers were compared on."""
    return next((named(one) for one in study.preferences if one.key == key), key)


def named(question: PreferenceQuestion) -> str:
    """Its label, or its key where it has none."""
    return text_for(question.label, "en") if question.label else question.key


def preferred(duel: Duel) -> tuple[str, str, float | Undefined, Interval | Undefined]:
    """The system that was preferred, the other, and the difference the right way round."""
    difference, interval = duel.difference, duel.interval
    if isinstance(difference, Undefined) or difference >= 0:
        return duel.first, duel.second, difference, interval
    if isinstance(interval, Interval):
        interval = Interval(-interval.value, -interval.high, -interval.low)
    return duel.second, duel.first, -difference, interval


def is_clear(duel: Duel) -> bool:
    """Whether the test shows a preference at the corrected level."""
    return not isinstance(duel.p_holm, Undefined) and duel.p_holm <= ALPHA


def sentence(duel: Duel, of: Preferences, report: Report) -> str:
    """One pair of systems in a plain sentence."""
    better, worse, difference, interval = preferred(duel)
    names, question = (report.named(better), report.named(worse)), question_name(report.study, of.question)
    if isinstance(difference, Undefined):
        return f"{names[0]} and {names[1]}, {question}: not computable: {difference.reason}."
    size = " ".join(filter(None, (signed(difference), span(interval))))
    facts = f"{size} on a scale from −1 to 1, p {p_value(duel.p_holm)} (Holm), {duel.items} items"
    if is_clear(duel):
        return f"{names[0]} is preferred to {names[1]}, {question}: {facts}."
    return f"{names[0]} and {names[1]}, {question}: no preference shown; {facts}."


def preference_blocks(report: Report, language: str | None) -> Iterator[Heading | Block]:
    """Sentences, chart and tables of one language, or (None) of all together."""
    for one in report.everyone.preferences:
        if one.language != language:
            continue
        name = question_name(report.study, one.question)
        where = language or "all languages"
        yield Bullets([sentence(duel, one, report) for duel in one.duels])
        yield chart(one, report, f"Win rate with its 95 % interval, ties as halves: {name}, {where}")
        yield text_table(
            f"standings-{one.question}-{language or 'all'}",
            f"Preferences, {name}, {where}: {one.preferences} orders by {one.raters} raters of {one.items} items",
            ["System", "Items", "Wins", "Ties", "Losses", "Win rate", "95 %", "Strength", "95 %"],
            [_standing(standing, report) for standing in one.standings],
        )
        yield text_table(
            f"duels-{one.question}-{language or 'all'}",
            f"Pairs of systems, {name}, {where}: comparisons in which the first was better, equal, worse",
            ["First", "Second", "Items", "Better", "Equal", "Worse", "Difference", "95 %", "p", "p (Holm)"],
            [_duel(duel, report) for duel in one.duels],
            words=2,
        )
        yield Paragraph(agreement(one))


def chart(of: Preferences, report: Report, caption: str) -> IntervalChart:
    """Win rates with their intervals."""
    bars = [
        Bar(
            report.named(one.system),
            one.rate,
            *((one.win_rate.low, one.win_rate.high) if isinstance(one.win_rate, Interval) else ()),
        )
        for one in of.standings
    ]
    return IntervalChart(caption, bars, 0, 1, (0, 0.25, 0.5, 0.75, 1))


def _standing(one: Standing, report: Report) -> list[str]:
    strength = "not computable" if isinstance(one.strength, Undefined) else signed(one.strength)
    counts = map(str, (one.items, one.wins, one.ties, one.losses))
    return [
        report.named(one.system), *counts, figure(one.rate), span(one.win_rate) or "–", strength,
        span(one.strength_interval) or "–",
    ]  # fmt: skip


def _duel(one: Duel, report: Report) -> list[str]:
    names = [report.named(one.first), report.named(one.second)]
    counts = [str(number) for number in (one.items, one.wins, one.ties, one.losses)]
    if isinstance(one.difference, Undefined):
        return [*names, *counts, f"not computable: {one.difference.reason}", "", "", ""]
    tests = (p_value(value).removeprefix("= ") for value in (one.p, one.p_holm))
    return [*names, *counts, signed(one.difference), span(one.interval) or "–", *tests]


def agreement(of: Preferences) -> str:
    """Agreement of raters on pairs, the tie parameter, and why there are no strengths where there are none."""
    if isinstance(of.agreement, Undefined):
        text = f"Agreement of raters on pairs: not computable: {of.agreement.reason}."
    else:
        equal = "" if isinstance(of.equal, Undefined) else f"; {100 * of.equal:.0f} % of pairs of raters said the same"
        text = (
            f"Agreement of raters on {of.pairs} pairs of answers: alpha {figure(of.agreement)} "
            f"{span(of.agreement_interval)}{equal}."
        )
    if isinstance(of.tie, Undefined):
        return f"{text} Strengths: not computable: {of.tie.reason}."
    return f"{text} Davidson's tie parameter: {figure(of.tie)}."


def compared_criterion(
    report: Report, question: PreferenceQuestion, kinds: tuple[str, str, str], repeats: str
) -> Iterator[tuple[str, str, str]]:
    """The questions of a datasheet about one comparison; `kinds`: type, aspect and frame of reference of its quality."""
    kind, aspect, frame = kinds
    yield "4.1.1", "Type of quality", kind
    yield "4.1.2", "Aspect of the output", aspect
    yield "4.1.3", "Frame of reference", frame
    yield "4.2.1", "Objective or subjective", "subjective"
    yield "4.2.2", "Absolute or relative", "relative: the outputs of all systems of an item are ordered, ties allowed"
    yield "4.2.3", "Intrinsic or extrinsic", "intrinsic"
    yield "4.3.1", "Name of the criterion", plain(named(question))
    yield "4.3.2", "Definition given to evaluators", "The question, below."
    size = "3 (better, equal, worse)" if len(report.systems) == 2 else f"{len(report.systems)} ranks, ties allowed"
    yield "4.3.3", "Size of the scale", size
    yield "4.3.4", "Values", "Of two outputs: which is better, or equal; of more: a rank for each, 1 the best."
    yield "4.3.5", "Presentation of the scale", "Multiple choice, below the outputs. Nothing preselected."
    yield "4.3.6", "Task, if there is no scale", "Ordering the outputs of an item."
    yield "4.3.7", "Question as shown", f"{plain(text_for(question.question, 'en'))} (version {question.version})"
    yield "4.3.8", "Form of elicitation", "Relative quality estimation."
    yield (
        "4.3.9",
        "Aggregation",
        "Wins, ties, losses of all pairs; win rate with ties as halves; strengths by Davidson (1970).",
    )
    tests = sum(not isinstance(duel.p, Undefined) for one in report.everyone.preferences for duel in one.duels)
    yield (
        "4.3.10",
        "Effect sizes and significance",
        "Mean of better minus worse by item with a bootstrap interval over items; sign-flip permutation test, Holm over "
        f"{tests} comparisons.",
    )
    values = [
        f"{one.language or 'all languages'}: {agreement(one)}"
        for one in report.everyone.preferences
        if one.question == question.key
    ]
    yield "4.3.11", "Agreement between evaluators", " ".join(values) or "No preferences yet."
    yield "4.3.12", "Agreement of evaluators with themselves", repeats


def without_failed(report: Report, rest: Analysis) -> Iterator[Heading | Block]:
    """Win rates with and without the raters who failed their attention checks."""
    if not report.everyone.preferences:
        return
    others = {
        (one.question, one.language, standing.system): standing
        for one in rest.preferences
        for standing in one.standings
    }
    rows = []
    for one in report.everyone.preferences:
        for standing in one.standings:
            other = others.get((one.question, one.language, standing.system))
            rows.append(
                [
                    one.language or "all",
                    question_name(report.study, one.question),
                    report.named(standing.system),
                    _rate(standing),
                    "–" if other is None else _rate(other),
                ]
            )
    head = ["Language", "Compared on", "System", "All raters", "Without failed"]
    yield text_table("failed-preferences", "Win rates with and without failed raters", head, rows, words=3)


def _rate(one: Standing) -> str:
    return f"{figure(one.rate)} {span(one.win_rate)}".strip()


def questions(study: Study) -> Iterator[Heading | Block]:
    """What raters were asked to compare."""
    if not study.preferences:
        return
    yield Paragraph(
        "Raters compared the answers of an item"
        + (", after the criteria" if study.criteria else "")
        + ". Of two answers: which is better, or that they are equal. Of more: a rank for each, 1 the best, ties allowed."
    )
    yield Bullets(
        [f"{named(one)} (version {one.version}): {text_for(one.question, 'en')}" for one in study.preferences]
    )


def method(report: Report) -> list[str]:
    """How preferences were collected and computed."""
    if not report.study.preferences:
        return []
    tests = sum(not isinstance(duel.p, Undefined) for one in report.everyone.preferences for duel in one.duels)
    return [
        "Orders of answers are taken apart into pairs: one is better, or they are equal. The win rate of a system is its wins plus half "
        "of its ties, as a share of its comparisons; its interval (95 %) is a percentile bootstrap interval over items.",
        "Strengths are logarithms of those of the model of Bradley and Terry with ties by Davidson (1970), by maximum likelihood, "
        "summing to 0 over systems, with percentile bootstrap intervals over items (2,000 resamples).",
        f"Two systems are tested by sign flips within items of the mean of better minus worse over the raters; these {tests} tests "
        "are a Holm family of their own.",
        "Agreement on pairs is Krippendorff's alpha, ordinal, of better, equal and worse; every pair counts in both orders, so that "
        "it does not depend on which system is named first.",
        *(
            ["Attention checks: an order fails where the spoiled output stands first, or where more than a quarter of the pairs stand the "
             "other way round when an item comes again."] if report.study.check_every and not report.study.criteria else []
        ),
    ]  # fmt: skip
