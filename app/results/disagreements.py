"""Items to read: what raters gave to each output and wrote about it, those first on which they disagree most.

The disagreement of an item is a share (0: all alike, 1: opposite ends) for each kind of answer that two raters gave: the mean over
outputs and criteria of the absolute difference between two ratings, as a share of the scale; over questions and pairs of answers of
the distance between two orders (1 the other way round, 1/2 a tie against a preference); over outputs of 1 - F1 of the characters
that two raters marked with the same severity. The item has the mean of these kinds. It orders a list; `annotation.statistics` has
the statistics.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeVar

from annotation.records import Study, StudyData
from annotation.scales import Answer, answer_of
from annotation.span_records import Span, Spans

Kind = TypeVar("Kind")
ByPerson = Mapping[str, Kind]  # rater or adjudicator -> what she gave
Order = Mapping[str, int]  # system -> rank


@dataclass(frozen=True)
class ReadOutput:
    """One output with its ratings and marked errors."""

    system: str
    text: str
    language: str
    values: Mapping[str, ByPerson[Answer]]  # criterion -> rater -> value, "not applicable" among them
    adjudicated: Mapping[str, ByPerson[Answer]]  # criterion -> adjudicator -> value
    marks: ByPerson[Spans] = field(default_factory=dict)  # () where she marked none
    adjudicated_marks: ByPerson[Spans] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """One item in one language."""

    item_key: str
    language: str  # of the outputs
    source_text: str
    source_language: str
    outputs: tuple[ReadOutput, ...]
    raters: tuple[str, ...]  # who rated it, in the order they came
    comments: tuple[tuple[str, str], ...]  # (rater, what she wrote)
    reasons: tuple[tuple[str, str], ...]  # (adjudicator, why)
    disagreement: float | None  # in [0, 1]; None where nothing was rated by two
    orders: Mapping[str, ByPerson[Order]] = field(default_factory=dict)  # question -> rater -> order
    adjudicated_orders: Mapping[str, ByPerson[Order]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answers:
    """What raters who count gave to normal items."""

    values: Mapping[int, Mapping[str, ByPerson[Answer]]]  # output -> criterion -> rater
    marks: Mapping[int, ByPerson[Spans]]  # output -> rater
    orders: Mapping[tuple[str, str], Mapping[str, ByPerson[Order]]]  # item and language -> question -> rater
    comments: Mapping[tuple[str, str], list[tuple[str, str]]]  # item and language


def readings(
    study: Study,
    data: StudyData,
    *,
    language: str | None = None,
    system: str | None = None,
    only_comments: bool = False,
) -> list[Reading]:
    """Rated items without attention checks, by falling disagreement, then by their comments, then as they are stored.

    ``language`` and ``system`` restrict what is read and counted. Raters who are left out of results are left out here.
    """
    came = {one.rater: at for at, one in enumerate(data.raters)}
    answers = _answers(data)
    decided, reasons = _adjudicated(data)
    marked, ordered = _adjudicated_beside(data)
    groups: dict[tuple[str, str], list[ReadOutput]] = defaultdict(list)
    sources = {}
    for row in data.outputs:
        if row.item_kind != "normal" or language not in (None, row.language) or system not in (None, row.system):
            continue
        number = row.output_id
        sources[row.item_key] = (row.source_text, row.item_language)
        groups[row.item_key, row.language].append(
            ReadOutput(
                row.system, row.text, row.language, answers.values.get(number, {}), decided.get(number, {}),
                answers.marks.get(number, {}), marked.get(number, {}),
            )
        )  # fmt: skip
    result = []
    for (item, tag), outputs in groups.items():
        orders = answers.orders.get((item, tag), {})
        raters = {
            rater
            for by_rater in (*(row for one in outputs for row in (*one.values.values(), one.marks)), *orders.values())
            for rater in by_rater
        }
        written = tuple(answers.comments.get((item, tag), ()))
        if (raters or written) and (written or not only_comments):
            result.append(
                Reading(
                    item, tag, *sources[item], tuple(outputs), tuple(sorted(raters, key=lambda one: came.get(one, 0))),
                    written, tuple(reasons.get((item, tag), {}).items()), _disagreement(outputs, orders, study, system),
                    orders, ordered.get((item, tag), {}),
                )
            )  # fmt: skip
    return sorted(result, key=lambda one: (-(one.disagreement or 0.0), -len(one.comments)))


def _answers(data: StudyData) -> _Answers:
    excluded = {one.rater for one in data.raters if one.excluded_at is not None}
    values: dict[int, dict[str, dict[str, Answer]]] = defaultdict(lambda: defaultdict(dict))
    for rating in data.ratings:
        if rating.item_kind == "normal" and rating.rater not in excluded:
            values[rating.output_id][rating.criterion][rating.rater] = answer_of(rating.value)
    marks: dict[int, dict[str, Spans]] = defaultdict(lambda: defaultdict(tuple))
    for span in data.error_spans:
        if span.item_kind == "normal" and span.rater not in excluded:
            marks[span.output_id][span.rater] += (
                () if span.start is None or span.end is None or span.severity is None
                else (Span(span.start, span.end, span.severity),)
            )  # fmt: skip
    orders: dict[tuple[str, str], dict[str, dict[str, Order]]] = defaultdict(lambda: defaultdict(dict))
    for order in data.preferences:
        if order.item_kind == "normal" and order.rater not in excluded:
            ranks = dict(zip(order.systems, order.ranks, strict=True))
            orders[order.item_key, order.language][order.question][order.rater] = ranks
    comments: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for one in data.assignments:
        if one.comment and one.item_kind == "normal" and one.rater not in excluded:
            comments[one.item_key, one.language].append((one.rater, one.comment))
    return _Answers(values, marks, orders, comments)


def _adjudicated(
    data: StudyData,
) -> tuple[dict[int, dict[str, dict[str, Answer]]], dict[tuple[str, str], dict[str, str]]]:
    """Values by output, criterion and adjudicator; reasons by item, language and adjudicator."""
    decided: dict[int, dict[str, dict[str, Answer]]] = defaultdict(lambda: defaultdict(dict))
    reasons: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for one in data.adjudications:
        decided[one.output_id][one.criterion][one.adjudicator] = answer_of(one.value)
        if one.decision_reason:
            reasons[one.item_key, one.language][one.adjudicator] = one.decision_reason
    return decided, reasons


def _adjudicated_beside(
    data: StudyData,
) -> tuple[dict[int, dict[str, Spans]], dict[tuple[str, str], dict[str, dict[str, Order]]]]:
    """Marked errors by output and adjudicator, orders by item and language, question and adjudicator, as they stand."""
    marks: dict[int, dict[str, Spans]] = defaultdict(dict)
    for one in data.adjudicated_spans:
        if one.is_current:
            marks[one.output_id][one.adjudicator] = tuple(Span(*row) for row in one.spans)  # type: ignore[arg-type]
    orders: dict[tuple[str, str], dict[str, dict[str, Order]]] = defaultdict(lambda: defaultdict(dict))
    for order in data.adjudicated_orders:
        if order.is_current:
            ranks = dict(zip(order.systems, order.ranks, strict=True))
            orders[order.item_key, order.language][order.question][order.adjudicator] = ranks
    return marks, orders


def _disagreement(
    outputs: list[ReadOutput], orders: Mapping[str, ByPerson[Order]], study: Study, system: str | None
) -> float | None:
    """The mean over ratings, orders and marked errors, of those that two raters gave."""
    ratings = [
        _mean(abs(first - second) / study.scales[key].span for first, second in combinations(points, 2))
        for output in outputs
        for key, by_rater in output.values.items()
        if (points := [value for value in by_rater.values() if isinstance(value, int)])
    ]
    ordered = [
        _mean(order_distance(first, second, system) for first, second in combinations(by_rater.values(), 2))
        for by_rater in orders.values()
    ]
    marked = [
        _mean(1.0 - alike(first, second) for first, second in combinations(one.marks.values(), 2)) for one in outputs
    ]
    return _mean(_mean(kind) for kind in (ratings, ordered, marked))


def _mean(values: Iterable[float | None]) -> float | None:
    present = [one for one in values if one is not None]
    return sum(present) / len(present) if present else None


def order_distance(first: Order, second: Order, system: str | None = None) -> float | None:
    """Mean over the pairs of answers, those with `system` where one is named: 0 the same way, 1/2 a tie against none, 1 opposite."""

    def sign(order: Order, one: str, other: str) -> int:
        return (order[one] > order[other]) - (order[one] < order[other])

    return _mean(
        abs(sign(first, *pair) - sign(second, *pair)) / 2
        for pair in combinations(sorted(first.keys() & second.keys()), 2)
        if system is None or system in pair
    )


def alike(first: Spans, second: Spans) -> float:
    """F1 of the characters that two raters marked with the same severity; 1 where neither marked any."""
    one, other = (
        {(at, span.severity) for span in spans for at in range(span.start, span.end)} for spans in (first, second)
    )
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0
